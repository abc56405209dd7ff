"""What became of every tick: the valid transmission rate of a day or a month, and each loss by its cause."""
