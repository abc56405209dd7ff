"""Chinese for what the operating system, its resolver, OpenSSL and pydantic say."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "Address already in use": "地址已被占用",
    "Broken pipe": "管道已断开",
    "Connection reset by peer": "连接被对端重置",
    "Connection timed out": "连接超时",
    "Device or resource busy": "设备正忙",
    "File exists": "文件已存在",
    "Host is unreachable": "主机不可达",
    "Input/output error": "输入输出错误",
    "Is a directory": "是目录而不是文件",
    "Name or service not known": "名称或服务未知",
    "Network is unreachable": "网络不可达",
    "No address associated with hostname": "该主机名没有地址",
    "No route to host": "没有到主机的路由",
    "No space left on device": "磁盘空间不足",
    "No such device": "没有该设备",
    "No such file or directory": "没有该文件或目录",
    "Not a directory": "不是目录",
    "Operation not permitted": "操作不被允许",
    "Permission denied": "没有权限",
    "Read-only file system": "文件系统只读",
    "String should have at most {} characters": "至多 {0} 个字符",
    "Temporary failure in name resolution": "域名解析暂时失败",
    "Transport endpoint is not connected": "端点未连接",
    "certificate has expired": "证书已过期",
    "certificate is not yet valid": "证书尚未生效",
    "self-signed certificate": "自签名证书",
    "self-signed certificate in certificate chain": "证书链中有自签名证书",
    "unable to get local issuer certificate": "找不到签发机构证书",
}
