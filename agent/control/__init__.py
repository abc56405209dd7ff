"""The control socket: what the command line asks of a running daemon.

One JSON object a line, one answer a line; what takes its time answers with a line
of news whenever there is some, until it is done or the caller hangs up.
"""
