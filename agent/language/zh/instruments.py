"""Chinese for instruments and their wires: drivers, polls, scan, probe, listen, identify."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # what goes wrong on a wire
    "{} on {} gave no reply within {} s": "{0}（{1}）在 {2} 秒内没有应答",
    "Check power, cable and address, then run: station-agent read {}": (
        "请检查电源、线缆和地址，然后运行：station-agent read {0}"
    ),
    "{} on {} gave a reply that cannot be its answer: {}": "{0}（{1}）的应答与查询不符：{2}",
    "Check baud rate, parity, wiring and that no address is used twice": (
        "请检查波特率、校验位、接线，并确认地址没有重复"
    ),
    "Check protocol, port and address of the device": "请检查该设备的协议、端口和地址",
    "{}, then run: station-agent read {}": "{0}，然后运行：station-agent read {1}",
    "an exception without a code": "没有异常码的异常应答",
    "{} refused {}: exception {} ({})": "{0} 拒绝了 {1}：异常码 {2}（{3}）",
    "All of them: station-agent profiles; those that a word fits: station-agent profiles ozone": (
        "全部：station-agent profiles；按词查找：station-agent profiles 臭氧"
    ),
    "a profile, as a station file names it, or a word that finds some": "站点配置文件中的描述文件名，或用于查找的词",
    "which ones measure it, by HJ code; also ozone, 臭氧, teledyne": (
        "哪些能测它，按 HJ 编码；也可用 ozone、臭氧、teledyne"
    ),
    "A gateway may speak Modbus TCP itself: {} --protocol modbus-tcp": (
        "网关可能自己使用 Modbus TCP：{0} --protocol modbus-tcp"
    ),
    "A gateway may only pass bytes on: {} --protocol modbus-rtu": "网关可能只是透传：{0} --protocol modbus-rtu",
    "Check wires A and B, then try other settings: {} --serial 9600,19200,4800": (
        "请检查 A、B 线，再试其他串口参数：{0} --serial 9600,19200,4800"
    ),
    "byte {} is none of encoding {}": "字节 {0} 不属于编码 {1}",
    "It has no such registers: is table right in its profile? Look: station-agent probe {} 0 1": (
        "它没有这类寄存器：描述文件中的 table 对吗？请看：station-agent probe {0} 0 1"
    ),
    "Compare register and table with its manual; registers count from 0, what a manual calls 40001 is 0": (
        "请将 register 和 table 与手册核对；寄存器从 0 数起，手册中的 40001 在此为 0"
    ),
    "Check power and wires behind the gateway, the address, and the baud rate that the gateway is set to": (
        "请检查网关后面的供电和接线、地址，以及网关设置的波特率"
    ),
    "It is busy with something else, or with other masters: raise every, or pause of the device": (
        "它正忙于其他事务或其他主站：请加大该设备的 every 或 pause"
    ),
    "Compare the register map of the profile with the manual of this model and firmware": (
        "请将描述文件的寄存器表与该型号及固件的说明书对照"
    ),
    "link {} ({}) cannot be used: {}": "链路 {0}（{1}）不可用：{2}",
    "{}; next attempt in {} s": "{0}；{1} 秒后重试",
    "Check the far end: station-agent status": "请检查对端：station-agent status",
    "it was closed here": "本端已关闭",
    "there is no such port": "没有这个串口",
    "the port is gone": "串口已消失",
    "it is held by {}": "被 {0} 占用",
    "it is held by another program": "被其他程序占用",
    "Check the cable and the adapter: ls -l {}": "请检查线缆和转换器：ls -l {0}",
    "Stop that program, or give the port to one program only": "请停止该程序，一个串口只能由一个程序使用",
    "See which one: sudo fuser -v {}": "查看是哪个程序：sudo fuser -v {0}",
    "Check the adapter and the rights on it: ls -lL {}": "请检查转换器及其权限：ls -lL {0}",
    "no connection within {} s": "{0} 秒内未能连接",
    "TLS failed: {}": "TLS 失败：{0}",
    "Compare ca, cert, key and name of the URL": "请核对 URL 中的 ca、cert、key 和名称",
    "Check address, port and network: ping {}": "请检查地址、端口和网络：ping {0}",
    "Check ca, cert and key of the URL, and the rights on those files": "请检查 URL 中的 ca、cert、key 及文件权限",
    "its certificate files cannot be read: {}": "无法读取其证书文件：{0}",
    "the far end closed the connection": "对端关闭了连接",
    "Check address and network: ping {}": "请检查地址和网络：ping {0}",
    "the socket was closed": "套接字已关闭",
    "Connection refused": "连接被拒绝",
    # reasons in records
    "no_reply": "无应答",
    "bad_reply": "应答错误",
    "link_down": "链路中断",
    "driver_error": "驱动错误",
    # exceptions of Modbus
    "illegal function": "非法功能码",
    "illegal data address": "非法数据地址",
    "illegal data value": "非法数据值",
    "device failure": "设备故障",
    "acknowledged, still working": "已确认，仍在处理",
    "device busy": "设备忙",
    "memory parity error": "存储器校验错误",
    "gateway path unavailable": "网关路径不可用",
    "gateway: the target did not answer": "网关：目标设备没有应答",
    "a code of its own": "自定义代码",
    # replies of Modbus
    "a header that is not Modbus: {}": "报文头不是 Modbus：{0}",
    "a reply to transaction {} instead of {}": "应答的事务号是 {0}，应为 {1}",
    "a reply of unit {} instead of {}": "单元 {0} 的应答，应为单元 {1}",
    "a reply to function {} instead of {}": "对功能码 {0} 的应答，应为 {1}",
    "a byte count that does not fit: {}": "字节数不符：{0}",
    "{} bytes of data instead of {}": "数据 {0} 字节，应为 {1} 字节",
    "the request itself, as an echo": "收到的是查询本身的回声",
    "no frame with a right CRC in {}": "{0} 中没有 CRC 正确的帧",
    "a damaged line: {}": "行已损坏：{0}",
    "second copies of other replies, {} times in a row": "连续 {0} 次收到其他应答的重复",
    "the answer to an earlier request came as well": "较早查询的应答也到了",
    "device {} has the address {}, which is no Modbus unit": "设备 {0} 的地址 {1} 不是 Modbus 单元号",
    "Set address to a number from {} to {}": "请将 address 设为 {0} 至 {1} 的数",
    "Give it table, register and type": "请给出 table、register 和 type",
    "device {}: channel {} takes {} from {} on": "设备 {0}：通道 {1} 从 {3} 起占 {2}",
    "One request reads at most {}, and addresses end at 65535": "一次查询最多读 {0}，地址到 65535 为止",
    # drivers in general
    "has the address {}, which is no number from {} to {}": "地址 {0} 不是 {1} 至 {2} 的数",
    "has {}, which this protocol does not know": "有 {0}，该协议没有此选项",
    "Options here: {}": "此处可用的选项：{0}",
    "there is no protocol {}": "没有协议 {0}",
    "{} offers the protocol {}, but {} cannot be loaded: {}": "{0} 提供协议 {1}，但无法加载 {2}：{3}",
    "Reinstall or update that package, or take its devices out of the station file": (
        "请重新安装或更新该软件包，或从站点配置文件中去掉其设备"
    ),
    "{} offers the protocol {}, but {} is no drivers.api.Driver": "{0} 提供协议 {1}，但 {2} 不是 drivers.api.Driver",
    "Tell its maker: the entry point has to name a subclass of drivers.api.Driver": (
        "请告知其开发者：入口点必须指向 drivers.api.Driver 的子类"
    ),
    "the package of {}": "{0} 所在的软件包",
    "; and {} more": "；另有 {0} 处",
    "Check its rights: ls -l {}": "请检查其权限：ls -l {0}",
    "{} cannot be read: {}": "无法读取 {0}：{1}",
    "Correct the profile, then run: station-agent check": "请改正描述文件，然后运行：station-agent check",
    "{} is not TOML: {}": "{0} 不是 TOML：{1}",
    "Correct that line of the profile": "请改正描述文件的这一行",
    "{} is no number of this world": "{0} 不是可用的数",
    "there is no profile {}": "没有描述文件 {0}",
    "the profile": "描述文件",
    "There are: {}": "现有：{0}",
    "no checksum where one belongs": "应有校验和处没有校验和",
    "checksum {} instead of {}": "校验和 {0}，应为 {1}",
    "CRC {} instead of {}": "CRC {0}，应为 {1}",
    "not ##, a length of four digits, that many bytes and a CRC": "不是“##、四位长度、相应字节数和 CRC”的形式",
    "profile {} of device {} has no dialogue": "设备 {1} 的描述文件 {0} 没有 dialogue",
    "Add [dialogue] with one [[dialogue.request]] to the profile, or choose another protocol": (
        "请在描述文件中加入 [dialogue] 和 [[dialogue.request]]，或选择其他协议"
    ),
    "Set address = … of the device": "请设置设备的 address = …",
    "no frame begins here": "此处不是帧的开始",
    "channel {} names no register": "通道 {0} 没有指明寄存器",
    "{} needs an address": "{0} 需要地址",
    "{} has no form such as 03, 02X or c": "{0} 没有 03、02X 或 c 这样的格式",
    "a number is needed as its address, not {}": "地址必须是数，而不是 {0}",
    "{} cannot hold the address {}": "{0} 容不下地址 {1}",
    "{} is damaged: it has control characters inside": "{0} 已损坏：其中有控制字符",
    "{} is no answer to {}": "{0} 不是对 {1} 的应答",
    "{} has no begin": "{0} 没有开头",
    "{} is the rest of something else": "{0} 是其他数据的残余",
    "{}, which comes by itself": "{0}（主动发送）",
    "{} bytes came that are no whole reply: {}": "收到 {0} 字节，不是完整的应答：{1}",
    # a duration, an endpoint
    'a duration is a text such as "200ms", "5s", "10min", "12h" or "400d"': (
        '时长写作 "200ms"、"5s"、"10min"、"12h" 或 "400d"'
    ),
    'a size is a text such as "256KiB", "64MB" or "20GB"': '大小写作 "256KiB"、"64MB" 或 "20GB"',
    "a link's URL begins with serial://, tcp://, udp:// or tls://": (
        "链路的 URL 以 serial://、tcp://、udp:// 或 tls:// 开头"
    ),
    "a link's URL holds no user and no password": "链路的 URL 不含用户名和密码",
    "a serial URL names the device file with three slashes: serial:///dev/ttyUSB0?baud=9600": (
        "串口 URL 用三个斜杠写出设备文件：serial:///dev/ttyUSB0?baud=9600"
    ),
    "a {} URL is {}://host:port": "{0} 的 URL 写作 {1}://主机:端口",
    "{} is no option here; {}": "{0} 不是此处的选项；{1}",
    "this kind of link has none": "这种链路没有选项",
    "{} is one of {}, not {}": "{0} 可为 {1}，不能是 {2}",
    "baud is a number from 50 to 4000000, not {}": "baud 是 50 至 4000000 的数，不能是 {0}",
    # a profile
    "not one of the known UCUM codes": "不是已知的 UCUM 代码",
    "not one of the known UCUM codes: {}": "不是已知的 UCUM 代码：{0}",
    "a parameter needs a group: sampling, instrument or station": "参数需要 group：sampling、instrument 或 station",
    "{} must be [low, high] with low below high, not {}": "{0} 必须是 [下限, 上限] 且下限小于上限，不能是 {1}",
    "{} cannot be a bit number or a state value": "{0} 不能作为位号或状态值",
    "the keys under bits are bit numbers, 0 is the least significant": "bits 下的键是位号，0 为最低位",
    "not a regular expression: {}": "不是正则表达式：{0}",
    "a pattern needs a group named value: (?P<value>…)": "pattern 需要名为 value 的组：(?P<value>…)",
    "request {}: lines that come by themselves need expect or a checksum": (
        "request {0}：主动发送的行需要 expect 或校验和"
    ),
    "request {}: a reply with begin or trailer has one line": "request {0}：有 begin 或 trailer 的应答只有一行",
    "trailer counts check characters, so it needs a checksum": "trailer 是校验字符数，因此需要 checksum",
    "an exchange has its reply, and its question if any, as text or in hex, one of them": (
        "exchange 的应答（及可能有的查询）用文本或十六进制之一写出"
    ),
    "channel {} stands {} times": "通道 {0} 出现了 {1} 次",
    "channel {}: new_by names {}, which is not a channel": "通道 {0}：new_by 所指的 {1} 不是通道",
    "channel {}: {} is not a channel of this profile": "通道 {0}：{1} 不是该描述文件的通道",
    "channel {}: {} is not a request of this dialogue": "通道 {0}：{1} 不是该 dialogue 的 request",
    "channel {}: ask belongs to a request with {ask}, and such a request needs it": (
        "通道 {0}：ask 与含 {{ask}} 的 request 必须同时使用"
    ),
    "channel {}: a text answer is read by field or by pattern, one of them": (
        "通道 {0}：文本应答用 field 或 pattern 之一读取"
    ),
    # Aeroqual
    "Set address to the id of the monitor, usually 1": "请将 address 设为监测仪的编号，通常为 1",
    "a reply of id {} about sensor {}": "编号 {0} 关于传感器 {1} 的应答",
    "sensor {} of id {}": "编号 {1} 的传感器 {0}",
    "15 bytes whose sum is not 0": "15 字节之和不为 0",
    # AP-370
    "Set address to 1 APNA, 2 APHA, 3 APMA, 4 APSA or 5 APOA": (
        "请将 address 设为 1（APNA）、2（APHA）、3（APMA）、4（APSA）或 5（APOA）"
    ),
    "{} bytes about {}": "{0} 字节，关于 {1}",
    "no AP-370 answer": "不是 AP-370 的应答",
    "an AP-370 answer with a wrong check": "AP-370 的应答校验错误",
    # SDI-12
    "device {} has the address {}, which is none of SDI-12": "设备 {0} 的地址 {1} 不是 SDI-12 地址",
    'Set address to one character, such as "0"; a sensor alone on its bus tells it when asked ?!': (
        '请将 address 设为一个字符，例如 "0"；总线上只有一个传感器时，发送 ?! 它会告知地址'
    ),
    "{} lacks field": "{0} 缺少 field",
    "device {}: channel {}": "设备 {0}：通道 {1}",
    "device {}: channel": "设备 {0}：通道",
    "Add field = 0 for the first value, 1 for the second": "请加入 field：第一个值为 0，第二个为 1",
    "it measures for up to {} s, longer than options.longest": "测量最长需 {0} 秒，超过 options.longest",
    "{} values where {} were announced": "给出 {0} 个值，预告为 {1} 个",
    # Serinus
    "Set address to the Serial ID of the instrument's communication menu": (
        "请将 address 设为仪器通信菜单中的 Serial ID"
    ),
    "a frame of id {} to command {} with other parameters than asked": "编号 {0} 对命令 {1} 的帧，参数与查询不符",
    "parameters {} of id {}": "编号 {1} 的参数 {0}",
    "no Serinus frame": "不是 Serinus 帧",
    "a Serinus frame with a wrong checksum or end": "Serinus 帧的校验和或结尾错误",
    # SHDLC
    "Set address to the one of the device, 0 from the factory": "请将 address 设为设备的地址，出厂为 0",
    "SHDLC execution error": "SHDLC 执行错误",
    "an SHDLC frame with a wrong escape": "SHDLC 帧的转义错误",
    "an SHDLC frame that ends within an escape": "SHDLC 帧在转义中结束",
    "a frame of {} about command {}": "{0} 关于命令 {1} 的帧",
    "{} bytes of data where {} were asked for": "数据 {0} 字节，所查询的为 {1} 字节",
    "an SHDLC frame with a wrong checksum": "SHDLC 帧的校验和错误",
    "no SHDLC reply": "不是 SHDLC 应答",
    "measured value, {}": "测量值，{0}",
    # UMB
    "Set address to the device id; its class is options.class": "请将 address 设为设备编号；类别用 options.class 给出",
    "a frame from {} to {} with command {}": "从 {0} 到 {1} 的帧，命令 {2}",
    "channels {} where {} were asked for": "给出通道 {0}，所查询的为 {1}",
    "channels {} of {}": "{1} 的通道 {0}",
    "no UMB frame": "不是 UMB 帧",
    "a UMB frame without a command": "UMB 帧没有命令",
    "a UMB frame without its end": "UMB 帧没有结尾",
    "a UMB frame with a wrong CRC": "UMB 帧的 CRC 错误",
    "unknown command": "未知命令",
    "invalid parameter": "参数无效",
    "invalid header version": "报文头版本无效",
    "invalid version of the command": "命令版本无效",
    "too much in one request": "一次查询内容过多",
    "invalid channel": "通道无效",
    "not ready": "未就绪",
    "hardware error": "硬件错误",
    "measurement error": "测量错误",
    "initialization error": "初始化错误",
    "channel deactivated": "通道已停用",
    "see the UMB protocol": "见 UMB 协议",
    # polls
    "link {} was just reconfigured": "链路 {0} 刚被重新配置",
    "Ask again": "请再试一次",
    "the polls on link {} leave no gap of {} s": "链路 {0} 上的采集没有留出 {1} 秒的空隙",
    "Poll less often, or stop the daemon meanwhile; a shorter --timeout needs less of a gap": (
        "请降低采集频率，或暂停采集服务；--timeout 越短所需空隙越小"
    ),
    # options of scan, probe, listen, identify
    "a link of the station file, or a device with a wire of its own": "站点配置文件中的链路，或独占线路的设备",
    "1-247 (the default for Modbus), 1,2,16-31, 0-9,A-Z": "1-247（Modbus 的默认值）、1,2,16-31、0-9,A-Z",
    "look for instruments of this model and not for Modbus units": "查找该型号的仪器，而不是 Modbus 单元",
    "modbus-rtu, -ascii or -tcp, where it is not the usual": "modbus-rtu、-ascii 或 -tcp，不是通常协议时指定",
    "what is asked for": "查询的寄存器类别",
    "which register is asked for (0)": "查询哪个寄存器（0）",
    "how long each may take to answer (300ms)": "每个地址最长应答时间（300ms）",
    "baud rates to try, on a link not polled": "要尝试的波特率，用于未在采集的链路",
    "parities to try, on a link not polled": "要尝试的校验位，用于未在采集的链路",
    "who is asked (Modbus: 1; else as delivered)": "查询的地址（Modbus 为 1，其他为出厂地址）",
    "try only this one; may be repeated": "只尝试此描述文件；可重复使用",
    "how long each answer may take (500ms)": "每次最长应答时间（500ms）",
    "how long (10s)": "持续多久（10s）",
    "a device, or a link together with --unit": "设备名，或链路名加 --unit",
    "the first one as sent on the wire, from 0; also 0x10": "起始寄存器，按线路上的编号，从 0 起；也可写 0x10",
    "how many registers, or bits": "寄存器（或位）的个数",
    "the Modbus address on a link": "链路上的 Modbus 地址",
    "holding, or the profile's": "寄存器类别，默认按描述文件或 holding",
    "how long an answer may take (1s)": "最长应答时间（1s）",
    # scan
    "scanning {} at {}{}: {} addresses as {}, {} s each, about {} s together{}": (
        "扫描 {0}（{1}{2}）：{3} 个地址，协议 {4}，每个 {5} 秒，共约 {6} 秒{7}"
    ),
    " with {}": "，{0}",
    ", between the polls of {}": "，在 {0} 的采集间隙进行",
    "damaged": "已损坏",
    "address {}": "地址 {0}",
    "{} of {} asked, {} answered": "已查询 {0}/{1}，{2} 个有应答",
    "{} answered": "{0} 个有应答",
    "not tried: {}": "未尝试：{0}",
    "{} names more than {} addresses": "{0} 超过 {1} 个地址",
    "Scan a part of them at a time": "请分批扫描",
    "{} is no list of addresses: {} in it is not understood": "{0} 不是地址列表：无法理解其中的 {1}",
    "Write them as 1-247, as 1,2,16-31, or as 0-9,A-Z, the smaller one first": (
        "请写作 1-247、1,2,16-31 或 0-9,A-Z，小的在前"
    ),
    "a scan cannot ask in the protocol {}; name a profile of it": "无法用协议 {0} 扫描；请指定使用该协议的描述文件",
    "protocols to scan": "可扫描的协议",
    "Scan it as it is: station-agent scan {}": "请按现有设置扫描：station-agent scan {0}",
    "link {} is no serial line and has no baud rate": "链路 {0} 不是串口，没有波特率",
    "link {} is being polled, and another baud rate or parity would disturb {}": (
        "链路 {0} 正在采集，改变波特率或校验位会干扰 {1}"
    ),
    "Set enabled = false for {}, run station-agent reload, and scan then": (
        "请为 {0} 设置 enabled = false，运行 station-agent reload 后再扫描"
    ),
    "there is no link called {}": "没有名为 {0} 的链路",
    "link {} is being polled, and requests of a {} instrument would disturb it": (
        "链路 {0} 正在采集，{1} 仪器的查询会干扰它"
    ),
    "Stop the daemon meanwhile, or give that instrument a link of its own": "请暂停采集服务，或给该仪器单独的链路",
    "parity {} does not exist": "没有校验位 {0}",
    "It is one of {}": "可为 {0}",
    "{} baud cannot be set": "无法设置 {0} 波特",
    "Common ones: 9600, 19200, 38400, 115200": "常用：9600、19200、38400、115200",
    "the request": "查询",
    "a Modbus unit": "Modbus 单元",
    # probe
    "{} {} registers from {} on cannot be read": "无法从 {2} 起读取 {0} 个 {1} 寄存器",
    "Addresses are 0 to {} as sent on the wire, and at most {} are shown at once": (
        "地址按线路上的编号为 0 至 {0}，一次最多显示 {1} 个"
    ),
    "Run: station-agent read {} --raw": "运行：station-agent read {0} --raw",
    "Look who is there: station-agent scan {}": "查看有哪些设备：station-agent scan {0}",
    "{} speaks {} and has no registers": "{0} 使用 {1}，没有寄存器",
    "there is no device or link called {}": "没有名为 {0} 的设备或链路",
    "devices and links": "设备和链路",
    "Say which: station-agent probe {} --unit 1 {} {}": "请指明单元：station-agent probe {0} --unit 1 {1} {2}",
    "{} is a link, with more than one unit": "{0} 是链路，上面不止一个单元",
    "{}, address {} at {}: {} {} from {}": "{0}，地址 {1}，{2}：从 {5} 起 {3} 个 {4}",
    "- stands where nothing is: {}": "- 表示该处没有寄存器：{0}",
    "the profile reads {} at {}: {}": "描述文件在 {1} 读取 {0}：{2}",
    "* plausible; compare with the display of the instrument. To paste, with a name and a unit of its own:": (
        "* 合理的值；请与仪器显示对照。可粘贴以下内容，并改写名称和单位："
    ),
    "REGISTER": "寄存器",
    "HEX": "十六进制",
    "TEXT": "文本",
    "finite, of sane size": "有限数，大小合理",
    ", only {} digits": "，仅 {0} 位数字",
    "finite, of sane size, only {} digits": "有限数，大小合理，仅 {0} 位数字",
    "a number or bits": "数或位",
    "a small negative number": "较小的负数",
    "a count": "计数",
    "as seconds since 1970: {}": "自 1970 年起的秒数：{0}",
    "{} printable characters": "{0} 个可打印字符",
    # listen
    "listening on {} at {} for {} s; Ctrl-C ends it": "监听 {0}（{1}）{2} 秒；按 Ctrl-C 结束",
    "{} lines, {} bytes": "{0} 行，{1} 字节",
    "raw": "原始",
    "perhaps": "可能是",
    "Gill ASCII": "Gill ASCII",
    "HJ 212 without its CRC": "HJ 212，没有 CRC",
    "NMEA 0183 without a checksum": "NMEA 0183，没有校验和",
    "Vaisala or SDI-12 with CRC": "Vaisala 或带 CRC 的 SDI-12",
    "SDI-12 values": "SDI-12 数值",
    "name=value pairs": "“名称=数值”对",
    "numbers separated by commas": "逗号分隔的数",
    "numbers separated by semicolons": "分号分隔的数",
    "numbers separated by blanks": "空格分隔的数",
    "{}, checksum ok": "{0}，校验和正确",
    "{}, but its checksum is wrong": "{0}，但校验和错误",
    "Modbus RTU frame of unit {}, function {}, CRC ok": "单元 {0} 的 Modbus RTU 帧，功能码 {1}，CRC 正确",
    # read --raw
    "coils": "线圈",
    "discrete inputs": "离散输入",
    "holding registers": "保持寄存器",
    "input registers": "输入寄存器",
    "no {} frame: {} bytes": "不是 {0} 帧：{1} 字节",
    "{} ok": "{0} 正确",
    "CRC ok": "CRC 正确",
    "LRC ok": "LRC 正确",
    "LRC {} instead of {}": "LRC {0}，应为 {1}",
    "length ok": "长度正确",
    "length {}, but {} bytes follow": "长度 {0}，但其后有 {1} 字节",
    "protocol {} is not Modbus": "协议 {0} 不是 Modbus",
    "unit {}": "单元 {0}",
    "transaction {}": "事务号 {0}",
    "exception {} ({}) to function {}": "对功能码 {2} 的异常码 {0}（{1}）",
    "function {} ({})": "功能码 {0}（{1}）",
    "something that this program never asks": "本程序从不使用的功能",
    "words {}": "字 {0}",
    "unit {}: {}": "单元 {0}：{1}",
    "function {}, {} {} {} from {}": "功能码 {0}，从 {4} 起读 {1} 个{2}{3}",
    "holding": "保持",
    "input": "输入",
    "registers": "寄存器",
    "{} from {} ({})": "从 {1}（{2}）起 {0} 个",
    "{} bytes of data": "数据 {0} 字节",
    ", but {} are there": "，实有 {0} 字节",
    "{} bytes of data, but {} are there": "数据应为 {0} 字节，实有 {1} 字节",
    "{} at {}": "{0}，{1}",
    # identify
    "asking on {} at {} what {} profiles would ask": "在 {0}（{1}）上按 {2} 个描述文件查询",
    "{}; about {} s": "{0}；约 {1} 秒",
    "{} of {} tried, {} answered": "已尝试 {0}/{1}，{2} 个有应答",
    "a fit is no proof: compare with the instrument's display": "相符不等于证明：请与仪器显示对照",
    "nothing fits": "没有相符的",
    "now": "当前",
    "{} ({} of 100)": "{0}（{1}/100）",
    "fits badly": "不太相符",
    "fits partly": "部分相符",
    "fits well": "相符",
    "{} of {} channels have a value that is possible": "{1} 个通道中 {0} 个的值合理",
    "impossible, out of range or an unknown state": "不可能、超量程或未知状态",
    "registers carry no name: another model with numbers at these places would fit as well": (
        "寄存器不带名称：其他型号在相同位置有数值时同样相符"
    ),
    "replies have the form and the checksum ({}) of this model": "应答的格式和校验和（{0}）与该型号一致",
    "replies have the form of this model": "应答的格式与该型号一致",
    "a reply looks like a printed example, but for its digits": "除数字外，应答与说明书中的示例一致",
    "leaves the factory with {}, this line has {} Bd": "出厂设置为 {0}，此线路为 {1} 波特",
    # the daemon, asked
    "there is no device called {}": "没有名为 {0} 的设备",
    "The {} are: {}": "现有{0}：{1}",
    "devices": "设备",
    "this daemon does not know that request": "该采集服务不认识此请求",
    "Compare both versions": "请比较两者的版本",
    "user {} may look, but not act": "用户 {0} 可以查看，但不能操作",
    "Add the user to the group station-agent-op, or call with sudo": (
        "请将该用户加入 station-agent-op 组，或用 sudo 运行"
    ),
    "Add your user to the group station-agent and log in again, or call with sudo": (
        "请将您的用户加入 station-agent 组并重新登录，或用 sudo 运行"
    ),
    "not allowed to talk to the daemon at {}": "无权访问 {0} 处的采集服务",
    "Is the daemon running? systemctl status station-agent": "采集服务在运行吗？systemctl status station-agent",
    "no daemon answers at {}: {}": "{0} 处没有采集服务应答：{1}",
    "the daemon said nothing for {} s": "采集服务 {0} 秒没有回应",
    "the daemon gave no answer": "采集服务没有回应",
    "Look at: journalctl -u station-agent -n 50": "请查看：journalctl -u station-agent -n 50",
    "Look at: journalctl -u station-agent -n 50, and tell the makers": (
        "请查看 journalctl -u station-agent -n 50，并告知开发者"
    ),
    "a defect of this program: {}": "本程序的缺陷：{0}",
    "{} cannot change while the agent runs; nothing of the file was applied": (
        "{0} 不能在运行中更改；文件的任何内容都未生效"
    ),
    "Run: systemctl restart station-agent": "运行：systemctl restart station-agent",
}
