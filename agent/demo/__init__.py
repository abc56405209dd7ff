"""The station of `make demo`: instruments written from their manuals, on real sockets and pseudo-terminals.

Nothing here imports the agent or the drivers: what the demonstration polls must
not share a mistake with what polls it.
"""
