"""`policy.toml`: read, checked and explained. No I/O except the file."""
