"""Whether a server still has every trigger that protects the database."""

import re

import psycopg

from bot.store.errors import StoreError
from bot.store.postgres.connection import connect
from bot.store.postgres.refused import refusal
from bot.store.postgres.schema import baseline

_FUNCTION = re.compile(
    r"CREATE FUNCTION (\w+) \(\) RETURNS trigger LANGUAGE plpgsql AS \$\$(.*)\$\$$", re.DOTALL
)
_TRIGGER = re.compile(r"CREATE TRIGGER (\w+) .* EXECUTE FUNCTION (\w+) \(\)$", re.DOTALL)
_THERE = """
SELECT CAST(t.tgname AS TEXT), p.prosrc FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND c.relnamespace = to_regnamespace(current_schema())
"""


def expected() -> dict[str, str]:
    """Return every trigger by its name, with the text of its function."""
    statements = [*baseline()]
    bodies = {found[1]: found[2] for each in statements if (found := _FUNCTION.match(each))}
    return {found[1]: bodies[found[2]] for each in statements if (found := _TRIGGER.match(each))}


def missing(url: str) -> list[str]:
    """Return triggers that the server lacks, has switched off, or has in another form.

    Raises:
        StoreError: The server cannot be asked.
    """
    try:
        with connect(url) as connection:
            there = dict(connection.execute(_THERE).fetchall())
    except psycopg.Error as error:
        raise StoreError(f"the server cannot be asked: {refusal(error).words}.") from error
    return sorted(name for name, body in expected().items() if there.get(name) != body)
