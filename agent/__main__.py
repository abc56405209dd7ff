"""``python -m agent``: the same as ``station-agent``."""

from agent.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
