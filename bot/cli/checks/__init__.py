"""What `billing-bot check` looks at: each look gives findings, one line each."""
