"""What can be asked for: one folder for each operation, all of the same shape, in one list."""
