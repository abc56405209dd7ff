"""Delivery of the log to one broker: cursors, lanes, batches, and what every answer of a broker means."""
