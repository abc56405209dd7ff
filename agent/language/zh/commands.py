"""Chinese for the command line as a whole: summaries, options, times, what several commands say."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "next": "下一步",
    "also": "另外",
    "{}: {}": "{0}：{1}",
    "{} ({})": "{0}（{1}）",
    "{}, {}": "{0}、{1}",
    "{}; {}": "{0}；{1}",
    "{} or {}": "{0} 或 {1}",
    "station-agent: {}": "station-agent：{0}",
    "examples:": "示例：",
    "Acquires, keeps, proves and delivers the readings of a monitoring station.": (
        "采集、保存、证明并上报监测站的数据。"
    ),
    "a simulated station, a broker and the agent, with a live view of what arrives": (
        "模拟站点、MQTT 服务器和采集程序，并实时显示到达的数据"
    ),
    "an instrument of any profile that is not there, with faults that are switched while it runs": (
        "模拟任意型号的仪器，运行中可切换故障"
    ),
    "the daemon": "采集服务",
    "make the running daemon read its configuration again": "让运行中的采集服务重新读取配置",
    "validate configuration and profiles, show what would be asked on each link": (
        "检查配置和描述文件，显示每条链路上将发送的查询"
    ),
    "one screen: station, devices, uplinks, log, and why something is not good": (
        "一屏显示站点、设备、上位平台、日志，以及异常的原因"
    ),
    "the whole station on one screen that stays: devices, trends, uplinks, events": (
        "全屏监视整个站点：设备、趋势、上位平台、事件"
    ),
    "what is open and what became of others; acknowledge one, or close it with a reason": (
        "未关闭的报警及以往报警的结果；确认报警，或说明原因后关闭"
    ),
    "say that somebody is at work on a device: its data are marked, and recorded as before": (
        "登记设备正在维护：数据加维护标识，照常记录"
    ),
    "put a dated remark into the records: a visit, a filter, a bottle of gas": (
        "在记录中写入带时间的备注：巡检、更换滤膜、更换标气等"
    ),
    "everything that can be wrong: what was found, what it means, what to do": (
        "全面诊断：发现了什么、意味着什么、如何处理"
    ),
    "poll one device once, now; with --raw the bytes on the wire": "立即采集一次某台设备；--raw 显示线路上的字节",
    "find who answers on a link": "查找链路上有哪些设备应答",
    "show a block of registers under every type and word order": "以各种类型和字序显示一段寄存器",
    "show what comes on a link by itself, raw and decoded": "显示链路上主动送来的数据：原始字节和解码结果",
    "find which profiles fit what answers on a link": "查找与链路上的应答相符的描述文件",
    "subscribe at a broker as a consumer would, and count": "像接收方一样向 MQTT 服务器订阅并统计",
    "list the instruments it knows, or show one": "列出已知的仪器，或显示其中一种",
    "ask a few questions and write a station file": "回答几个问题，生成站点配置文件",
    "print what completes commands and names in bash or zsh, or the manual page": (
        "输出 bash 或 zsh 的命令与名称补全脚本，或手册页"
    ),
    "the encoding {} lacks {}": "编码 {0} 中没有字符 {1}",
    "Run it with: LC_ALL=C.UTF-8": "请在命令前加上：LC_ALL=C.UTF-8",
    # options of all commands
    "the station file (default $STATION_AGENT_CONFIG or {})": "站点配置文件（默认 $STATION_AGENT_CONFIG 或 {0}）",
    "the language to speak (default: that of the locale)": "显示语言（默认按系统区域设置）",
    "one JSON object": "输出一个 JSON 对象",
    "one JSON object a line": "每行一个 JSON 对象",
    "one JSON object; with --raw one a line": "输出一个 JSON 对象；与 --raw 合用时每行一个",
    "a device name from the station file": "站点配置文件中的设备名",
    "See: station-agent COMMAND --help": "见：station-agent 命令 --help",
    "See: {} --help": "见：{0} --help",
    "there is no command called {}": "没有名为 {0} 的命令",
    "{} does not know: {}": "{0} 无此参数：{1}",
    'end after "20s", "2min", …': '运行多久后结束："20s"、"2min" 等',
    'end after "20s", "10min", …': '运行多久后结束："20s"、"10min" 等',
    "lines instead of a screen, as in a pipe": "逐行输出，不用全屏（如同输出到管道）",
    # amounts
    "{} d": "{0} 天",
    "{} h": "{0} 小时",
    "{} min": "{0} 分钟",
    "{} s": "{0} 秒",
    "{} d {} h": "{0} 天 {1} 小时",
    "{} h {} min": "{0} 小时 {1} 分钟",
    "none": "无",
    # reload
    "nothing changed": "没有变化",
    "{} {} was added": "{0} {1}：已增加",
    "{} {} was removed": "{0} {1}：已删除",
    "{} {} was changed": "{0} {1}：已修改",
    # check
    "show every request that would be sent": "显示将要发送的每个查询",
    "{}: good": "{0}：正确",
    "{}: good, with one warning": "{0}：正确，有一条警告",
    "{}: good, with {} warnings": "{0}：正确，有 {1} 条警告",
    "link {} at {}": "链路 {0}，{1}",
    "DEVICE": "设备",
    "POLL": "采集",
    "EVERY": "间隔",
    "REQUESTS": "查询数",
    "BYTES": "字节",
    "WIRE": "占线",
    "{}, busy {} of the time": "{0}，占用 {1} 的时间",
    "measurements": "测量值",
    "everything": "全部",
    "parameters": "参数",
    "log {}: about {} a day; {} last about {} days, {} are wanted": (
        "日志 {0}：每天约 {1}；{2} 约可保存 {3} 天，期望保存 {4}"
    ),
    # read
    "show the bytes that go over the wire, with notes": "显示线路上往来的字节并加注释",
    "CHANNEL": "通道",
    "VALUE": "数值",
    "UNIT": "单位",
    "QUALITY": "质量",
    # profiles
    "list the units that a channel may have": "列出通道可用的单位",
    "UCUM CODE": "UCUM 代码",
    "SHOWN AS": "显示为",
    "PROFILE": "描述文件",
    "PROTOCOL": "协议",
    "KNOWN FROM": "依据",
    "INSTRUMENT": "仪器",
    "STREAM": "记录类别",
    "READ AT": "读取位置",
    "manual: {}": "说明书：{0}",
    "known from: {}; {}": "依据：{0}；{1}",
    "not verified: {}": "未经核实：{0}",
    "leaves the factory with {}, address {}": "出厂设置：{0}，地址 {1}",
    "its manual": "说明书",
    "other drivers": "其他驱动程序",
    "second hand": "二手资料",
    "unverified": "未核实",
    # demo
    "simulated six-parameter air station": "模拟六参数空气自动站",
    "keep its files (station.toml, log, …) in a new DIR": "将其文件（station.toml、日志等）保存在新目录 DIR 中",
    "{} has a too long name for the sockets in it": "{0} 的名称过长，其中无法建立套接字",
    "Choose a shorter one": "请选择较短的名称",
    "{} cannot be used: {}": "无法使用 {0}：{1}",
    "Choose another folder": "请选择其他目录",
    "{} is not empty": "{0} 不是空目录",
    "Choose a new folder, or remove what is in it": "请选择新目录，或清空该目录",
    "files are kept in {}": "文件保存在 {0}",
    "[bold]station-agent demo[/]: simulated six-parameter air station": (
        "[bold]station-agent demo[/]：模拟六参数空气自动站"
    ),
    "  Ctrl-C ends it": "  按 Ctrl-C 结束",
    "polled {} records, delivered {}, missing {}, duplicates {}": "采集 {0} 条记录，送达 {1}，缺失 {2}，重复 {3}",
    "polled {} records, delivered {}, on the way {}, backlog {}": "采集 {0} 条记录，送达 {1}，在途 {2}，积压 {3}",
    "log {} records, delivered {}, on the way {}": "日志 {0} 条记录，送达 {1}，在途 {2}",
    "{}, duplicates dropped {}": "{0}，丢弃重复 {1}",
    "broker {} at {}, pid {}": "MQTT 服务器 {0}，{1}，进程号 {2}",
    "agent pid {}; files in {}": "采集程序进程号 {0}；文件在 {1}",
    "try: {} --config {} status": "试试：{0} --config {1} status",
    "try: {} simulate --tell {} 'co silent'": "试试：{0} simulate --tell {1} 'co silent'",
    "BROKER {}, MQTT {}, ": "MQTT 服务器 {0}，MQTT {1}，",
    "  AGENT ": "  采集程序 ",
    "pid {}": "进程号 {0}",
    "NOT RUNNING": "未运行",
    ", restarts: {}": "，重启 {0} 次",
    "[dim]{}[/]  {} --config {} status": "[dim]{0}[/]  {1} --config {2} status",
    "     {} simulate --tell {} 'co silent'": "     {0} simulate --tell {1} 'co silent'",
    "MEASURED": "测量值",
    "SAMPLING, INSTRUMENT AND HOUSE": "采样、仪器与站房",
    "UPLINK {}: ": "上位平台 {0}：",
    ", waiting {}, {} records/s": "，待发 {0}，每秒 {1} 条记录",
    "ARRIVED {}; {} records/s": "已到达 {0}；每秒 {1} 条记录",
    "nothing yet": "尚无",
    "chain verified": "哈希链已核验",
    "{} FAULTS": "{0} 处错误",
    "last batch {}, {} ago; ": "最近批次 {0}，{1}前；",
    "live": "实时",
    "back": "补传",
    "replay": "补发",
    "TRY": "试试",
    "and watch": "并观察",
    "the subscriber is back at the broker": "订阅端已重新连接 MQTT 服务器",
    "FAULT {}: {}": "错误 {0}：{1}",
    "no {} is installed here, and the demo needs an MQTT broker": "本机未安装 {0}，演示需要 MQTT 服务器",
    "mosquitto or iotcore": "mosquitto 或 iotcore",
    "Install one: apt-get install mosquitto, or pip install 'station-agent[demo]'": (
        "请安装一个：apt-get install mosquitto，或 pip install 'station-agent[demo]'"
    ),
    "{} {}; it is being started again": "{0} {1}；正在重新启动",
    "{} runs again, pid {}": "{0} 已重新运行，进程号 {1}",
    "ended with exit code {}": "已结束，退出码 {0}",
    "was killed by {}": "被 {0} 终止",
    "; its last words: {}": "；最后的输出：{0}",
    "did not come up": "未能启动",
    "ends by itself with exit code {}, again and again": "反复自行结束，退出码 {0}",
    "Start the demo with --keep DIR, and look at its logs": "请用 --keep DIR 启动演示，并查看其日志",
    "stopping the agent: it delivers what it has": "正在停止采集程序：先上报已有数据",
    "{} records did not arrive: the agent is started again to deliver them": (
        "{0} 条记录未送达：重新启动采集程序继续上报"
    ),
}
