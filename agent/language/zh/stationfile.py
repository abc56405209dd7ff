"""Chinese for what is wrong, or doubtful, in a station file."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "{} has one mistake": "{0} 有一处错误",
    "{} has {} mistakes": "{0} 有 {1} 处错误",
    "Correct the file, then run: station-agent --config {} check": (
        "请改正文件，然后运行：station-agent --config {0} check"
    ),
    "a table": "一个表",
    "a number of thousands of digits": "一个数千位的数",
    'did you mean "{}"?': '是否指 "{0}"？',
    "known here: {}": "此处可用：{0}",
    # the file as a whole
    "Is this the right file?": "文件是否正确？",
    "is this the right file?": "文件是否正确？",
    "larger than {} MB": "大于 {0} MB",
    "save it as UTF-8": "请保存为 UTF-8",
    "Save it as UTF-8": "请保存为 UTF-8",
    "the file is UTF-16 text": "文件是 UTF-16 文本",
    "not UTF-8 text": "不是 UTF-8 文本",
    "save it as UTF-8; from GBK: iconv -f GBK -t UTF-8 -o NEW {}": (
        "请保存为 UTF-8；由 GBK 转换：iconv -f GBK -t UTF-8 -o 新文件 {0}"
    ),
    "the file is empty": "文件为空",
    "begin with [station] and its id": "请以 [station] 及其 id 开头",
    "Begin with [station] and its id": "请以 [station] 及其 id 开头",
    "lists or tables stand too deep in each other": "列表或表嵌套过深",
    "there is no such file": "没有该文件",
    "write one with: sudo station-agent init (or copy station.toml.example), or name another: --config FILE": (
        "请运行 sudo station-agent init 生成（或复制 station.toml.example），或指定其他文件：--config 文件"
    ),
    "Write one with: sudo station-agent init (or copy station.toml.example), or name another: --config FILE": (
        "请运行 sudo station-agent init 生成（或复制 station.toml.example），或指定其他文件：--config 文件"
    ),
    "this is a folder, not a file": "这是目录，不是文件",
    "name the station.toml inside it": "请指定其中的 station.toml",
    "Name the station.toml inside it": "请指定其中的 station.toml",
    "this user may not read it": "当前用户无权读取",
    "join the group that may: usermod -aG station-agent USER": "请加入有权限的组：usermod -aG station-agent 用户名",
    "Join the group that may: usermod -aG station-agent USER": "请加入有权限的组：usermod -aG station-agent 用户名",
    "cannot be read: {}": "无法读取：{0}",
    "check the name and the disk": "请检查文件名和磁盘",
    "Check the name and the disk": "请检查文件名和磁盘",
    "not a file name": "不是文件名",
    # TOML
    "stands twice": "出现了两次",
    "each key and table once": "每个键和表只能出现一次",
    "first in line {}": "第一次在第 {0} 行",
    "not expected here": "此处不应有",
    "a text, list or table above has no end; look at line {}": "上文的文本、列表或表没有结束；请看第 {0} 行",
    "a number of too many digits": "数的位数过多",
    "write: {}": "请写：{0}",
    "did you mean {}?": "是否指 {0}？",
    "not plain characters: {}": "不是半角字符：{0}",
    "a comment begins with #": "注释以 # 开头",
    "nothing but a comment follows a value": "值之后只能写注释",
    "true and false are written so": "真和假写作 true 和 false",
    "a number is not written so": "数不能这样写",
    "a backslash stands in single quotes only": "反斜杠只能写在单引号中",
    "a text stands between two quotes": "文本要写在两个引号之间",
    "the list has no ] at its end": "列表末尾缺少 ]",
    "write {}, with two brackets": "请写 {0}，用双方括号",
    "two keys in one line": "一行中有两个键",
    "each key stands on a line of its own": "每个键独占一行",
    "a value is missing after =": "等号后缺少值",
    "not a number, true or false": "不是数、true 或 false",
    'a text stands in quotes: "5s"': '文本要加引号："5s"',
    "the text has no closing quote": "文本缺少结束引号",
    "not a table header": "不是表头",
    "write [station] or [[device]], alone on its line": "请写 [station] 或 [[device]]，独占一行",
    'not of the form key = "value"': '不是 键 = "值" 的形式',
    "not TOML: {}": "不是 TOML：{0}",
    # keys and values
    "unknown key": "未知的键",
    "table: coil for function 1, discrete for 2, holding for 3, input for 4": (
        "table：功能码 1 为 coil，2 为 discrete，3 为 holding，4 为 input"
    ),
    "scale 0 makes the same of every value": "scale 为 0 会使所有值相同",
    "a list of more values": "列表中的值不够",
    "not allowed": "不允许",
    "allowed: {}": "可用：{0}",
    'allowed: "{}" to "{}"': '可用："{0}" 至 "{1}"',
    "missing, and without it this cannot work": "缺少，没有它无法工作",
    "a number that is not infinite": "应为有限的数",
    "a number, without quotes": "应为数，不加引号",
    "a whole number": "应为整数",
    "a whole number, without quotes": "应为整数，不加引号",
    "a number that is not that large": "数过大",
    "true or false, without quotes": "应为 true 或 false，不加引号",
    'a text in quotes, such as "so2"': '应为带引号的文本，例如 "so2"',
    "a list in [ ]": "应为 [ ] 中的列表",
    "a table of keys and values": "应为键和值的表",
    "a value of another kind": "应为其他类型的值",
    "at least {}": "至少 {0}",
    "at most {}": "至多 {0}",
    "more than {}": "大于 {0}",
    "less than {}": "小于 {0}",
    "at least {} of them": "至少 {0} 个",
    "at most {} of them": "至多 {0} 个",
    'a name begins with a small letter and goes on with small letters, digits, "_" and "-", at most 32': (
        '名称以小写字母开头，后接小写字母、数字、"_" 和 "-"，至多 32 个字符'
    ),
    'letters, digits, "_" and "-", at most 32': '字母、数字、"_" 和 "-"，至多 32 个字符',
    'letters, digits, "_", ".", ":" and "-", at most 128': '字母、数字、"_"、"."、":" 和 "-"，至多 128 个字符',
    'a code of HJ 212 such as "a21026"': 'HJ 212 编码，例如 "a21026"',
    "not the name of a group of this system": "不是本系统的组名",
    'a channel ("so2"), a channel of a device ("so2.flow"), all of a device ("so2.*") or "line"': (
        '通道（"so2"）、设备的通道（"so2.flow"）、设备的全部（"so2.*"）或 "line"'
    ),
    'it into url, such as "tcp://host:502", "mqtts://host:8883" or "serial:///dev/ttyS0?baud=9600"': (
        '到 url 中，例如 "tcp://host:502"、"mqtts://host:8883" 或 "serial:///dev/ttyS0?baud=9600"'
    ),
    "write {}": "请写 {0}",
    "write the password into a file of its own and name that in password_file": (
        "请将密码写入单独的文件，并用 password_file 指定"
    ),
    'not one of the known UCUM codes such as "Cel", "hPa" or "ug/m3"': (
        '不是已知的 UCUM 代码，例如 "Cel"、"hPa"、"ug/m3"'
    ),
    'a time zone is a name such as "Asia/Shanghai" or "UTC"': '时区写作 "Asia/Shanghai" 或 "UTC" 这样的名称',
    "install the package tzdata": "请安装软件包 tzdata",
    "an address is a number, or a short text of letters and digits": "地址是数，或由字母和数字组成的短文本",
    '"puback", or "consumer:NAME" with a NAME of letters, digits, "_" and "-", at most 32': (
        '"puback"，或 "consumer:名称"，名称由字母、数字、"_" 和 "-" 组成，至多 32 个字符'
    ),
    'levels of letters, digits, "_" and "-", with "/" only between them': (
        '各级由字母、数字、"_" 和 "-" 组成，"/" 只用于各级之间'
    ),
    "a list of at least one of {}, each once": "至少含 {0} 之一的列表，每个一次",
    "holds a character that cannot be shown": "含有不可显示的字符",
    "longer than 200 characters": "超过 200 个字符",
    'a file is a text such as "ca.pem", "/etc/ssl/ca.pem" or "credential:NAME"': (
        '文件写作 "ca.pem"、"/etc/ssl/ca.pem" 或 "credential:名称"'
    ),
    'a credential is "credential:" and its name in the unit, of letters, digits, "_", "." and "-"': (
        '凭据写作 "credential:" 加服务单元中的名称，名称由字母、数字、"_"、"." 和 "-" 组成'
    ),
    'begin the file with [station] and id = "330100-A01"': '请以 [station] 和 id = "330100-A01" 开头',
    "write [{}], once and with single brackets": "请写 [{0}]，只写一次，用单方括号",
    "a list of tables": "应为表的列表",
    "write [[{}]], with two brackets": "请写 [[{0}]]，用双方括号",
    "holds a list or a table where a text or a number belongs": "应为文本或数，却是列表或表",
    # names, wires, addresses
    "{} {} already has this name": "第 {1} 个 {0} 已用此名称",
    "another channel of this device has this name": "该设备的另一通道已用此名称",
    'link "{}" is already this wire': '链路 "{0}" 已是这条线路',
    "one wire is one link; devices share it by its name": "一条线路即一个链路；各设备按名称共用",
    "{} is already on this wire": "{0} 已在这条线路上",
    'write link = "{}"': '请写 link = "{0}"',
    "write one [[link]] with this url, and its name in both devices": (
        "请写一个含此 url 的 [[link]]，两台设备都写其名称"
    ),
    "link is missing": "缺少 link",
    "name a [[link]] in link, or write url when it is alone on its wire": (
        "请用 link 指定一个 [[link]]；独占线路时写 url"
    ),
    'the wire is already said by link = "{}"': '线路已由 link = "{0}" 指定',
    "keep one of the two": "请保留其中之一",
    "there is no [[link]] of this name": "没有此名称的 [[link]]",
    "links: {}": "链路：{0}",
    "a [[link]] has this name too": "有同名的 [[link]]",
    'a wire of its own is called like the device: write link = "NAME", or rename one of them': (
        '独占的线路与设备同名：请写 link = "名称"，或将其中之一改名'
    ),
    "the channels are written in place too": "通道又写在了站点配置文件中",
    "profile is missing": "缺少 profile",
    "name its model in profile, or write [[device.channel]]; models: station-agent profiles": (
        "请用 profile 指定型号，或写 [[device.channel]]；型号列表：station-agent profiles"
    ),
    "the profile already says how this model talks": "描述文件已说明该型号如何通信",
    "remove it": "请删去",
    "the channels are written in place": "通道写在站点配置文件中",
    "say it in [[device.channel]]": "请写在 [[device.channel]] 中",
    "not a channel of this profile": "不是该描述文件的通道",
    "not a channel of this device": "不是该设备的通道",
    "it has {}": "它有 {0}",
    "{} leaves the factory with {}": "{0} 的出厂设置为 {1}",
    "address is missing, and a serial line needs it": "缺少 address，串口线路必须有",
    "a Modbus address here is a number from {} to {}": "此处的 Modbus 地址是 {0} 至 {1} 的数",
    "no address either": "也没有地址",
    "this address": "此地址",
    'device "{}" on link "{}" has {}': '链路 "{1}" 上的设备 "{0}" {2}',
    "give each its own": "请各用各的",
    "mqtt:// does not encrypt and uses no such file": "mqtt:// 不加密，不使用此文件",
    "write mqtts://": "请写 mqtts://",
    "a key is of no use without its certificate": "没有证书，密钥无用",
    "name it in cert_file": "请用 cert_file 指定",
    "a password needs a username": "有密码必须有 username",
    'uplink "{}" has this client id at this broker': '上位平台 "{0}" 在该 MQTT 服务器上已用此 client_id',
    "a broker throws one of the two out, for ever; give each its own client_id": (
        "MQTT 服务器会不断踢出其中之一；请各用各的 client_id"
    ),
    "described in the station file": "写在站点配置文件中",
    "station file": "站点配置文件",
    "there is no profile of this name": "没有此名称的描述文件",
    "list: station-agent profiles": "列表：station-agent profiles",
    'it speaks of "{}": {}': '其中提到 "{0}"：{1}',
    'there is no [[device]] "{}"': '没有 [[device]] "{0}"',
    'device "{}" has not {}': '设备 "{0}" 没有 {1}',
    # times
    "at most half the shortest interval of the device, {}": "至多为该设备最短间隔的一半，即 {0}",
    "{} may take {} to answer: at least {}": "{0} 应答可能需要 {1}：至少 {2}",
    "or write timeout for this device": "或为该设备写 timeout",
    "the polls on this line take at least {} of its time": "此线路上的采集至少占用 {0} 的时间",
    "poll less often, use a higher baud rate or a second line": "请降低采集频率、提高波特率或另加线路",
    "when it is silent it holds the wire for {}": "它不应答时占用线路 {0}",
    '"{}" is due every {}': '"{0}" 每 {1} 采集一次',
    # addresses
    "hj212:// is reserved and not yet spoken; use mqtts:// or mqtt://": (
        "hj212:// 保留，尚不支持；请用 mqtts:// 或 mqtt://"
    ),
    "a broker is mqtts://host:port, or mqtt://host:port without encryption": (
        "MQTT 服务器写作 mqtts://主机:端口，不加密时写作 mqtt://主机:端口"
    ),
    "a broker is mqtts://host:port, with a port from 1 to 65535": (
        "MQTT 服务器写作 mqtts://主机:端口，端口为 1 至 65535"
    ),
    "nothing follows host and port; topics begin with what root says": (
        "主机和端口之后不写其他内容；主题前缀由 root 指定"
    ),
    "an address has no blanks and no line ends": "地址中不能有空格和换行",
    "no user and no password belong into an address: {}": "地址中不写用户名和密码：{0}",
    "name the user in username and the file with the password in password_file": (
        "请用 username 指定用户，用 password_file 指定密码文件"
    ),
    "an address has plain characters only: points, colons and digits that are not wide": (
        "地址只用半角字符：点、冒号、数字都不用全角"
    ),
    "an IP address is four numbers from 0 to 255 with points between, without leading zeros": (
        "IP 地址是用点隔开的四个 0 至 255 的数，前面不加零"
    ),
    "ports have other names here: ls -l /dev/serial/by-id; then serial:///dev/serial/by-id/NAME?baud=9600": (
        "此系统的串口另有名称：ls -l /dev/serial/by-id；再写 serial:///dev/serial/by-id/名称?baud=9600"
    ),
    "write serial:// before it, and its settings behind: serial:///dev/ttyUSB0?baud=9600": (
        "请在前面写 serial://，后面写串口参数：serial:///dev/ttyUSB0?baud=9600"
    ),
    "write mqtts://, or mqtt:// where the broker cannot encrypt": "请写 mqtts://；MQTT 服务器不能加密时写 mqtt://",
    "a wire is opened without them": "打开线路不需要它们",
    "a port is a number from 1 to 65535": "端口是 1 至 65535 的数",
    "options are written as ?baud=9600&parity=N": "选项写作 ?baud=9600&parity=N",
    # doubts
    "no [[device]] is enabled": "没有启用的 [[device]]",
    "nothing is measured": "没有任何测量",
    "there is no [[uplink]]": "没有 [[uplink]]",
    "readings are kept here and delivered nowhere": "数据只保存在本地，不上报",
    "this number may change when an adapter is plugged in anew": "重新插拔转换器后此编号可能改变",
    "use its name under /dev/serial/by-id, or a udev rule as in systemd/": (
        "请用 /dev/serial/by-id 下的名称，或如 systemd/ 中的 udev 规则"
    ),
    "channel {}: registers are counted from 0 here, as they travel on the wire": (
        "通道 {0}：此处寄存器从 0 数起，与线路上传输的一致"
    ),
    "where the manual counts from {}, write register = {}": "手册从 {0} 数起时，请写 register = {1}",
    "channel {} begins inside {}, which takes {} to {}": "通道 {0} 的起始落在 {1} 之内，后者占用 {2} 至 {3}",
    "{} is no usual baud rate": "{0} 不是常用的波特率",
    "Modbus RTU needs 8 data bits": "Modbus RTU 需要 8 个数据位",
    'write bytesize=8, or protocol = "modbus-ascii" where the instrument speaks that': (
        '请写 bytesize=8；仪器使用 ASCII 时写 protocol = "modbus-ascii"'
    ),
    "its example speaks of {}, which is no channel": "示例中的 {0} 不是通道",
    "the registers of its example give {} = {}, where it prints {}": ("按示例的寄存器应得 {0} = {1}，示例却写 {2}"),
    "compare register, type, order and scale with the manual": "请将 register、type、order、scale 与手册核对",
    "channel {} has the bits 0 to {}": "通道 {0} 只有位 0 至 {1}",
    "others never hold": "其他位永远不会成立",
    "channel {} is a number and never a text": "通道 {0} 是数，不会是文本",
    "write it without quotes": "请不加引号",
    "{} is made of plain letters": "{0} 由普通字母组成",
    r'write control characters as codes in double quotes: "\r\n", "\u0002"': (
        r'控制字符请在双引号中写代码："\r\n"、"\u0002"'
    ),
    "{{}} is sent as it stands": "{{{0}}} 会原样发送",
    "compare register and type of both with the manual": "请将两者的寄存器和类型与手册核对",
    "not encrypted: {} and changed on the way": "未加密：{0}，也可被篡改",
    "what is sent, the password too, can be read": "传输内容（包括密码）可被窃读",
    "what is sent can be read": "传输内容可被窃读",
    "use mqtts://": "请用 mqtts://",
    "no such file, or this user may not see it": "没有该文件，或当前用户无权查看",
    "states of {} concern what is sampled through it, but affects is empty": (
        "{0} 的状态影响经它采样的设备，但 affects 为空"
    ),
    'list those devices: affects = ["so2", "nox"]': '请列出这些设备：affects = ["so2", "nox"]',
}
