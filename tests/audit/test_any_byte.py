"""Any byte of a package or of a database is changed: it is found, or nothing that is bound reads otherwise.

What a byte may change without being found is what `dump` leaves out; docs/evidence.md lists it.
"""

import asyncio
import shutil
import sqlite3
import zipfile
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.store.outgoing import SENT
from bot.store.request_rows import KEPT
from tests.audit.test_evidence import KEY, checked
from tests.audit.test_package import packed, story

EACH = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
BOUND = {
    "history": "sequence, at, request, what, who, team, data, before, hash",
    "requests": ", ".join((*KEPT, "state")),
    "approvals": "request, person, digest",
    "calls": "request, subject, tries, verdict",
    "history_head": "sequence, hash",
}
"""What the history holds of each table; of the messages beside these, what was sent about each request."""

_CARDS = (
    "SELECT request, text, blocks FROM outbox WHERE kind = 'card' AND sequence IN "
    "(SELECT MIN(sequence) FROM outbox WHERE kind = 'card' GROUP BY request) ORDER BY request"
)
_SENT = (
    f"SELECT {', '.join(SENT)} FROM outbox NOT INDEXED "  # noqa: S608 - own names
    "WHERE outcome = 'sent' AND request IS NOT NULL ORDER BY sequence"
)
_CAN_MAIL = (
    "SELECT * FROM mailings NOT INDEXED WHERE request IN "
    "(SELECT request FROM history WHERE what = 'request.started') ORDER BY rowid"
)


def dump(path):
    """Everything that is bound, as it reads; None if it cannot be read."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as file:
            found = {
                table: sorted(file.execute(f"SELECT {columns} FROM {table} NOT INDEXED"))  # noqa: S608 - own names
                for table, columns in BOUND.items()
            }
            for name, query in (("cards", _CARDS), ("sent", _SENT), ("mailings", _CAN_MAIL)):
                found[name] = file.execute(query).fetchall()
            return found
    except (sqlite3.Error, UnicodeDecodeError, TypeError):
        return None


def contents(path):
    """Every file of a package as it reads; None if it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted((name, archive.read(name)) for name in archive.namelist())
    except Exception:  # noqa: BLE001 - whatever a broken zip makes of it
        return None


async def kept(folder):
    """A database of which the history binds the messages too."""
    stage = await story(folder, KEY)
    await stage.pass_time(minutes=61)
    await stage.until(lambda: not stage.store.outbox.unbound(1))
    await stage.close()
    return stage.settings().database_path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    package, _ = asyncio.run(packed(tmp_path_factory.mktemp("package"), KEY))
    return {"package": package, "database": asyncio.run(kept(tmp_path_factory.mktemp("database")))}


@pytest.mark.parametrize(
    ("kind", "read"), [("package", contents), ("database", dump)], ids=["package", "database"]
)
@given(data=st.data())
@EACH
def test_a_changed_byte_is_found_or_changes_nothing_that_is_bound(
    tmp_path, whole, kind, read, data
):
    path = shutil.copy(whole[kind], tmp_path / f"{kind}.changed")
    before = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(before) - 1), label="at")
    before[at] ^= data.draw(st.integers(1, 255), label="with")
    path.write_bytes(before)

    result = checked(path, key=KEY)

    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    if result.exit_code == 0:
        assert read(path) == read(whole[kind])
