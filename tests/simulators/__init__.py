"""Independent counterparts: instruments, brokers, consumers. None of them imports what they judge."""
