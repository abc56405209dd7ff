"""Chinese for the words that argparse of Python 3.11 to 3.14 says by itself."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "usage: ": "用法：",
    "%(heading)s:": "%(heading)s：",
    "options": "选项",
    "positional arguments": "参数",
    "subcommands": "子命令",
    "show this help message and exit": "显示帮助并退出",
    "show program's version number and exit": "显示版本号并退出",
    "%(prog)s: error: %(message)s\n": "%(prog)s：错误：%(message)s\n",
    "%(prog)s: warning: %(message)s\n": "%(prog)s：警告：%(message)s\n",
    "argument %(argument_name)s: %(message)s": "参数 %(argument_name)s：%(message)s",
    "the following arguments are required: %s": "缺少必需的参数：%s",
    "one of the arguments %s is required": "必须给出以下参数之一：%s",
    "unrecognized arguments: %s": "无法识别的参数：%s",
    "ambiguous option: %(option)s could match %(matches)s": "选项 %(option)s 有歧义，可能是 %(matches)s",
    "invalid choice: %(value)r (choose from %(choices)s)": "%(value)r 不可用（可选：%(choices)s）",
    "invalid choice: %(value)r, maybe you meant %(suggested_choice)r? (choose from %(choices)s)": (
        "%(value)r 不可用，是否指 %(suggested_choice)r？（可选：%(choices)s）"
    ),
    "unknown parser %(parser_name)r (choices: %(choices)s)": "未知的命令 %(parser_name)r（可选：%(choices)s）",
    "invalid %(type)s value: %(value)r": "%(value)r 不是有效的 %(type)s",
    "expected one argument": "需要一个值",
    "expected at most one argument": "最多一个值",
    "expected at least one argument": "至少需要一个值",
    "expected %s argument": "需要 %s 个值",
    "expected %s arguments": "需要 %s 个值",
    "not allowed with argument %s": "不能与 %s 同时使用",
    "ignored explicit argument %r": "此处不能带值 %r",
    "unexpected option string: %s": "意外的选项：%s",
    " (default: %(default)s)": "（默认：%(default)s）",
    "argument '%(argument_name)s' is deprecated": "参数“%(argument_name)s”已弃用",
    "command '%(parser_name)s' is deprecated": "命令“%(parser_name)s”已弃用",
    "option '%(option)s' is deprecated": "选项“%(option)s”已弃用",
    "can't open '%(filename)s': %(error)s": "无法打开“%(filename)s”：%(error)s",
}
