"""Which database this is: an id that no other one has, also where a file was copied."""

from sqlite_utils import Database


class Copies:
    """Reads the ids by which messages and buttons say which database made them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def id(self) -> str:
        """The id of this database from its last beginning on."""
        return self.ids[-1]

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id that it has had, the present one last; it begins anew after a restored copy."""
        rows = self._database.execute("SELECT id FROM copies ORDER BY position")
        return tuple(row[0] for row in rows)
