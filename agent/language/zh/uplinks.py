"""Chinese for brokers and consumers: connecting, delivering, receiving, replaying."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # states of an uplink
    "connected": "已连接",
    # connecting
    "broker {}: {}": "MQTT 服务器 {0}：{1}",
    "broker {}: connection lost: {}": "MQTT 服务器 {0}：连接中断：{1}",
    "connection refused: {}": "连接被拒绝：{0}",
    "closed the connection without an answer ({})": "未回应即关闭连接（{0}）",
    "Look at the broker's log; a broker that knows only MQTT 3.1.1, or wants TLS, behaves so": (
        "请查看 MQTT 服务器的日志；只支持 MQTT 3.1.1 或要求 TLS 的服务器会这样"
    ),
    "connection lost while subscribing: {}": "订阅时连接中断：{0}",
    "Look at the broker's log at this time": "请查看 MQTT 服务器此时的日志",
    "no answer within {} s": "{0} 秒内没有回应",
    "it takes the connection, but gives no answer within {} s": "连接已接受，但 {0} 秒内没有回应",
    "Check that the port in url speaks MQTT; a TLS port that is asked without TLS is silent too": (
        "请检查 url 中的端口是否为 MQTT；不用 TLS 访问 TLS 端口时也没有回应"
    ),
    "its certificate is not accepted: {}": "其证书不被接受：{0}",
    "it is for another name than {}": "证书是给别的名称的，不是 {0}",
    "Write the name in url that its operator gave it": "请在 url 中写服务器管理员给定的名称",
    "Ask its operator for its authority's file, as ca_file": "请向服务器管理员索取其 CA 证书，作为 ca_file",
    "Ask its operator for a new certificate, as cert_file and key_file": (
        "请向服务器管理员索取新证书，作为 cert_file 和 key_file"
    ),
    "Check the port in url: mqtts:// speaks TLS, mqtt:// does not": (
        "请检查 url 中的端口：mqtts:// 使用 TLS，mqtt:// 不使用"
    ),
    "it wants a certificate from us": "服务器要求本站出示证书",
    "it does not agree; it may want a certificate from us": "服务器不同意；它可能要求本站出示证书",
    "it says that our cert_file has expired": "服务器认为本站的 cert_file 已过期",
    "it says that our cert_file was revoked": "服务器认为本站的 cert_file 已被吊销",
    "it does not trust who signed our cert_file": "服务器不信任本站 cert_file 的签发者",
    "it does not accept our cert_file": "服务器不接受本站的 cert_file",
    "it does not let our cert_file in": "服务器不允许本站的 cert_file 进入",
    "this port does not speak TLS": "该端口不使用 TLS",
    "it hangs up during the TLS handshake": "TLS 握手时被挂断",
    "it knows no TLS of today (1.2 or newer)": "它只支持过时的 TLS（低于 1.2）",
    "Ask its operator for TLS 1.2": "请服务器管理员启用 TLS 1.2",
    "Check that the port speaks TLS, and cert_file and key_file when the broker wants a client certificate": (
        "请确认该端口使用 TLS；服务器要求客户端证书时检查 cert_file 和 key_file"
    ),
    "name not found: {}": "找不到该名称：{0}",
    "Check the host name in url, and DNS: getent hosts {}": "请检查 url 中的主机名和 DNS：getent hosts {0}",
    "no answer to the TCP connection": "TCP 连接没有回应",
    "Check the network, the firewall and the port in url": "请检查网络、防火墙和 url 中的端口",
    "nothing listens there": "该处没有程序监听",
    "Check that the broker runs, and the port in url": "请确认 MQTT 服务器在运行，并检查 url 中的端口",
    "Check this PC's network and the host in url": "请检查本机网络和 url 中的主机",
    "cert_file and key_file": "cert_file 和 key_file",
    "{}: {} cannot be used: {}": "{0}：{1} 不可用：{2}",
    "Check that the file exists, is PEM, belongs to the key, and may be read by the agent's user": (
        "请确认文件存在、为 PEM 格式、与密钥相配，且采集程序的用户可以读取"
    ),
    "no time has the tag {}": "标签 {0} 不是时间",
    "password_file {} cannot be read: {}": "无法读取 password_file {0}：{1}",
    "Check that it exists and the agent may read it": "请确认文件存在且采集程序可以读取",
    # MQTT 5, reason codes
    "disconnect with will": "断开并发布遗嘱",
    "no matching subscribers": "没有匹配的订阅者",
    "unspecified error": "未说明的错误",
    "malformed packet": "报文格式错误",
    "protocol error": "协议错误",
    "implementation specific error": "服务器自定义的错误",
    "unsupported protocol version": "不支持该协议版本",
    "client identifier not valid": "客户端标识无效",
    "bad user name or password": "用户名或密码错误",
    "not authorized": "未授权",
    "server unavailable": "服务器不可用",
    "server busy": "服务器忙",
    "banned": "已被禁止",
    "server shutting down": "服务器正在关闭",
    "bad authentication method": "认证方法错误",
    "keep alive timeout": "保活超时",
    "session taken over": "会话被接管",
    "topic filter invalid": "主题过滤器无效",
    "topic name invalid": "主题名无效",
    "packet identifier in use": "报文标识符已被使用",
    "receive maximum exceeded": "超过接收上限",
    "topic alias invalid": "主题别名无效",
    "packet too large": "报文过大",
    "message rate too high": "消息速率过高",
    "quota exceeded": "超过配额",
    "administrative action": "管理员操作",
    "payload format invalid": "载荷格式无效",
    "retain not supported": "不支持保留消息",
    "QoS not supported": "不支持该 QoS",
    "use another server": "请使用其他服务器",
    "server moved": "服务器已迁移",
    "shared subscriptions not supported": "不支持共享订阅",
    "connection rate exceeded": "连接过于频繁",
    "maximum connect time": "超过最长连接时间",
    "subscription identifiers not supported": "不支持订阅标识符",
    "wildcard subscriptions not supported": "不支持通配符订阅",
    "unknown reason": "未知原因",
    'Set protocol = "3.1.1" for this uplink': '请为该上位平台设置 protocol = "3.1.1"',
    "Set client_id of this uplink to what the broker expects": "请将该上位平台的 client_id 设为服务器要求的值",
    "Check username and password_file of this uplink against the broker's": (
        "请将该上位平台的 username 和 password_file 与服务器核对"
    ),
    "Ask the broker's operator for the right to connect, and to publish and subscribe below this station's topic": (
        "请向服务器管理员申请连接的权限，以及在本站主题下发布和订阅的权限"
    ),
    "Check the network to the broker; it may be overloaded, too: its log tells": (
        "请检查到服务器的网络；它也可能过载：请看其日志"
    ),
    "Ask the broker's operator why this client is banned": "请询问服务器管理员为何禁止此客户端",
    "Another client uses the same client_id: find it, or set client_id": (
        "另一客户端使用相同的 client_id：请找到它，或另设 client_id"
    ),
    "Lower window of this uplink": "请减小该上位平台的 window",
    "Lower max_packet of this uplink, or raise the broker's limit": "请减小该上位平台的 max_packet，或提高服务器的限制",
    "Lower rate of this uplink, or raise the broker's limit": "请减小该上位平台的 rate，或提高服务器的限制",
    "Ask the broker's operator to raise the quota of this client": "请服务器管理员提高此客户端的配额",
    "The broker keeps no retained messages; the uplink goes on without them": "该服务器不保存保留消息；上报照常进行",
    "Set url to the server that the broker's operator names": "请将 url 设为管理员指定的服务器",
    # delivering
    "compress = true needs the package zstandard, which is not installed": (
        "compress = true 需要软件包 zstandard，但尚未安装"
    ),
    "Install it with: pip install 'station-agent[zstd]', or set compress = false": (
        "安装命令：pip install 'station-agent[zstd]'；或设置 compress = false"
    ),
    "Look at the broker's log: does another client use the client_id {}? Else check the network": (
        "请查看服务器日志：是否有其他客户端使用 client_id {0}？否则检查网络"
    ),
    "no acknowledgement for {} s": "{0} 秒没有确认",
    "{} bytes, and a packet may have {}": "{0} 字节，而报文至多 {1} 字节",
    "closed by the broker without a reason": "服务器关闭了连接，未说明原因",
    "the broker sent something that is not MQTT, or a code that does not exist": "服务器发来的不是 MQTT，或代码不存在",
    "the broker stopped answering pings": "服务器不再回应心跳",
    "the connection is gone": "连接已断开",
    "the broker ended it: {}": "服务器结束了连接：{0}",
    "Look at the broker's log: it refuses more than one record": "请查看服务器日志：它拒绝了不止一条记录",
    "{} records in a row were refused": "连续 {0} 条记录被拒绝",
    # consumers: acknowledgements and replay
    "upto without head": "有 upto 而无 head",
    "a range ends before it begins: {} to {}": "范围的结束早于开始：{0} 至 {1}",
    "{} bytes, more than {}": "{0} 字节，超过 {1}",
    "came on the topic of {} and is by {}": "在 {0} 的主题上到达，却由 {1} 发出",
    "some of it could not be read or sent any more": "其中一部分已无法读取或发送",
    "{} records; ask for at most {} at a time": "{0} 条记录；一次最多请求 {1} 条",
    "nothing of it is kept": "其中没有保存的内容",
    "some of it is no longer kept": "其中一部分已不再保存",
    "the log ends at {}": "日志到 {0} 为止",
    "speaks of epoch {}, which this log does not have": "涉及纪元 {0}，该日志中没有",
    "our own state at the broker": "本站在服务器上的状态",
    "an ack of {}": "{0} 的确认",
    "the archive cannot be read: {}": "无法读取归档：{0}",
    "this uplink has no such epoch and stream": "该上位平台没有此纪元和记录类别",
    "another request is being served; ask again when it is done": "正在处理另一请求；完成后请再试",
    "{}, and the log ends at {}": "{0}，而日志到 {1} 为止",
    "{}, which is not kept and not acknowledged": "{0}，既未保存也未确认",
    "{} with another head than the log has there": "{0}，其链头与日志不同",
    # receive: options
    "mqtts://host:port or mqtt://host:port; else the first uplink's": (
        "mqtts://主机:端口 或 mqtt://主机:端口；省略则用第一个上位平台"
    ),
    "where topics begin (default that of the uplink, else station/v1)": "主题前缀（默认同上位平台，否则为 station/v1）",
    "one station (default: all)": "一个站点（默认：全部）",
    "never one that another client uses (default: a new one)": "不可与其他客户端相同（默认：新生成）",
    "whom to trust (default: as the uplink does)": "信任的证书颁发机构（默认同上位平台）",
    "a client certificate": "客户端证书",
    "and its key": "及其密钥",
    "version of MQTT (default: 5, then 3.1.1)": "MQTT 版本（默认先 5，后 3.1.1）",
    "acknowledge as consumer NAME whatever was printed: the station counts it as stored for good": (
        "以接收方 NAME 的名义确认已显示的内容：站点将视为已永久保存"
    ),
    "ask the station for what is missing": "向站点请求补发缺失的记录",
    "miss everything that the station still has, from 1 on": "从第 1 条起，站点仍保存的全部视为缺失",
    "one JSON object a line, the records byte for byte": "每行一个 JSON 对象，记录逐字节输出",
    "no records, only what is wrong, and the summary": "不显示记录，只显示问题和汇总",
    "end after N records": "收到 N 条记录后结束",
    "{} names no uplink": "{0} 没有指定上位平台",
    "Give the URL of a broker: mqtt://host:1883": "请给出 MQTT 服务器的 URL：mqtt://主机:1883",
    "this is not the address of a broker: {}": "这不是 MQTT 服务器的地址：{0}",
    "Example: mqtt://127.0.0.1:1883": "例如：mqtt://127.0.0.1:1883",
    "Check the name and who may read it": "请检查文件名和读取权限",
    'a consumer is named with letters, digits, "_" and "-", at most 32': (
        '接收方名称由字母、数字、"_" 和 "-" 组成，至多 32 个字符'
    ),
    # receive: what it prints
    "FAULT": "错误",
    "gap": "缺口",
    "subscribed, MQTT {}": "已订阅，MQTT {0}",
    "{}; trying again": "{0}；正在重试",
    "missing of {}: {}": "{0} 缺失：{1}",
    "the stations said that {} records were still waiting there": "站点称还有 {0} 条记录待发",
    "{} records in {} batches, {} duplicates dropped, {} missing, {}": (
        "{1} 批共 {0} 条记录，丢弃重复 {2}，缺失 {3}，{4}"
    ),
    "{} messages refused as broken": "{0} 条消息因损坏被拒绝",
    "broker {} refused the subscription to {}: {}": "MQTT 服务器 {0} 拒绝订阅 {1}：{2}",
    # receive: what is wrong with a message
    "records {} to {} were passed over": "跳过了第 {0} 至 {1} 条记录",
    "record {} is chained to another record {} than the one that is known": "第 {0} 条记录所接的第 {1} 条与已知的不同",
    "the head after {} is not that of its records {} to {}": "{0} 之后的链头与第 {1} 至 {2} 条记录不符",
    "record {} came again with other content": "第 {0} 条记录再次到达，内容不同",
    "the head after record {} is not the one that was told for it": "第 {0} 条记录之后的链头与所告知的不同",
    "the station says another head after record {} than came here": "站点所称第 {0} 条记录之后的链头与收到的不同",
    "here is a log that was not seen before: {}": "出现了以前未见过的日志：{0}",
    "its state has no proper first, last and head": "其状态中没有正确的 first、last 和 head",
    "the station sends compressed batches, and the package zstandard is not installed": (
        "站点发送压缩批次，但未安装软件包 zstandard"
    ),
    "Install it with: pip install 'station-agent[zstd]'": "安装命令：pip install 'station-agent[zstd]'",
    "it says {} and came on {}": "其内容为 {0}，却在 {1} 上到达",
    "its zstd frame is broken: {}": "其 zstd 帧已损坏：{0}",
    "it is longer than {} bytes once decompressed": "解压后超过 {0} 字节",
    "it is not JSON: {}": "不是 JSON：{0}",
    "its records do not stand where a batch has them": "记录不在批次应有的位置",
    "{} to {} cannot be {} records": "{0} 至 {1} 不可能是 {2} 条记录",
    "record {} stands in the place of {}": "第 {0} 条记录占了第 {1} 条的位置",
    "Write its name in url instead of its address": "请在 url 中写其名称而不是地址",
    "the key belongs to another certificate": "密钥属于另一份证书",
    "it is not PEM": "不是 PEM 格式",
    "the key has a password": "密钥有密码",
}
