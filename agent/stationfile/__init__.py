"""Reading ``station.toml``: the words it may hold, and every mistake in it with its line.

The rest of the agent imports :mod:`agent.settings`, which puts these parts together.
"""
