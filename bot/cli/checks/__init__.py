"""The checks of `billing-bot check`: each gives findings of one line."""
