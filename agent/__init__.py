"""The daemon and the command line of a monitoring station.

Readings travel one way: poller, recorder, log, uplink, broker. Each module of
this package is one stop on that road or one view of it.
"""

__version__ = "0.1.0"
