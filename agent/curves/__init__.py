"""What a channel did over some hours, as a curve: in the terminal, or as a picture for a report."""
