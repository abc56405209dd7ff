"""A time range of the log as a file: JSON Lines that prove themselves, sealed months, and tables that cannot."""
