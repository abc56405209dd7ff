"""Chinese for the log: what its files can suffer, and what is said when it is opened."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "Run: station-agent status": "运行：station-agent status",
    "Look for it with: station-agent status": "请用 station-agent status 查找",
    "{} is in use by {}": "{0} 正被 {1} 使用",
    "another process": "其他进程",
    "process {}": "进程 {0}",
    "The agent runs already; look with: ps -p {}": "采集程序已在运行；请查看：ps -p {0}",
    "{} is damaged: {}": "{0} 已损坏：{1}",
    "The agent sets it aside and saves what can be read when it starts; check the disk with: smartctl -a": (
        "采集程序启动时会将其移开并挽救可读的内容；请检查磁盘：smartctl -a"
    ),
    "{} was {} while the agent was writing it": "{0} 在采集程序写入时被{1}",
    "deleted": "删除",
    "replaced": "替换",
    "moved": "移走",
    "covered by another file system": "另一文件系统遮盖",
    "{} has grown to {} MB: another program has been reading the log for long": (
        "{0} 已增长到 {1} MB：有其他程序长时间读取日志"
    ),
    "End that program, or its query; find it with: fuser -v {}": "请结束该程序或其查询；查找：fuser -v {0}",
    "The agent puts it back; stop it before anything is done with the files in {}": (
        "采集程序会将其恢复；处理 {0} 中的文件前请先停止采集程序"
    ),
    "{} {} of epoch {} cannot be read: {}": "纪元 {2} 的 {0} 第 {1} 条无法读取：{3}",
    "{} takes no more records: {}": "{0} 不能再写入记录：{1}",
    "its quota of {} MB is used up": "{0} MB 配额已用完",
    "Raise store.quota, or bring the uplinks back": "请提高 store.quota，或恢复上位平台连接",
    "the disk is full": "磁盘已满",
    "Free some space on the file system of {}": "请在 {0} 所在文件系统上腾出空间",
    "Check disk and cables; the kernel's view: journalctl -k -p err": (
        "请检查磁盘和连线；内核消息：journalctl -k -p err"
    ),
    "{} was cut short from {} to {} bytes": "{0} 由 {1} 字节被截短为 {2} 字节",
    "its file system is no longer mounted at {}": "其文件系统不再挂载于 {0}",
    "Mount it again: mount {}": "请重新挂载：mount {0}",
    "the folder {} does not exist": "目录 {0} 不存在",
    "Make it: mkdir -p {}": "请建立：mkdir -p {0}",
    "{} must not be written by this user: {}": "当前用户不应写入 {0}：{1}",
    "it belongs to user {}, and this is user {}": "它属于用户 {0}，当前用户是 {1}",
    "Run the agent as its own user: sudo -u station-agent station-agent run": (
        "请以其专用用户运行：sudo -u station-agent station-agent run"
    ),
    "it has lost the name of its station": "其中缺少站点编号",
    "the table epoch holds nonsense": "表 epoch 内容无效",
    "its rows are not in order": "各行次序混乱",
    "the table {} holds nonsense: {}": "表 {0} 内容无效：{1}",
    "a record brings neither seq nor time, and its keys are ASCII: {}": "记录不自带 seq 和 time，键为 ASCII：{0}",
    "{} has no time zone": "{0} 没有时区",
    "not representable as JSON: {}": "不能表示为 JSON：{0}",
    "{} is not a JSON value": "{0} 不是 JSON 值",
    "{} is not a key of a JSON object": "{0} 不是 JSON 对象的键",
    "Set store.path in station.toml to a file of its own": "请在 station.toml 中将 store.path 设为单独的文件",
    "{} is no log of a station: {}": "{0} 不是站点日志：{1}",
    "{} is a database of another program, not a log": "{0} 是其他程序的数据库，不是日志",
    "{} was written by a newer station-agent: its schema is {}, this one knows {}": (
        "{0} 由较新的 station-agent 写成：其结构版本为 {1}，本程序只认识 {2}"
    ),
    "Install the newer station-agent again, or set store.path to a new file": (
        "请重新安装较新的 station-agent，或将 store.path 设为新文件"
    ),
    "{} is the log of station {}, not of {}": "{0} 是站点 {1} 的日志，不是 {2} 的",
    "Set station.id back, or set store.path in station.toml to a file of its own": (
        "请改回 station.id，或在 station.toml 中将 store.path 设为单独的文件"
    ),
    "this file system does not support {} = {} (it stays {})": "该文件系统不支持 {0} = {1}（仍为 {2}）",
    "there is no log at {}": "{0} 处没有日志",
    "Check store.path in station.toml, and that the agent ran": (
        "请检查 station.toml 中的 store.path，并确认采集程序运行过"
    ),
    "a text in it is none: {}": "其中的文本无效：{0}",
    "its header is wrong: {}": "其文件头错误：{0}",
    "{} (SQLite error {})": "{0}（SQLite 错误 {1}）",
    "Look at owner and rights with: ls -ld {} {}; members of the agent's group may read": (
        "请查看属主和权限：ls -ld {0} {1}；采集程序组的成员可以读取"
    ),
    "its pages do not fit together: the end of its write-ahead file was lost": "各页不一致：预写文件的末尾丢失",
    "it was damaged again just after it had been salvaged": "挽救后随即再次损坏",
    "{} cannot be read at present": "{0} 目前无法读取",
    "Repair the disk": "请修复磁盘",
    "Give it to the user of the agent: chown station-agent {}": "请将其交给采集程序的用户：chown station-agent {0}",
    "the archive {} cannot be written: {}": "无法写入归档 {0}：{1}",
    "no range of seqs: {} to {}": "不是序号范围：{0} 至 {1}",
    "the time kept beside it, {}, is not the time in its content": "旁存的时间 {0} 与内容中的时间不同",
    "{} ms after 1970": "1970 年后 {0} 毫秒",
    "its record cannot be read: {}": "无法读取其记录：{0}",
    "it opens no segment: {}": "不是段首：{0}",
    "{} is read no further": "{0} 不再继续读取",
    "Nothing: it is done at the next start": "无需处理：下次启动时进行",
    "the file system of {} is read-only": "{0} 所在的文件系统只读",
    "it is being mended": "正在修复",
    "memory is full": "内存已满",
    "Raise store.memory": "请提高 store.memory",
    "last good": "上次正确的",
    # verify
    "as it was sealed": "与封存时一致",
    "it was changed: its seal does not fit what it says": "已被改动：封印与内容不符",
    "it was changed: it is no longer a manifest": "已被改动：不再是清单",
    "it cannot be read: {}": "无法读取：{0}",
    "it was changed: it has {} bytes, and had {} when it was sealed": "已被改动：现有 {0} 字节，封存时为 {1} 字节",
    "it was changed: its SHA-256 is {}, and was {} when it was sealed": "已被改动：SHA-256 为 {0}，封存时为 {1}",
    "{}: {} of epoch {}": "{0}：{1}（纪元 {2}）",
    "{}: record {} breaks the chain: {}": "{0}：第 {1} 条记录使链断裂：{2}",
    "{}: {} to {} follow from each other": "{0}：{1} 至 {2} 前后相接",
}
