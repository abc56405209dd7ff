"""Chinese for alarms, maintenance and notes."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # headings and words
    "ID": "编号",
    "SEVERITY": "级别",
    "SINCE": "已持续",
    "RAISED": "触发时间",
    "LASTED": "持续",
    "UNTIL": "截止",
    "BY": "登记人",
    "ORDER": "工单",
    "active": "报警中",
    "acknowledged": "已确认",
    "cleared": "已恢复",
    "closed": "已关闭",
    # alarms
    "no alarm is open": "没有未关闭的报警",
    "no alarm was raised": "这段时间没有报警",
    "acknowledged: {}": "已确认：{0}",
    "closed: {}": "已关闭：{0}",
    "acknowledged by {} {} ago": "{0} 于 {1}前确认",
    "closed by {}: {}": "{0} 关闭：{1}",
    "raised {} times since {}": "{1}内触发 {0} 次",
    "the instrument reports {}": "仪器报告 {0}",
    "it gives nothing: {}": "无数据：{0}",
    "{} was {}, outside {} to {}": "{0} 为 {1}，超出 {2} 至 {3}",
    "{} was outside its limits": "{0} 超出限值",
    "all since then, also closed ones: 30d, 2026-11-22, …": "自该时间起的全部报警，含已关闭的：30d、2026-11-22 …",
    "one JSON object per alarm": "每个报警一个 JSON 对象",
    "what it was, and what was done": "原因和处理措施",
    "the id of an open alarm, or its beginning": "未关闭报警的编号，或其开头几位",
    "somebody has seen it": "确认：已有人看到",
    "it is over, and why it was": "关闭：已结束，并说明原因",
    "alarm {} was acknowledged before, by {}": "报警 {0} 已由 {1} 确认",
    "See: station-agent alarms": "请运行：station-agent alarms",
    "Acknowledge it: station-agent alarms ack {}; it can be closed once it is cleared": (
        "请先确认：station-agent alarms ack {0}；恢复后才能关闭"
    ),
    "alarm {} still holds": "报警 {0} 仍在持续",
    "{} may be any of {}": "{0} 可能是以下之一：{1}",
    "Type more of the id": "请多输入几位编号",
    "no open alarm is called {}": "没有编号为 {0} 的未关闭报警",
    "See which are open: station-agent alarms": "查看未关闭的报警：station-agent alarms",
    "not configured": "已不在配置中",
    # maintenance
    "no maintenance runs": "没有正在进行的维护",
    "mark the data from now on": "从现在起给数据加维护标识",
    "mark them no longer": "不再加维护标识",
    "what came of it, for the record": "维护结果，写入记录",
    "one JSON object per device, or for all": "每台设备（或全站）一个 JSON 对象",
    "a device name from the station file, or all": "站点配置文件中的设备名，或 all（全站）",
    "what is done": "维护内容",
    "how long: 45min, 2h, … (default 8h, at most 30d)": "时长：45min、2h …（默认 8h，最长 30d）",
    "the work order": "工单号",
    "maintenance of {} runs until {}; its data are marked, and recorded as before": (
        "{0} 维护至 {1}；数据加维护标识，照常记录"
    ),
    "maintenance of {} ended after {}": "{0} 维护结束，历时 {1}",
    "no maintenance of {} runs": "{0} 没有正在进行的维护",
    "Maintenance runs for: {}": "正在维护：{0}",
    "None runs: station-agent maintenance": "没有正在进行的维护，请查看：station-agent maintenance",
    # notes
    "noted": "已记录",
    "the remark": "备注内容",
    "the device that it is about": "相关设备",
    "what it is about (default other)": "类别（默认 other）",
    "who did it, where that is not who types": "实际操作人（若不是输入者本人）",
    # requests
    "it is done, but the record of it waits in memory: the disk takes nothing now": (
        "已执行，但记录还在内存中等待：磁盘目前无法写入"
    ),
    "it must be text that can be printed, and not empty": "必须是可显示的文字，且不能为空",
    "it must be one of {}": "必须是以下之一：{0}",
    "it must be between 1s and {}": "必须在 1s 与 {0} 之间",
    "{} cannot be taken: {}": "{0} 无法接受：{1}",
    "what it keeps of {} is no JSON: {}": "其中保存的 {0} 不是 JSON：{1}",
    "Run the command with --help": "请用 --help 查看该命令的用法",
}
