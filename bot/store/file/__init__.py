"""A database file, or a copy of one, that is read and never written to."""
