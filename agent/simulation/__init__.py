"""Instruments that do not exist: what `station-agent simulate` serves, and what the demonstration is built on.

A profile says what the instrument is; how it answers is written here once more,
from the specifications. Nothing of what polls is imported, neither decoding nor
checksums nor a Modbus library, so that both sides can bear witness for each other.
"""
