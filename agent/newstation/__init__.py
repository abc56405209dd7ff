"""A first station file: from answers to a commented text that passes ``check``."""
