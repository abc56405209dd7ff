"""From instruments to records: ticks, qualities, and what every tick left behind."""
