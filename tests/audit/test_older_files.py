"""Evidence can be made of a file that an older version wrote, before the bot was started again."""

import asyncio
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlite_utils import Database

from bot.cli import main
from bot.cli.exits import NOT_DONE
from bot.store.schema import known, migrations
from tests.audit.test_control import sealed
from tests.audit.test_evidence import PERIOD, lines
from tests.audit.test_for_people import light_of
from tests.audit.test_package import status, story
from tests.audit.test_verify import KEY, Tampering, checked
from tests.older import without_documents_of_runs

VERSIONS = [*known()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The path of a database as this version writes it."""

    async def closed():
        with without_documents_of_runs():
            stage = await story(tmp_path_factory.mktemp("story"), KEY)
        await stage.close()
        path = Path(stage.settings().database_path)
        with Tampering(
            path
        ) as connection:  # the oldest versions had no table for what can be mailed
            connection.execute(
                "UPDATE history SET data = json_remove(data, '$.mailings') WHERE what = 'request.started'"
            )
            sealed(connection)
        return path

    return asyncio.run(closed())


def of_version(whole, path, version):
    """Write the same content in the tables of an older version."""
    later = VERSIONS[VERSIONS.index(version) + 1 :]
    with closing(Database(str(path))) as database:
        migrations.apply(database, stop_before=later)
    with Tampering(path) as connection:
        connection.execute("ATTACH ? AS now", [str(whole)])
        there = {name: _columns(connection, "now", name) for name in _tables(connection, "now")}
        for name in {*_tables(connection, "main")} & {*there} - {"_sqlite_migrations"}:
            both = [each for each in _columns(connection, "main", name) if each in there[name]]
            columns = ", ".join(f'"{each}"' for each in both)
            connection.execute(f'DELETE FROM main."{name}"')  # noqa: S608 - our own names
            connection.execute(
                f'INSERT OR IGNORE INTO main."{name}" ({columns}) SELECT {columns} FROM now."{name}"'  # noqa: S608
            )


def _tables(connection, schema):
    return [
        name
        for (name,) in connection.execute(
            f"SELECT name FROM {schema}.sqlite_master WHERE type = 'table'"  # noqa: S608 - our own names
        )
    ]


def _columns(connection, schema, table):
    found = connection.execute(f'PRAGMA {schema}.table_xinfo("{table}")').fetchall()
    return [name for _, name, *_, hidden in found if not hidden]


def evidence_of(path, out):
    environment = {"DATABASE_URL": f"sqlite:///{path}", "AUDIT_KEY": KEY, "SLACK_BOT_TOKEN": None}
    words = ["evidence", *PERIOD, "--out", str(out), "--without-zuora"]
    return CliRunner().invoke(main, words, env=environment)


@pytest.mark.parametrize(
    "version", ["0002_following", "0009_drafts_and_estimates", "0022_comparisons", "0040_brief"]
)
def test_evidence_of_a_file_that_an_older_version_wrote_can_be_made(whole, tmp_path, version):
    """Before the tables of copies, of documents in words, of archives, and of parts."""
    of_version(whole, tmp_path / "older.db", version)
    out = tmp_path / "out.zip"

    result = evidence_of(tmp_path / "older.db", out)

    assert result.exit_code == NOT_DONE, result.output  # Zuora was not asked
    assert [each["number"] for each in lines(out, "population.jsonl")] == [1, 2, 3]
    assert status(out, KEY).exit_code == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "UPDATE history SET data = json_remove(data, '$.text', '$.difference') WHERE what = 'policy.changed'",
            "3 requests from R-1 on: its rule is not compared, because no row has the text",
        ),
        (
            "UPDATE history SET data = json_set(data, '$.groups', json('{\"S0CONTROLLERS\":null}')) WHERE what = 'people.groups'",
            "2 requests from R-1 on: who approved it was in a group by that row alone",
        ),
    ],
    ids=["no text of the policy", "no members of the group"],
)
def test_what_no_row_says_and_so_is_not_compared_is_no_good_news(whole, tmp_path, change, words):
    """It is no finding, since an older version or an outage of Slack leaves the same rows."""
    path = Path(shutil.copy(whole, tmp_path / "copy.db"))
    assert words not in checked(path, key=KEY).output
    with Tampering(path) as connection:
        connection.execute(change)
        sealed(connection)

    result = checked(path, key=KEY)
    evidence_of(path, tmp_path / "out.zip")
    both = status(tmp_path / "out.zip", KEY)

    assert result.exit_code == both.exit_code == 0, (result.output, both.output)
    assert words in result.output
    assert words in both.output
    shade, said = light_of(tmp_path / "out.zip", "Control")
    assert (shade, words in said) == ("not known", True)


async def test_a_change_of_the_policy_without_its_text_is_found_after_a_start_that_keeps_it(
    tmp_path,
):
    stage = await story(tmp_path, KEY)
    stage.policy = f"{stage.policy}\n# the same\n"
    await stage.restart()
    await stage.close()
    path = stage.settings().database_path
    assert checked(path, key=KEY).exit_code == 0
    with Tampering(path) as connection:
        (last,) = connection.execute(
            "SELECT MAX(sequence) FROM history WHERE what = 'policy.changed'"
        ).fetchone()
        connection.execute(
            "UPDATE history SET data = json_remove(data, '$.text') WHERE sequence = ?", [last]
        )
        sealed(connection)

    result = checked(path, key=KEY)

    assert result.exit_code == 19, result.output
    assert f"Row {last} (policy.changed) has no `text` as the bot writes it" in result.output
