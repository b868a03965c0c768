"""What can go wrong with the database, as the rest of the bot sees it."""


class StoreError(Exception):
    """The database cannot be used; the message says what to do."""


class CouldNotRecordError(StoreError):
    """Nothing was written and nothing was done: full, read-only, locked or corrupt."""
