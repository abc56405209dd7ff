"""What `station-agent demo` is made of: a broker, the real daemon, and a judge who counts what arrives.

The simulated instruments are not here but in :mod:`agent.demo`, which knows
nothing of what polls it.
"""
