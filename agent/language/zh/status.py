"""Chinese for ``status`` and its findings."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # how bad
    "GOOD": "正常",
    "WARNING": "警告",
    "CRITICAL": "严重",
    "UNKNOWN": "未知",
    "note": "提示",
    "warning": "警告",
    "critical": "严重",
    "unknown": "未知",
    # parts of a station
    "station": "站点",
    "address": "地址",
    "archive": "归档",
    "broker": "MQTT 服务器",
    "cable": "线缆",
    "certificate": "证书",
    "clock": "时钟",
    "configuration": "配置",
    "consumer": "接收方",
    "disk": "磁盘",
    "log": "日志",
    "network": "网络",
    "password": "密码",
    "PC": "工控机",
    "profile": "描述文件",
    "room": "存储空间",
    "service": "系统服务",
    "links": "链路",
    "epoch": "纪元",
    "ca": "CA",
    "client": "本站",
    "expired": "已过期",
    "up": "已连接",
    "DOWN": "断开",
    "never": "从未",
    # states of devices and uplinks
    "starting": "启动中",
    "good": "正常",
    "partial": "部分",
    "failing": "故障",
    "connecting": "连接中",
    "backing_off": "等待重连",
    "paused": "暂停",
    # heads of the tables
    "LINK": "链路",
    "STATE": "状态",
    "LAST": "最近",
    "VALUES": "数值",
    "UPLINK": "上位平台",
    "MQTT": "MQTT",
    "WAITING": "待传",
    "OLDEST": "最早",
    "RATE": "速率",
    "EMPTY IN": "传完需",
    # ages
    "{} (for {})": "{0}（已持续 {1}）",
    # lines of the screen
    "{}, pid {}, up {}, as of {} ago": "{0}，进程号 {1}，已运行 {2}，{3}前的状态",
    "under systemd": "由 systemd 管理",
    "synchronised": "已同步",
    "NOT synchronised": "未同步",
    "{} of {} free": "共 {1}，空闲 {0}",
    "{} of {} used, room for {}": "配额 {1}，已用 {0}，还可存 {2}",
    "reaches back {}": "可追溯 {0}",
    "full in {}": "{0}后写满",
    "more than store.quota needs": "多于 store.quota 所需",
    "{} % busy": "占用 {0} %",
    # options
    "the snapshot and the findings as one JSON object": "以一个 JSON 对象输出快照和诊断结果",
    "show it anew every second until Ctrl-C": "每秒刷新，按 Ctrl-C 结束",
    # agent and service
    "the daemon was stopped {} ago": "采集服务已于{0}前停止",
    "the daemon died {} ago": "采集服务已于{0}前异常退出",
    "the daemon (pid {}) has not turned for {} s": "采集服务（进程号 {0}）已 {1} 秒没有响应",
    "the daemon has never run here: nothing is polled": "采集服务从未在此运行：没有采集任何数据",
    "the daemon has not run since this machine started: nothing is polled": (
        "本机启动后采集服务尚未运行：没有采集任何数据"
    ),
    "its service failed ({})": "系统服务失败（{0}）",
    "systemd is {} it": "systemd 状态：{0}",
    "systemd starts it again and again ({})": "systemd 不断重新启动它（{0}）",
    "its service is disabled": "系统服务未启用",
    "its configuration is wrong": "配置有误",
    "Run: sudo station-agent check": "请运行：sudo station-agent check",
    "Run: sudo station-agent doctor": "请运行：sudo station-agent doctor",
    "Wait a minute, then look again": "请等一分钟再看",
    "Correct it, then: station-agent --config {} check": "请改正，然后运行：station-agent --config {0} check",
    "Run: station-agent check; then: station-agent reload": "请运行：station-agent check；然后：station-agent reload",
    "the service does not start by itself when the PC does": "工控机启动时本服务不会自动启动",
    "{} may not be read by this user": "当前用户无权读取 {0}",
    "{} was written by another version": "{0} 由另一版本写入",
    "{} is not there": "{0} 不存在",
    "Run: sudo systemctl start {}": "请运行：sudo systemctl start {0}",
    "Run: sudo systemctl restart {}": "请运行：sudo systemctl restart {0}",
    "Run: sudo systemctl enable {}": "请运行：sudo systemctl enable {0}",
    "Run: sudo systemctl enable --now {}": "请运行：sudo systemctl enable --now {0}",
    "Add your user to the group {} and log in again, or call with sudo": (
        "请将当前用户加入用户组 {0} 后重新登录，或使用 sudo"
    ),
    "Call the station-agent that this daemon was installed with": "请使用与采集服务同一版本的 station-agent",
    "Check that the disk is mounted": "请检查磁盘是否已挂载",
    # log and disk
    "{}; {} records wait in memory, {} are lost": "{0}；{1} 条记录在内存中等待，已丢失 {2} 条",
    "records are kept in memory only": "记录仅保存在内存中",
    "Repair the disk; what is in memory moves over": "请修复磁盘；内存中的记录会自动转存",
    "{} of {} are free in {}": "{2} 共 {1}，仅剩 {0}",
    "full in {}: {} are free": "{0}后写满：仅剩 {1}",
    "Free some space on the file system of {}, or lower store.quota": (
        "请清理 {0} 所在文件系统的空间，或减小 store.quota"
    ),
    "what {} lacks fills {} % of store.quota": "{0} 尚未收到的数据已占 store.quota 的 {1} %",
    "Bring this uplink back, or raise store.quota": "请恢复该上位平台连接，或增大 store.quota",
    # wires
    "no device answers: nothing is measured": "所有设备均无应答：没有测量数据",
    "Begin with power and cables": "请先检查电源和线缆",
    "it has been so for {}": "已持续 {0}",
    "no readings of {}": "没有 {0} 的读数",
    "nothing answers on it: {}": "整条线路无应答：{0}",
    "Check cable and converter power: station-agent listen {}": "请检查线缆和转换器电源：station-agent listen {0}",
    "the replies come damaged": "收到的应答已损坏",
    "{}; others on {} answer well": "{0}；{1} 上其他设备应答正常",
    "only our own requests come back, as an echo": "收到的只是本机查询的回声",
    "Check baud rate, parity, wiring: station-agent listen {}": "请检查波特率、校验位和接线：station-agent listen {0}",
    "Look for a loose wire or a second master: station-agent listen {}": (
        "请检查接线是否松动、是否另有主站：station-agent listen {0}"
    ),
    "Two with {}? Unplug {}, then: station-agent scan {}": "是否两台都用{0}？请拔下 {1}，然后：station-agent scan {2}",
    "the gateway answers, its instruments do not: {}": "网关有应答，其后的仪器没有：{0}",
    "Check power and wires A, B behind it, and baud in its menu": "请检查其后的电源、A/B 线，以及网关菜单中的波特率",
    "the gateway answers, but reaches nobody at {}": "网关有应答，但{0}处没有设备",
    "Check its power and plug, and its address: station-agent scan {}": (
        "请检查其电源、插头和地址：station-agent scan {0}"
    ),
    "it says that it is busy": "仪器报告忙",
    "Wait a minute; if it stays so, raise every of {}": "请等一分钟；若仍如此，请增大 {0} 的 every",
    "{} answers, but not as the profile expects": "{0} 有应答，但与描述文件不符",
    "Compare protocol and port with its menu, then: station-agent read {}": (
        "请与仪器菜单核对协议和端口，然后：station-agent read {0}"
    ),
    "no instrument on the network is reached: {} ({})": "网络上的仪器都无法访问：{0}（{1}）",
    "Check the switch and this PC's network cable: ip -br address": "请检查交换机和本机网线：ip -br address",
    "it takes the connection and hangs up": "接受连接后随即挂断",
    "It may serve one client only: close other programs that ask it": "它可能只允许一个连接：请关闭其他访问它的程序",
    "it is there, but nothing listens on this port": "主机在，但该端口无程序监听",
    "Switch on Modbus TCP in its menu, and compare the port": "请在仪器菜单中启用 Modbus TCP，并核对端口",
    "it is not reached: {}": "无法访问：{0}",
    "Check its power, cable and address: ping {}": "请检查其电源、网线和地址：ping {0}",
    "the name {} is not known": "不认识名称 {0}",
    "Write its address in url, or check: getent hosts {}": "请在 url 中写 IP 地址，或检查：getent hosts {0}",
    "no name server answers": "没有 DNS 服务器应答",
    "Write its address in url, or check: cat /etc/resolv.conf": "请在 url 中写 IP 地址，或检查：cat /etc/resolv.conf",
    "the daemon may not open it": "采集服务无权打开",
    "Check cable, wires A and B, baud, parity: station-agent listen {}": (
        "请检查线缆、A/B 线、波特率和校验位：station-agent listen {0}"
    ),
    "Check the line behind the gateway: station-agent scan {}": "请检查网关后面的线路：station-agent scan {0}",
    "no answer from {}": "{0}无应答",
    "no answer from {}; others on {} answer": "{0}无应答；{1} 上其他设备正常应答",
    "never any answer from {}; others on {} answer": "{0} 从未应答；{1} 上其他设备正常应答",
    "never any answer from {} on {}": "{1} 上的{0}从未应答",
    "{} is there, but never any answer from {}": "{0} 可以连通，但{1}从未应答",
    "it": "该设备",
    "Check its power and its plug, then run: station-agent read {}": (
        "请检查其电源和插头，然后运行：station-agent read {0}"
    ),
    "Compare it with its menu, or find it: {}": "请与仪器菜单核对，或查找：{0}",
    "Compare it and the protocol with its menu, or: {}": "请与仪器菜单核对地址和协议，或运行：{0}",
    "Check power, wires A and B, baud and parity, then: {}": "请检查电源、A/B 线、波特率和校验位，然后运行：{0}",
    "no value for {}": "没有 {0} 的数值",
    # instruments
    "it answers, but has nothing of what its profile asks for": "有应答，但描述文件查询的内容它都没有",
    "Another model or firmware? Compare model and profile with its plate": (
        "是否为其他型号或固件？请将型号和描述文件与铭牌核对"
    ),
    "{}, normal is {} to {}": "{0}，正常范围 {1}～{2}",
    "it says {} ({})": "仪器报告 {0}（{1}）",
    "{}; {} is {}": "{0}；{1} 标为{2}",
    "{}, and {} more": "{0}，另有 {1} 个",
    "{} is marked {}": "{0} 标为{1}",
    "{} is absurd; order {} would make it {}": "{0} 不合理；字序 {1} 时为 {2}",
    'Set order = "{}" for it, and reload': '请为其设置 order = "{0}"，然后 reload',
    "{} is outside of what it can measure, {} to {}": "{0} 超出仪器量程 {1}～{2}",
    "Compare with its display; check unit, scale and order in the profile: {}": (
        "请与仪器显示核对；检查描述文件的单位、系数和字序：{0}"
    ),
    "{} cannot be read; {} is suspect": "{0} 读不到；{1} 标为可疑",
    "Look at its display and its manual: station-agent read {}": "请查看仪器显示和说明书：station-agent read {0}",
    "Look at its display and its manual: {}": "请查看仪器显示和说明书：{0}",
    "Look at it, then compare: station-agent read {}": "请现场查看，并核对：station-agent read {0}",
    "Run: station-agent read {}": "请运行：station-agent read {0}",
    "Look for a blocked tube, a full filter, a stopped pump or fan": (
        "请检查管路是否堵塞、滤膜是否饱和、泵或风机是否停转"
    ),
    "Look for a leak, an open end, and at the setting of the pump": "请检查是否漏气、管路是否脱开，以及泵的设定",
    "Check the heater of the line, its fuse and its setpoint": "请检查采样管路加热器、保险丝和设定温度",
    "Check the setpoint and the sensor of the line's heater": "请检查采样管路加热器的设定温度和传感器",
    "Look for water in the line, and at its heater": "请检查管路是否积水，以及加热器",
    # operations
    "maintenance for another {}: {}": "维护中，还剩 {0}：{1}",
    "When it is done: station-agent maintenance stop {}": "完成后运行：station-agent maintenance stop {0}",
    "alarms open: {}, not acknowledged: {}": "{0} 条报警未关闭，其中 {1} 条未确认",
    "See and acknowledge them: station-agent alarms": "请查看并确认：station-agent alarms",
    # uplinks
    "it takes nothing for now: {}": "服务器暂不接收数据：{0}",
    "the connection was lost {} times in the last 10 min": "最近 10 分钟内连接中断 {0} 次",
    "Does another PC or a test tool use its client_id? Else look at the broker's log": (
        "是否有其他电脑或测试工具使用同一 client_id？否则请查看服务器日志"
    ),
    "no uplink reaches its broker: {}: {}": "所有上位平台均无法连接服务器：{0}：{1}",
    "Check this PC's DNS and its way out: cat /etc/resolv.conf; ip route": (
        "请检查本机 DNS 和出口路由：cat /etc/resolv.conf; ip route"
    ),
    "Check this PC's own network first: ip -br address; ip route": "请先检查本机网络：ip -br address; ip route",
    "Check this PC's clock first: timedatectl": "请先检查本机时钟：timedatectl",
    "Check username, password_file and client_id with its operator": (
        "请与服务器管理员核对 username、password_file 和 client_id"
    ),
    "Ask its operator for a new one; check this PC's clock: timedatectl": (
        "请向服务器管理员索取新证书；并检查本机时钟：timedatectl"
    ),
    "the broker refuses {} ranges of records": "MQTT 服务器拒收 {0} 段记录",
    "See which and why: station-agent records --stream event": "请查看详情：station-agent records --stream event",
    "nobody subscribes to {} at the broker": "服务器上无人订阅 {0}",
    "Start the consumer at the centre": "请启动上位平台的接收程序",
    "deliveries are unproven": "传输是否成功无法证实",
    "our own state does not come back from the broker: it may refuse everything without a word": (
        "服务器没有回送本站状态：可能在无提示地拒收所有数据"
    ),
    'On MQTT 3.1.1 a refusal looks like success; set confirm = "consumer:NAME"': (
        'MQTT 3.1.1 中拒收与成功无法区分；请设置 confirm = "consumer:名称"'
    ),
    "Ask its operator for the right to publish. {}": "请向服务器管理员申请发布权限。{0}",
    # certificates
    "{} expired {} ago": "{0} 已过期 {1}",
    "{} expires in {}": "{0} 将在 {1}后过期",
    "the broker's certificate": "服务器证书",
    "Get the new authority from its operator, as ca_file": "请向其管理员索取新的 CA 证书，作为 ca_file",
    "Get a new certificate from its operator, as cert_file": "请向其管理员索取新证书，作为 cert_file",
    "Ask its operator to renew it": "请联系其管理员更新证书",
    "the far end's certificate": "对端证书",
    "Renew it in its menu": "请在其菜单中更新证书",
    # clock
    "it is {} behind, or more; records get wrong times": "至少慢 {0}；记录的时间有误",
    "the certificate of {} seems not yet valid": "{0} 的证书因此显得尚未生效",
    'Set it: sudo timedatectl set-time "YYYY-MM-DD hh:mm:ss"': (
        '请校时：sudo timedatectl set-time "YYYY-MM-DD hh:mm:ss"'
    ),
    "not synchronised; records say so": "未同步；记录已标明",
    "not synchronised; records say so; {}": "未同步；记录已标明；{0}",
    "{}; an event names the step": "{0}；已有事件记录",
    "it was set forward by {}, {} ago": "{1}前被调快 {0}",
    "it was set back by {}, {} ago": "{1}前被调慢 {0}",
    "If nobody meant to: timedatectl": "若非有意调整，请检查：timedatectl",
    "Check the time service: timedatectl, chronyc sources": "请检查对时服务：timedatectl、chronyc sources",
    "nobody has this address, or it is off": "没有设备使用该地址，或它未开机",
    "this PC is not on its network": "本机不在其网络中",
    "it refuses what its profile asks for: {}": "它拒绝描述文件的查询：{0}",
    "held by {}": "被 {0} 占用",
    "held by another program": "被其他程序占用",
    "another program": "其他程序",
    "it was lost {} times in the last 10 min": "最近 10 分钟内失联 {0} 次",
    "Look for a loose plug or a bad cable, here and at the switch": "请检查本机和交换机处的插头是否松动、网线是否损坏",
}
