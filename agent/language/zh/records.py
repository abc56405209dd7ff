"""Chinese for ``plot``, ``records``, ``export``, ``report`` and ``verify``."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # summaries of the commands
    "draw what channels did over some hours, in the terminal or as a picture": (
        "绘制各通道若干小时的曲线：在终端中显示，或保存为图片"
    ),
    "the valid transmission rate of a day or month, and what each lost tick was lost to": (
        "某日或某月的数据有效传输率，以及每个缺失数据的原因"
    ),
    "walk the chain of the log, an archive, an export or a sealed month": "核验日志、归档、导出文件或封存月份的哈希链",
    "write a time range as JSON Lines, CSV or Parquet, or seal a month": (
        "将一段时间导出为 JSON Lines、CSV 或 Parquet，或封存一个月"
    ),
    "print or follow the records of the log": "显示日志中的记录，或持续跟踪新记录",
    # streams and qualities
    "measurement": "测量",
    "parameter": "参数",
    "event": "事件",
    "audit": "审计",
    "valid": "有效",
    "comm_fault": "通讯异常",
    "not_polled": "未采集",
    "not_fitted": "未安装",
    "no_value": "无数值",
    "fault": "仪器故障",
    "stopped": "停运",
    "maintenance": "维护",
    "zero_calibration": "零点校准",
    "span_calibration": "跨度校准",
    "zero_check": "零点检查",
    "span_check": "跨度检查",
    "accuracy_check": "准确度审核",
    "recovering": "恢复中",
    "over_range": "超过上限",
    "under_range": "低于下限",
    "suspect": "可疑",
    "insufficient": "有效数据不足",
    "manual": "手工输入",
    # causes
    "power": "停电",
    "link": "链路",
    "instrument": "仪器",
    "instr.": "仪器",
    "calibration": "校准",
    "calib.": "校准",
    "maint.": "维护",
    "sampling line": "采样管路",
    "line": "采样",
    "agent": "采集程序",
    "the computer was off or restarting": "工控机关机或正在重启",
    "the wire could not be used, or gave damaged replies": "线路不可用，或应答损坏",
    "no answer, no value, out of order or out of its range": "仪器无应答、无数值、故障或超量程",
    "zero or span gas, a check, or the recovery from one": "通零气或跨度气、检查，或其后的恢复",
    "somebody was at work, or set the value by hand": "有人维护，或数值由人工设定",
    "what brings the sample was not as it should be": "采样系统状态不符合要求",
    "this program did not run, had no time, or did not keep it": "采集程序未运行、来不及采集或未能保存",
    # the report
    "Valid transmission rate": "数据有效传输率",
    "station {}: valid transmission rate of {}": "站点 {0}：{1} 数据有效传输率",
    "ticks": "数据个数",
    "channel": "通道",
    "expected": "应采",
    "acquired": "实采",
    "lost": "缺失",
    "valid %": "有效 %",
    "lost to": "缺失原因",
    "sum": "合计",
    "day": "日期",
    "received": "实收",
    "transm. %": "传输率 %",
    "validity %": "有效率 %",
    "valid transm. %": "有效传输率 %",
    "uplink {}": "上位平台 {0}",
    "by the hour": "按小时统计",
    "valid days": "有效天数",
    "what the channels measure": "通道说明",
    "quantity": "监测项目",
    "measured in": "单位",
    "valid ticks of each day, %": "每日有效数据率，%",
    "For each of {} channels: expected = valid + lost; the sum closes.": (
        "{0} 个通道均满足：应采 = 有效 + 缺失，合计闭合。"
    ),
    "Counted from {}: the log knows of nothing before that.": "自 {0} 起统计：日志中没有更早的记录。",
    "Counted up to {}: the period goes on.": "统计至 {0}：该时段尚未结束。",
    "Nothing was polled from {} to {}": "{0} 至 {1} 未采集",
    "what it held counts as lost to the agent": "其中的数据计入采集程序缺失",
    "Not counted, for nobody knows how many values were to come: {}": "未统计（应采个数未知）：{0}",
    "{} readings were for ticks that had one already: the clock was set back.": (
        "{0} 个读数的时刻已有数据：时钟曾被回拨。"
    ),
    "Acquired ticks have a value; valid ones have one without any mark; received ones are acknowledged.": (
        "实采：有数值；有效：数值无任何标识；实收：上位平台已确认。"
    ),
    "Transmission rate = received / expected.": "传输率 = 实收 / 应收。",
    "Validity rate = valid received / (expected - calibration - maintenance).": (
        "有效率 = 有效实收 /（应收 − 校准 − 维护）。"
    ),
    "Valid transmission rate = transmission rate x validity rate.": "有效传输率 = 传输率 × 有效率。",
    "An hour is valid with 45 valid minutes, a day with 20 valid hours (HJ 212-2017, annex D).": (
        "一小时有 45 分钟有效数据即为有效小时，一天有 20 个有效小时即为有效天（HJ 212-2017 附录 D）。"
    ),
    "Platforms that count calibration and maintenance as invalid have every number for it in the CSV.": (
        "将校准和维护计为无效的平台，所需个数均列于 CSV。"
    ),
    "What arrived late counts as received.": "补传的数据计入实收。",
    "How it is counted": "统计方法",
    "date": "日期",
    "made by": "编制人",
    "checked by": "审核人",
    "the log knows of no configuration that ran in {}": "日志中没有 {0} 期间运行的配置",
    "{} to {}": "{0} 至 {1}",
    "See how far back it reaches with: station-agent status; the last 90 s are not counted yet": (
        "用 station-agent status 查看日志可追溯到何时；最近 90 秒尚未计入"
    ),
    "Look how far back it reaches with: station-agent status": "用 station-agent status 查看日志可追溯到何时",
    # options
    '"2026-11-22", "yesterday" or "today", the default': '"2026-11-22"、"yesterday"（昨天）或 "today"（今天，默认）',
    "a month of the station's zone": "站点时区的一个月",
    "csv has a row per day, channel and uplink; html is a page to print": (
        "csv 每日、每通道、每上位平台一行；html 为可打印页面"
    ),
    "the same as --format json": "同 --format json",
    "default: stdout": "默认：标准输出",
    "of csv: comma where people write 12,5; semicolons part the columns then": (
        "用于 csv：小数写作 12,5 的地区选 comma，此时列以分号分隔"
    ),
    '"2026-11-01", "2026-11-22 04:30", "24h", in the station\'s zone': (
        '"2026-11-01"、"2026-11-22 04:30"、"24h"，按站点时区'
    ),
    "the end, which is not in it (default: now)": "结束时刻，不含该时刻（默认：现在）",
    "the end, which is not in it": "结束时刻，不含该时刻",
    "a whole month of the station's zone": "站点时区的整月",
    "default: all four": "默认：全部四种",
    "jsonl proves itself, the others do not; csv opens in a spreadsheet program": (
        "jsonl 可自证完整，其余不能；csv 可用电子表格软件打开"
    ),
    "with --month: a file for each stream and a manifest with heads and SHA-256, for verify": (
        "与 --month 合用：每种记录一个文件，并附含链头与 SHA-256 的清单，供 verify 核验"
    ),
    "one stream; without it all four": "一种记录；省略则为全部四种",
    "only records of this device": "仅该设备的记录",
    '"10min", "2026-11-22 04:30" in the station\'s zone, …': '"10min"、"2026-11-22 04:30"（站点时区）等',
    "the last N records (default 20 where no time is given)": "最后 N 条记录（未给时间时默认 20）",
    "go on with what is stored from now on, until Ctrl-C": "继续显示新存入的记录，直到按 Ctrl-C",
    "the record's own bytes, one a line": "记录的原始字节，每行一条",
    "a channel, or device.channel": "通道，或 设备.通道",
    'how far back, as "6h" (default: 24h)': '向前多久，例如 "6h"（默认 24h）',
    '"2026-11-22 04:30", in the station\'s zone': '"2026-11-22 04:30"，按站点时区',
    "default: now": "默认：现在",
    "write a picture in place of characters": "保存为图片，不在终端绘制",
    "archive files, sealed months, exports, folders; without any, the log": (
        "归档文件、封存月份、导出文件或目录；省略则核验日志"
    ),
    "one JSON object per series and per sealed file": "每个序列、每个封存文件一个 JSON 对象",
    # export, seal, verify
    "{} records in {} s": "{0} 条记录，用时 {1} 秒",
    "{} of the archive cannot be read: {}": "归档中的 {0} 无法读取：{1}",
    "Find out what is left of it with: station-agent verify {}": "用 station-agent verify {0} 查看还剩什么",
    "only a whole month is sealed": "只能封存整月",
    "Name it: --month 2026-11": "请指定月份：--month 2026-11",
    "it is not said what to export": "未说明导出什么",
    "Say --since 24h, or --month 2026-11": "请用 --since 24h 或 --month 2026-11",
    "--month names the whole range": "--month 已指定整个时段",
    "Leave out --since and --until": "请去掉 --since 和 --until",
    "Parquet is no text for a terminal": "Parquet 不是文本，不能输出到终端",
    "Name a file: --output FILE": "请指定文件：--output FILE",
    "Check the folder, who may write there, and the room on it": "请检查目录、写入权限和剩余空间",
    "seal of {}, for the label: {}": "{0} 的封印（请写在标签上）：{1}",
    "Look at it at any time with: station-agent verify {}": "随时可核验：station-agent verify {0}",
    "{} is not over, or has been for less than ten minutes: late records may follow": (
        "{0} 尚未结束，或结束不足十分钟：可能还有迟到的记录"
    ),
    "A month that goes on is exported with --since and --until": "未结束的月份请用 --since 和 --until 导出",
    "the log holds no record of {}": "日志中没有 {0} 的记录",
    "{} is sealed in {} already": "{0} 已封存在 {1} 中",
    "Look at it with: station-agent verify {}": "查看：station-agent verify {0}",
    "{} {} to {} of epoch {} are in neither log nor archive": (
        "{0} 第 {1} 至 {2} 条（纪元 {3}）既不在日志中，也不在归档中"
    ),
    "{} series, {} broken": "{0} 个序列，{1} 个断裂",
    "{} files changed": "{0} 个文件被改动",
    "not there, right before or between them: {}": "其前或其间缺少：{0}",
    "{} {} to {} of {} were freed from the log, and are not there": (
        "{3} 的 {0} 第 {1} 至 {2} 条已从日志中清理，但不在其中"
    ),
    "it was renamed: it was sealed as {}": "被改名：封存时名为 {0}",
    "no manifest names it: nobody can tell whether it is what was sealed": (
        "没有清单列出该文件：无法判断是否为封存的原件"
    ),
    "it does not hold what its name says, but {} {} to {} of {}": (
        "内容与文件名不符：其中是 {3} 的 {0} 第 {1} 至 {2} 条"
    ),
    "seal": "封印",
    "head": "链头",
    "{}: {} of epoch {}: {} to {} follow from each other": "{0}：{1}（纪元 {2}）：{3} 至 {4} 前后相接",
    "{}: {} of epoch {}: record {} breaks the chain: {}": "{0}：{1}（纪元 {2}）：第 {3} 条记录使链断裂：{4}",
    "its content was changed": "其内容被改动",
    "its head was changed": "其链头被改动",
    "its content or its head was changed": "其内容或链头被改动",
    "it is missing: the next record there is number {}": "该记录缺失：下一条为第 {0} 条",
    "it is missing, or cannot be read": "该记录缺失或无法读取",
    "it is missing: the log had come to number {}": "该记录缺失：日志曾写到第 {0} 条",
    "it does not follow from the last record of {}": "与 {0} 的最后一条记录不相接",
    "it stands under another number than its content says": "其编号与内容不符",
    "this is no archive or export: {}": "这不是归档或导出文件：{0}",
    "there is no heading": "没有段首",
    "line {}: {}": "第 {0} 行：{1}",
    "the compressed data is damaged: {}": "压缩数据已损坏：{0}",
    "it is not a head and a record": "不是链头与记录",
    "Give a file or folder of the archive, or a file that export wrote": "请给出归档文件或目录，或 export 写出的文件",
    # times
    "{} is no time": "{0} 不是时间",
    'A time is "2026-11-22 04:30", "2026-11-22T04:30:00Z", "now", or an age such as "10min"': (
        '时间可写作 "2026-11-22 04:30"、"2026-11-22T04:30:00Z"、"now"，或距今多久，例如 "10min"'
    ),
    "{} is no day": "{0} 不是日期",
    'A day is "2026-11-22", "today" or "yesterday"': '日期可写作 "2026-11-22"、"today"（今天）或 "yesterday"（昨天）',
    "{} is no month": "{0} 不是月份",
    'A month is "2026-11"': '月份写作 "2026-11"',
    # plot
    "{}: {} values": "{0}：{1} 个数值",
    "no value in this time": "该时段没有数值",
    "there is no channel {}": "没有通道 {0}",
    "Did you mean {}?": "是否指 {0}？",
    "{} channels are called {}": "有 {0} 个通道名为 {1}",
    "Say which: {}": "请指明：{0}",
    "--last and --since both say when it begins": "--last 与 --since 都指定了起点",
    "Leave one of them out": "请去掉其中一个",
    "it ends before it begins": "结束早于开始",
    "Look at --since and --until": "请检查 --since 和 --until",
    "This system has no font for Chinese, so the picture has none: apt-get install fonts-noto-cjk": (
        "系统没有中文字体，图片中不含中文：apt-get install fonts-noto-cjk"
    ),
    "{} needs {}, which is not installed": "{0}需要 {1}，但尚未安装",
    "Install it with: pip install 'station-agent[{}]'": "安装命令：pip install 'station-agent[{0}]'",
    "a curve in the terminal": "在终端绘制曲线",
    "a curve as PNG": "保存 PNG 曲线图",
    "an export as Parquet": "导出 Parquet",
    # what varies of it
    "after": "此前末条记录",
    "alarm": "报警",
    "changes": "变更",
    "topic": "主题",
    "why": "结束方式",
    "somebody ended it": "人工结束",
    "its time was over": "到时自动结束",
    "true": "是",
    "false": "否",
    "visit": "巡检",
    "filter": "滤膜",
    "consumable": "耗材",
    "repair": "维修",
    "other": "其他",
    # why ticks gave nothing
    "agent_paused": "程序曾停顿",
    "line_busy": "链路繁忙",
    # what happened
    "the agent started": "程序启动",
    "the agent was stopped": "程序停止",
    "somebody has seen the alarm": "有人确认了报警",
    "the alarm is over": "报警恢复",
    "the alarm was closed with a reason": "报警已注明原因并关闭",
    "an alarm was raised": "产生报警",
    "the oldest days of the archive were deleted": "归档中最早的日期已删除",
    "a record does not follow from the one before it": "有记录与前一条不相接",
    "some channels give nothing any more": "部分通道不再有数值",
    "these channels are read again": "这些通道恢复采集",
    "the clock was set": "时钟被调整",
    "the instrument reports a condition": "仪器报告某种状态",
    "the condition is over": "该状态结束",
    "a configuration was applied": "配置生效",
    "a configuration was refused": "配置被拒绝",
    "the device gives nothing any more": "设备不再应答",
    "the device answers again": "设备恢复应答",
    "what the channels are called from now on": "此后各通道的含义",
    "the broker does not show what was published": "MQTT 服务器未回显所发布的消息",
    "the log began a new epoch": "日志进入新纪元",
    "too much came in at once, and was passed over": "短时间内收到过多消息，已略过",
    "another client uses the same client id": "另一客户端使用相同的客户端标识",
    "records kept in memory came into the log": "内存中的记录已写入日志",
    "old records were freed to make room": "为腾出空间清理了旧记录",
    "the log was not closed properly": "日志未正常关闭",
    "the log was put back into its place": "日志已放回原处",
    "the disk takes records again": "磁盘恢复写入",
    "what could be read was taken over from the damaged log": "已从损坏的日志中取回可读的记录",
    "a log that cannot be used was set aside": "无法使用的日志已移存",
    "the disk takes nothing: records are kept in memory": "磁盘无法写入：记录暂存内存",
    "maintenance ended": "维护结束",
    "maintenance goes on until later": "维护延长",
    "maintenance began": "维护开始",
    "the broker refused a message": "MQTT 服务器拒收消息",
    "a message is larger than the broker takes": "消息超过MQTT 服务器允许的大小",
    "nobody has subscribed to the data": "没有人订阅数据",
    "somebody left a note": "有人添加了备注",
    "what was open could not be read back": "未结事项无法读回",
    "records that the broker refuses were put aside": "MQTT 服务器拒收的记录已搁置",
    "records were lost": "有记录丢失",
    "records got new numbers in a new epoch": "记录在新纪元中重新编号",
    "somebody had the configuration read again": "有人下令重载配置",
    "a consumer asked for records again": "接收方请求补发记录",
    "another client took over the session": "会话被另一客户端接管",
    "somebody has subscribed to the data": "有人订阅了数据",
    "the broker refused a subscription": "MQTT 服务器拒绝订阅",
    "the uplink is connected": "上位平台已连接",
    "the uplink lost its connection": "上位平台断开",
    "the uplink pauses": "上位平台暂停",
    "the uplink goes on": "上位平台恢复",
    "a setting of the instrument changed": "仪器的设置发生变化",
}
