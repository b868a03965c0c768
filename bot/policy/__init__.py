"""`policy.toml`: read, checked and explained. No I/O but the file."""
