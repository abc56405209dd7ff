"""The doctor: goes through everything that can be wrong with a station, with the daemon running, hung or dead.

Every check only looks. None of them opens a port that is in use, sends an
instrument anything, or changes what a broker keeps.
"""
