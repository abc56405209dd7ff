"""What a technician asks of a wire while the station works: who is there, what says what, what fits.

Everything here reads and nothing writes, beside the running daemon in the gaps
between its ticks, or directly where none runs. Nothing is stored.
"""
