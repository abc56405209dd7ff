"""Chinese for ``doctor``, ``init`` and ``completion``."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # the page of the doctor
    "BAD": "有故障",
    "DOUBTFUL": "有疑问",
    "COULD NOT BE CHECKED": "未能检查",
    "{} bad": "{0} 项有故障",
    "{} doubtful": "{0} 项有疑问",
    "{} could not be checked": "{0} 项未能检查",
    "{} good": "{0} 项正常",
    "{} is written; secrets removed from it: {}. Look into it before you mail it": (
        "已写入 {0}；其中去除的机密：{1} 处。发送前请先查看内容"
    ),
    "also write one archive to mail: results, configuration, events, journal, without secrets": (
        "另写一个便于邮寄的压缩包：检查结果、配置、事件、系统日志，不含机密"
    ),
    "everything, the worst first": "检查全部，最严重的在前",
    "also what only root may see": "也检查只有 root 能看的部分",
    "one file to mail, without passwords and keys": "一个可邮寄的文件，不含密码和密钥",
    "exit code: 0 all is well, 1 something is doubtful, 2 something is bad": "退出码：0 全部正常，1 有疑问，2 有故障",
    "Call the doctor with sudo": "请用 sudo 运行 doctor",
    "this user may not look there": "当前用户无权查看该处",
    # what is looked at
    "daemon": "采集服务",
    "unit": "服务单元",
    "version": "版本",
    "watchdog": "看门狗",
    "memory": "内存",
    "running": "运行中的配置",
    "time": "时间",
    "time service": "对时服务",
    "battery": "主板电池",
    "route": "路由",
    "medium": "存储介质",
    "instruments": "仪器",
    "port": "串口",
    "uplink": "上位平台",
    "user": "用户",
    # configuration
    "no mistake; devices: {}, uplinks: {}": "无错误；设备 {0} 台，上位平台 {1} 个",
    "it works, but perhaps not as you think": "能运行，但可能与预期不同",
    "a daemon does not start with this file, and does not reload it": "采集服务不会用该文件启动，也不会重新加载它",
    "the daemon goes on with the last configuration that was right": "采集服务继续使用上一份正确的配置",
    "the daemon runs what the file says": "采集服务运行的正是文件中的配置",
    "the file was changed after the daemon had read it": "采集服务读取之后文件又被修改",
    "what was changed does not count yet": "修改尚未生效",
    "Run: station-agent reload": "请运行：station-agent reload",
    # service
    "it runs as pid {}, since {}": "正在运行，进程号 {0}，已运行 {1}",
    "the daemon is {}, this program {}": "采集服务为 {0}，本程序为 {1}",
    "the daemon was not started again after the upgrade, or there are two installations": (
        "升级后采集服务没有重启，或装了两份"
    ),
    "Run: sudo systemctl restart station-agent": "请运行：sudo systemctl restart station-agent",
    "systemctl is missing here, or does not answer": "此处没有 systemctl，或它没有回应",
    "this machine was not started by systemd": "本机不是由 systemd 启动的",
    "systemd has no {}: {}": "systemd 中没有 {0}：{1}",
    "nothing starts the agent after a power cut": "断电恢复后采集程序不会启动",
    "Install the service: sudo systemd/install.sh": "请安装服务：sudo systemd/install.sh",
    "the service is {}": "服务状态为 {0}",
    "it does not start by itself after a power cut": "断电恢复后不会自动启动",
    "Run: sudo systemctl enable station-agent": "请运行：sudo systemctl enable station-agent",
    "{} starts with the machine": "{0} 随机器启动",
    "systemd says that it failed: {}": "systemd 报告它已失败：{0}",
    "it is not started again": "它不会再被启动",
    "systemd has started it again {} times": "systemd 已重启它 {0} 次",
    "it ends again and again, and each time some polls are missing": "它反复退出，每次都会缺失一些数据",
    "Compare with the unit that is shipped: systemctl cat station-agent": (
        "请与随附的服务单元对照：systemctl cat station-agent"
    ),
    "it is switched off": "已关闭",
    "a daemon that hangs is not started again": "采集服务卡死后不会被重启",
    "a daemon that is silent for {} is started again": "采集服务无响应 {0}即被重启",
    "there is no limit": "没有限制",
    "a defect could take the memory of the whole PC": "程序缺陷可能耗尽整机内存",
    "{} of at most {} are used": "已用 {0}，上限 {1}",
    "at the limit it is killed and started again": "达到上限会被终止并重启",
    # permissions
    "is in the group {}": "属于用户组 {0}",
    "is not in the group {}": "不属于用户组 {0}",
    "status, records and read through the daemon are refused": "不能通过采集服务使用 status、records、read",
    "reload, maintenance and other orders to the daemon are refused": "不能向采集服务下达 reload、maintenance 等命令",
    "serial ports cannot be opened when the daemon does not run": "采集服务未运行时不能打开串口",
    "Run: sudo usermod -aG {} {}, then log in again": "请运行：sudo usermod -aG {0} {1}，然后重新登录",
    "nobody knows which user it runs as": "不知道它以哪个用户运行",
    "there is no such user": "没有该用户",
    "systemd cannot start the service": "systemd 无法启动服务",
    "Install again: sudo systemd/install.sh": "请重新安装：sudo systemd/install.sh",
    "user {} has the rights that it needs": "用户 {0} 具有所需权限",
    "the daemon, user {}, may not read it": "采集服务（用户 {0}）无权读取",
    "it cannot start, nor reload": "它不能启动，也不能重新加载",
    "Run: sudo chgrp station-agent {}; sudo chmod 640 {}": "请运行：sudo chgrp station-agent {0}; sudo chmod 640 {1}",
    "the daemon, user {}, may not write there": "采集服务（用户 {0}）无权写入该处",
    "no reading is kept": "不保存任何读数",
    "Run: sudo chown {}: {}": "请运行：sudo chown {0}: {1}",
    "{} is a credential, handed over by systemd": "{0} 是由 systemd 交付的凭据",
    "the daemon, user {}, may not read this {}": "采集服务（用户 {0}）无权读取该 {1}",
    "uplink {} cannot connect": "上位平台 {0} 无法连接",
    "everybody on this PC may read this {}": "本机上任何人都可以读取该 {0}",
    "whoever logs in here can deliver data in the name of this station": "任何登录本机的人都能以本站名义发送数据",
    "Run: sudo chmod o= {}": "请运行：sudo chmod o= {0}",
    # clock
    "the station file": "站点配置文件",
    "this program": "本程序",
    "the newest record": "最新的记录",
    "it shows {}": "显示 {0}",
    "it shows {}, but {} is of {}: it is {} behind, or more": "显示 {0}，但{1}的时间是 {2}：至少慢了 {3}",
    "readings get wrong times, and certificates may be refused": "读数时间会出错，证书可能被拒绝",
    "this user may not ask the kernel, and timedatectl does not answer": "当前用户不能询问内核，timedatectl 也没有回应",
    "the clock is synchronised": "时钟已同步",
    "the clock is not synchronised": "时钟未同步",
    "none is switched on": "没有启用对时服务",
    "it drifts, and records say that they are unsynced": "时钟会漂移，记录会注明未同步",
    "Run: sudo timedatectl set-ntp true": "请运行：sudo timedatectl set-ntp true",
    "Check the time service and its server: timedatectl, chronyc sources": (
        "请检查对时服务及其服务器：timedatectl、chronyc sources"
    ),
    "the clock on the board is off by {}": "主板时钟偏差 {0}",
    "after a power cut without a network, readings get wrong times": "断电且无网络时，读数时间会出错",
    "Replace the battery on the board, then: sudo hwclock --systohc": (
        "请更换主板电池，然后运行：sudo hwclock --systohc"
    ),
    # disk
    "it is not there yet": "尚不存在",
    "Is it on a disk of its own? Look at: findmnt": "它在单独的磁盘上吗？请查看：findmnt",
    "it cannot be looked at: {}": "无法查看：{0}",
    "Check that the disk is mounted: findmnt": "请确认磁盘已挂载：findmnt",
    "the file system is mounted read-only": "文件系统以只读方式挂载",
    "no reading is kept; the kernel does so after errors of the medium": "不保存任何读数；介质出错后内核会这样做",
    "Look at: sudo dmesg --level=err; findmnt": "请查看：sudo dmesg --level=err; findmnt",
    "the disk is full: {} of {} are free": "磁盘已满：剩余 {0}，共 {1}",
    "{} of {} are free": "剩余 {0}，共 {1}",
    "records soon find no place": "记录很快将无处存放",
    "Free some space: sudo du -xh --max-depth=2 / | sort -h | tail": (
        "请腾出空间：sudo du -xh --max-depth=2 / | sort -h | tail"
    ),
    "only {} files can still be made": "只能再建 {0} 个文件",
    "no new file can be made, though there is room": "虽有空间，但不能再建新文件",
    "Find the folder with very many small files: sudo du --inodes -x / | sort -n | tail": (
        "请找出小文件极多的目录：sudo du --inodes -x / | sort -n | tail"
    ),
    "there is room for more files": "还可以建更多文件",
    "the file system of the log is on no disk of its own that could be looked at": "日志所在的文件系统没有可查看的磁盘",
    "{} has no errors that the kernel counts": "{0} 没有内核记录的错误",
    "the file system on {} has found {} errors in itself": "{0} 上的文件系统自检发现 {1} 个错误",
    "what is stored may be damaged": "已存的数据可能损坏",
    "Save the data, then check it at the next start: sudo touch /forcefsck": (
        "请先备份数据，再在下次启动时检查：sudo touch /forcefsck"
    ),
    "{} has failed {} of {} requests": "{0} 的 {2} 次请求中失败 {1} 次",
    "the disk, its cable or its power is failing": "磁盘、数据线或其电源有故障",
    "Save the data, then look closer: sudo smartctl -a /dev/{}": "请先备份数据，再细查：sudo smartctl -a /dev/{0}",
    "{} has used up more than {} % of its life": "{0} 的寿命已用去 {1} % 以上",
    "it may refuse to be written any day": "随时可能无法写入",
    "Replace it": "请更换",
    "the disk is full in {} at the pace so far, before the quota is reached": (
        "按目前速度磁盘将在 {0}后写满，早于达到配额"
    ),
    "the quota is reached in {} at the pace so far; then the oldest goes": (
        "按目前速度将在 {0}后达到配额；此后删除最旧的记录"
    ),
    # log
    "there is no log yet": "还没有日志",
    "what was kept before is not seen": "看不到以前保存的记录",
    "Check that its disk is mounted: findmnt": "请确认其磁盘已挂载：findmnt",
    "readings cannot be shown or proved": "读数无法显示，也无法证明",
    "it is the log of station {}, the file says {}": "这是站点 {0} 的日志，而文件中写的是 {1}",
    "the daemon refuses to start": "采集服务拒绝启动",
    "Correct station.id, or move that log away": "请改正 station.id，或移走该日志",
    "the log of station {}": "站点 {0} 的日志",
    "it is empty": "为空",
    "{} records since {} UTC": "自 {1} UTC 起共 {0} 条记录",
    # ports
    "nothing on this line can be read": "该线路上的仪器都无法读取",
    "there is no {}": "没有 {0}",
    "{} is no serial port": "{0} 不是串口",
    "Correct url of this link": "请改正该链路的 url",
    "this user may not look at {}": "当前用户无权查看 {0}",
    "{} leads to {}, which is not there": "{0} 指向 {1}，而它不存在",
    "Check cable and adapter; then: sudo udevadm trigger --subsystem-match=tty --action=add": (
        "请检查线缆和转换器；然后运行：sudo udevadm trigger --subsystem-match=tty --action=add"
    ),
    "Check cable and adapter; no USB adapter is plugged in": "请检查线缆和转换器；没有插入任何 USB 转换器",
    "Check cable and adapter; plugged in are {}": "请检查线缆和转换器；已插入的有 {0}",
    "user {} may use {}": "用户 {0} 可以使用 {1}",
    "user {} may not use {}, which is for the group {}": "用户 {0} 无权使用 {1}，它属于用户组 {2}",
    "Run: sudo usermod -aG {} {}, then log in again, or restart the daemon": (
        "请运行：sudo usermod -aG {0} {1}，然后重新登录，或重启采集服务"
    ),
    "{} is held by {}": "{0} 被 {1} 占用",
    "two programs on one line take each other's answers": "一条线路上的两个程序会抢走对方的应答",
    "Stop that program, or give it another port": "请停止该程序，或让它使用别的串口",
    "Run: sudo systemctl disable --now ModemManager": "请运行：sudo systemctl disable --now ModemManager",
    "{} is open, by the daemon": "{0} 已由采集服务打开",
    "nobody else holds {}": "没有别的程序占用 {0}",
    "{} is numbered in the order of plugging in": "{0} 的编号取决于插入顺序",
    "after a reboot or a new plug it may be another adapter": "重启或重新插拔后它可能变成另一个转换器",
    "Give it a name that stays, as the examples in {} do": "请给它一个固定的名称，参照 {0} 中的例子",
    'Put into {}: {} and write url = "serial:///dev/analyzer/{}"': (
        '请在 {0} 中加入：{1} 并写 url = "serial:///dev/analyzer/{2}"'
    ),
    # network
    "no cable is plugged in, or the far end is off": "没有插网线，或对端未开机",
    "what is behind it cannot be reached": "其后的设备都无法访问",
    "Check cable and switch": "请检查网线和交换机",
    "this PC has a way out of its own network": "本机有通往外网的路由",
    "this PC has no way out of its own network": "本机没有通往外网的路由",
    "only what is on its own network can be reached": "只能访问本网段内的设备",
    "Look at: ip route; then the router": "请查看：ip route；再检查路由器",
    "the daemon is connected to {}": "采集服务已连接到 {0}",
    "the name {} is not found: {}": "找不到名称 {0}：{1}",
    "it cannot be reached": "无法访问",
    "Check the name in url, and DNS: getent hosts {}": "请检查 url 中的名称和 DNS：getent hosts {0}",
    "{} is UDP, where nothing tells whether anybody listens": "{0} 使用 UDP，无从得知是否有人监听",
    "nothing listens at {}": "{0} 没有程序监听",
    "the computer is there, the program is not, or on another port": "主机在，但程序没有运行，或用了别的端口",
    "Check that it runs, and the port in url": "请确认它在运行，并检查 url 中的端口",
    "{} cannot be reached: {}": "无法访问 {0}：{1}",
    "network, router or firewall, or it is switched off": "可能是网络、路由器或防火墙的问题，或它未开机",
    "Check the network: ping {}": "请检查网络：ping {0}",
    "{} accepts connections ({} ms)": "{0} 接受连接（{1} ms）",
    # certificates
    "our own certificates hold until {}": "本站证书有效期至 {0}",
    "it has expired": "已过期",
    "it is not for the address {}": "不是给地址 {0} 的",
    "who signed it is not trusted here": "签发者在本机不受信任",
    "{}:{} is not reached, so its certificate is not seen": "无法访问 {0}:{1}，看不到其证书",
    "{}, and the certificate is believed": "{0}，证书可信",
    # brokers
    "nothing is delivered": "数据无法上报",
    "the broker is not reached, so nothing was published": "无法访问 MQTT 服务器，没有试发",
    "the broker lets the daemon in, but no second client of this station": (
        "MQTT 服务器接受采集服务，但不接受本站的第二个客户端"
    ),
    "Stop the daemon and call the doctor again, if deliveries are in doubt": (
        "若怀疑数据没有送达，请停止采集服务后再运行 doctor"
    ),
    "Check username and password_file, and client_id, with the broker's operator": (
        "请与服务器管理员核对 username、password_file 和 client_id"
    ),
    "this uplink cannot connect": "该上位平台无法连接",
    "{}; the daemon delivers, so perhaps only a second client is refused": (
        "{0}；采集服务仍在上报，可能只是第二个客户端被拒绝"
    ),
    "password_file cannot be read: {}": "无法读取 password_file：{0}",
    "Check its name, and that it is text": "请检查文件名，并确认它是文本",
    "its certificates cannot be used, so nobody was asked": "证书不可用，没有试连",
    "the broker does not acknowledge what is published under {}": "MQTT 服务器不确认发布到 {0} 的消息",
    "the broker refuses what is published under {}: {}": "MQTT 服务器拒绝发布到 {0} 的消息：{1}",
    "the broker does not let the station read {}: {}": "MQTT 服务器不允许本站读取 {0}：{1}",
    "acknowledgements of consumers and their requests for replay may not come either": (
        "接收方的确认和补发请求可能也收不到"
    ),
    "published under {} and read back, with MQTT {}": "已发布到 {0} 并读回，MQTT {1}",
    "what was published under {} does not come back": "发布到 {0} 的消息没有回来",
    "it may refuse everything without a word": "可能拒收所有数据而不提示",
    "the broker keeps nothing under {}, though the daemon is connected": (
        "采集服务已连接，但 MQTT 服务器在 {0} 下没有保留消息"
    ),
    "who looks later does not see whether the station lives": "后来查看的人看不出站点是否在线",
    "the broker keeps nothing under {} that could be published again": "MQTT 服务器在 {0} 下没有可再次发布的消息",
    # instruments
    "answering: {}": "有应答：{0}",
    "the daemon says nothing now": "采集服务目前没有消息",
    "Ask each of them: station-agent read DEVICE": "请逐台读取：station-agent read 设备名",
    # the bundle
    "{} is missing": "缺少 {0}",
    "{} cannot be read by this user": "当前用户无法读取 {0}",
    "{} is there already": "{0} 已存在",
    "Give another name; nothing is overwritten": "请换一个名称；不会覆盖任何文件",
    "{} cannot be written: {}": "无法写入 {0}：{1}",
    "SQLite could not open it, and the system can: the disk comes and goes": "SQLite 无法打开而系统可以：磁盘时好时坏",
    "Name a file that you may write": "请指定一个可以写入的文件",
    # init
    "of the station: letters, digits, - and _, at most 32": "站点编号：字母、数字、- 和 _，最多 32 个",
    "of the station, for people": "站点名称，供人阅读",
    "for displays, such as Asia/Shanghai (default: that of this PC)": "显示用时区，如 Asia/Shanghai（默认：本机时区）",
    "one wire, such as rack=serial:///dev/analyzer/rack?baud=9600; may be repeated": (
        "一条链路，如 rack=serial:///dev/analyzer/rack?baud=9600；可重复"
    ),
    "NAME=PROFILE@WIRE#ADDRESS, see below; may be repeated": "名称=描述文件@线路#地址，见下；可重复",
    "where readings go: mqtts://host or mqtt://host": "数据上报地址：mqtts://主机 或 mqtt://主机",
    "of the station at the broker": "本站在 MQTT 服务器上的用户名",
    "the file with its password, or credential:NAME": "密码所在的文件，或 credential:名称",
    "the authority of the broker's certificate": "服务器证书的签发机构",
    "look on each link for instruments, and take those that fit": "在每条链路上查找仪器，采用匹配的",
    "where to look: 1-32, 1,2,7 (default: 1-247)": "查找的地址：1-32、1,2,7（默认 1-247）",
    "ask nothing: what is not said here has its default": "不提问：未说明的取默认值",
    "asks, line by line": "逐行提问",
    "asks nothing": "不提问",
    "writes it elsewhere": "写到别处",
    "A device is NAME=PROFILE@WIRE#ADDRESS; WIRE is /dev/…, host:port, or the name of a --link.": (
        "设备写作 名称=描述文件@线路#地址；线路为 /dev/…、主机:端口，或某个 --link 的名称。"
    ),
    "Nothing is overwritten.": "不会覆盖任何文件。",
    "Station id; it stays for ever": "站点编号（永不更改）",
    "Name of the station, for people": "站点名称",
    "Time zone": "时区",
    "there is nobody to answer": "没有得到回答",
    "Answer every question, or say --yes and the answers as options": "请回答每个问题，或使用 --yes 并以选项给出答案",
    "Serial ports here: {}": "本机串口：{0}",
    "Look for instruments on: /dev/…, host:port (empty: go on)": "在何处查找仪器：/dev/…、主机:端口（空：继续）",
    "looking on {}, about {} s": "正在 {0} 上查找，约 {1} s",
    "{} profiles fit": "{0} 个描述文件相符",
    "{} fits no profile well{}; see: station-agent identify": "{0}没有相符的描述文件{1}；参见：station-agent identify",
    ", at best {} ({} of 100)": "，最接近的是 {0}（{1}/100）",
    "{} fits {} ({} of 100)": "{0}符合 {1}（{2}/100）",
    "address {} on {}": "{1} 上的地址 {0} ",
    "what answers on {}": "{0} 上的应答",
    "Take it? y or n": "采用吗？y 或 n",
    "Instrument: maker, model or profile (empty: no more)": "仪器：厂家、型号或描述文件（空：没有了）",
    "no profile fits; see: station-agent profiles": "没有匹配的描述文件；请运行：station-agent profiles",
    "  Its wire: /dev/…, host:port, or one of the links so far": "  线路：/dev/…、主机:端口，或已有的链路",
    "  Its address": "  地址",
    "  Its name": "  名称",
    "Broker: mqtts://host or mqtt://host (empty: none yet)": "MQTT 服务器：mqtts://主机 或 mqtt://主机（空：暂无）",
    "  User at the broker (empty: none)": "  服务器用户名（空：无）",
    "  File for the password, beside the station file": "  存放密码的文件，在站点配置文件旁",
    "  The password, which goes there (empty: later)": "  密码，将写入该文件（空：以后再写）",
    "  File of its authority (empty: those that this PC trusts)": "  服务器签发机构的证书文件（空：本机信任的机构）",
    "  File of the station's own certificate (empty: none)": "  本站自己的证书文件（空：无）",
    "  File of its key": "  该证书的私钥文件",
    "nothing was written": "未写入任何文件",
    "nobody answers on {}: check power, cable, baud rate; see: station-agent scan --help": (
        "{0} 上没有应答：请检查电源、线缆、波特率；参见：station-agent scan --help"
    ),
    "as well as {}": "同样符合：{0}",
    "the station's own certificate, for the broker": "本站自己的证书，用于服务器",
    "the key of that certificate, or credential:NAME": "该证书的私钥，或 credential:名称",
    "It looks for Modbus units, else for one instrument of another protocol at its usual address.": (
        "先查找 Modbus 设备；若没有，则按出厂地址查找一台其他协议的仪器。"
    ),
    "{} is there already, and nothing is overwritten": "{0} 已存在，不会覆盖",
    "Move it away, or name another: station-agent --config FILE init": (
        "请移走它，或另指定文件：station-agent --config 文件 init"
    ),
    "{} is written": "已写入 {0}",
    "Install the service first, or name another: station-agent --config FILE init": (
        "请先安装服务，或另指定文件：station-agent --config 文件 init"
    ),
    "next: {}": "下一步：{0}",
    "sudo station-agent check, then: sudo systemctl enable --now station-agent": (
        "sudo station-agent check，然后：sudo systemctl enable --now station-agent"
    ),
    "station-agent --config {} check": "station-agent --config {0} check",
    "there is no folder {}": "没有目录 {0}",
    "this user may not write into {}": "当前用户不能写入 {0}",
    "Run: sudo station-agent init": "请运行：sudo station-agent init",
    "{} is no device": "{0} 不是设备",
    "Example: so2=teledyne-t100@192.0.2.10:502#1": "例如：so2=teledyne-t100@192.0.2.10:502#1",
    "{} is not one profile": "{0} 不能确定是哪个描述文件",
    "none; see: station-agent profiles": "没有；请运行：station-agent profiles",
    "Profiles that fit: {}": "匹配的描述文件：{0}",
    "{} is no wire": "{0} 不是线路",
    "Write /dev/…, host:port, or the name of a link that is there already": "请写 /dev/…、主机:端口，或已有链路的名称",
    # remarks in the station file
    "What is not written here has its default; every key stands, commented, in station.toml.example.": (
        "此处未写的取默认值；全部关键字及注释见 station.toml.example。"
    ),
    "After a change: station-agent check, then: station-agent reload": (
        "修改后请运行：station-agent check，然后：station-agent reload"
    ),
    "in every topic and record; it stays for ever": "出现在每个主题和记录中，永不更改",
    "of displays and instruments' clocks; what is stored is UTC": "用于显示和仪器时钟；存储的是 UTC",
    "one wire; whoever is on it writes link = {}": "一条线路；接在上面的设备写 link = {0}",
    "alone on its wire": "独占一条线路",
    "what it is asked: station-agent profiles {}": "读取的内容：station-agent profiles {0}",
    "aligned to the clock": "与时钟对齐",
    "what is sampled through it": "经它采样的仪器",
    "whom to trust": "信任的签发机构",
    "of the certificate": "证书的私钥",
    "the password stands in that file, nowhere else": "密码只写在该文件中",
    # completion and the manual page
    "a script for bash or zsh, the manual page, or the names of this station": (
        "bash 或 zsh 的脚本、手册页，或本站的各种名称"
    ),
    "in this shell": "在当前 shell 中",
    "to be sourced by ~/.zshrc": "由 ~/.zshrc 载入",
    "the manual page": "手册页",
    "the names that it completes": "补全所用的名称",
    "acquires, keeps, proves and delivers the readings of a monitoring station": "采集、保存、证明并上报监测站的数据",
    (
        "One daemon polls the instruments of a station, keeps every reading in a log, and delivers it to one or "
        "several brokers. The other commands show, test and prove what it does, also when it does not run."
    ): (
        "采集服务采集站内各仪器的数据，每个读数都存入日志，并上报到一个或多个 MQTT 服务器。其他命令用于显示、测试和证明"
        "它的工作，采集服务未运行时也可用。"
    ),
    "NAME": "名称",
    "SYNOPSIS": "用法",
    "DESCRIPTION": "说明",
    "OPTIONS": "选项",
    "COMMANDS": "命令",
    "EXIT STATUS": "退出码",
    "FILES": "文件",
    "ENVIRONMENT": "环境变量",
    "SEE ALSO": "参见",
    "all is well": "一切正常",
    "something needs attention": "有需要注意之处",
    "wrong use, or a wrong configuration; of status: critical": "用法或配置错误；对 status：严重",
    "something that is needed cannot be reached; of status: it cannot be told": (
        "所需的资源无法访问；对 status：无法判断"
    ),
    "the station; profiles/ beside it holds its own instruments": "站点配置文件；旁边的 profiles/ 放本站自己的仪器描述",
    "the log and its archive": "日志及其归档",
    "control socket and last status": "控制套接字和最近的状态",
    "stable names of serial ports": "固定的串口名称",
    "the station file, where --config does not name it": "未用 --config 指定时的站点配置文件",
    "the language, where --lang does not name it; else LC_MESSAGES, else LANG": (
        "未用 --lang 指定时的语言；其次 LC_MESSAGES，再次 LANG"
    ),
    # examples of other commands
    "before it takes the place of the old one": "在取代旧文件之前",
    "as the service does": "与系统服务相同",
    "on a terminal, to watch it": "在终端上观察",
    "until Ctrl-C": "直到 Ctrl-C",
    "for Nagios or Zabbix the exit code is enough": "供 Nagios 或 Zabbix 使用时只看退出码即可",
    "the bytes, with what they are": "显示字节及其含义",
    "six registers from 22 on": "从 22 起的六个寄存器",
    "at the first broker of the station file": "站点配置文件中的第一个 MQTT 服务器上",
    "duplicates, gaps and chain, in one line": "重复、缺口和哈希链，一行显示",
    "Ask its operator for retained messages, and for the right to publish and to read there": (
        "请其管理员允许保留消息，并授予在该处发布和读取的权限"
    ),
    "{}, and its certificate holds until {}": "{0}，其证书有效期至 {1}",
    "{} is not reached, so its certificate is not seen": "无法访问 {0}，看不到其证书",
    "See what is meant: station-agent --config {} check": "详情请运行：station-agent --config {0} check",
    "{} records wait in memory, and are lost with the power": "{0} 条记录在内存中等待，断电即丢失",
    "Save the data and replace it": "请备份数据并更换",
    "the kernel has given it up: nothing is read or written": "内核已放弃它：不能读写",
    "when it is used up, nothing can be written any more": "用完后将无法再写入",
    "{}, the last {} ago": "{0}，最近一次在 {1}前",
    "Check its cable and its power; then: sudo reboot": "请检查其连线和电源；然后：sudo reboot",
    "{} has used up {} % of its reserve": "{0} 的备用块已用 {1} %",
    "it is on none of this PC's own networks: {}": "它不在本机所在的网络中：{0}",
    "Compare both addresses and masks: ip -br address; and its menu": (
        "请核对双方的地址和掩码：ip -br address，以及仪器菜单"
    ),
    "links and screens may find nothing left": "链路和界面可能无法再打开文件",
    "Run: sudo systemctl daemon-reload; sudo systemctl restart station-agent": (
        "请运行：sudo systemctl daemon-reload; sudo systemctl restart station-agent"
    ),
    "systemd goes on with what the file said before": "systemd 仍按修改前的内容运行",
    "its last words were: {}": "它最后的消息：{0}",
    "it does not run": "它没有运行",
    "a daemon that ended is not started again in every case": "采集服务退出后不一定会被重启",
    "after a few failures in a row systemd gives it up": "连续失败几次后 systemd 不再启动它",
    "it may open {} files at once": "最多可同时打开 {0} 个文件",
    "its file was changed after systemd had read it": "systemd 读取之后服务文件又被修改",
    "changed at this station by {}": "本站修改：{0}",
    "Save the data and replace it: sudo smartctl -a /dev/{}": "请备份数据并更换：sudo smartctl -a /dev/{0}",
    "its surface or cells are failing": "盘面或存储单元正在损坏",
    "When there is a network: sudo apt-get install smartmontools; sudo smartctl -a /dev/{}": (
        "有网络时：sudo apt-get install smartmontools; sudo smartctl -a /dev/{0}"
    ),
    "only root may ask {} for its own health": "只有 root 可以询问 {0} 的健康状况",
    "{} does not say how it does": "{0} 没有给出健康状况",
    "Look at: sudo smartctl -a /dev/{}": "请查看：sudo smartctl -a /dev/{0}",
    "{} says that it will fail": "{0} 报告即将损坏",
    "it may stop any day": "随时可能停止工作",
    "{} says that it is well": "{0} 报告状态良好",
    "{} counts bad sectors: {}": "{0} 有坏扇区：{1}",
    "{} has used up {} % of its life": "{0} 的寿命已用 {1} %",
    "{} counts {} errors of its cells": "{0} 有 {1} 个存储单元错误",
    "it is failing": "它正在损坏",
    "smartctl is missing, so {} was not asked for its own health": "没有 smartctl，无法询问 {0} 的健康状况",
    "errors of the file system are passed over": "忽略文件系统的错误",
    "what is damaged is damaged further, and nobody is told": "损坏会继续扩大，且无人知晓",
    "Run: sudo mount -o remount,errors=remount-ro {}; and change /etc/fstab": (
        "请运行：sudo mount -o remount,errors=remount-ro {0}；并修改 /etc/fstab"
    ),
}
