"""The station of `make demo`: instruments written from their manuals, on real sockets and pseudo-terminals.

They stand on :mod:`agent.simulation`, and nothing of what polls is imported: what the
demonstration polls must not share a mistake with what polls it.
"""
