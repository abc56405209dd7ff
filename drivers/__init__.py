"""Instruments: the wires they hang on, the protocols they speak, the profiles that describe them.

Nothing here knows of disk, MQTT or systemd. Other people's packages import
:mod:`drivers.api` and nothing else.
"""
