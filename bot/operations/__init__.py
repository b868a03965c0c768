"""What can be asked for: one module for each operation, all of the same shape, in one list."""
