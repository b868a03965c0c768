"""A server that lets nobody in: what lasts ends a start with status 2 and a sentence, what passes with 75."""

import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.cli.exits import MEND_FIRST, WILL_PASS
from tests.postgres_tcp import running
from tests.processes import ENVIRONMENT, ROOT

COMPLETE = {
    **ENVIRONMENT,
    "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "BILLING_CHANNEL": "C1",
    "POLICY_FILE": str(ROOT / "policy.example.toml"), "PORT": "0",
    "ZUORA_CLIENT_ID": "a", "ZUORA_CLIENT_SECRET": "b", "ZUORA_BASE_URL": "http://127.0.0.1:9",
}  # fmt: skip


@pytest.mark.parametrize(
    ("address", "status", "sentence"),
    [
        ("named:wrong@{}/{}", MEND_FIRST, "does not take this role's password"),
        ("named@{}/{}", MEND_FIRST, "name a file with it in PGPASSFILE"),
        ("nobody_known@{}/{}", MEND_FIRST, "does not know this role"),
        ("billing@{}/nowhere", MEND_FIRST, "has no such database: create it"),
        ("billing@{}/{}?sslmode=require", MEND_FIRST, "asks for TLS, and the server has none"),
        ("reader@{}/{}", MEND_FIRST, "this role must own the database and its tables"),
        ("kept_out@{}/{}", MEND_FIRST, "pg_hba.conf lets nobody in like this"),
        ("billing@127.0.0.1:1/{1}", WILL_PASS, "Connection refused."),
        ("billing@{}/{}?options=-cdefault_transaction_read_only%3Don", WILL_PASS, "takes no writes"),
        ("named:wrong@127.0.0.1:1,{}/{}", WILL_PASS, "password authentication failed"),
    ],
)  # fmt: skip
def test_a_start_says_what_a_person_has_to_change(refusing, address, status, sentence):
    here, database = refusing
    url = f"postgresql://{address.format(here, database)}"

    result = CliRunner().invoke(main, ["run"], env={**COMPLETE, "DATABASE_URL": url})

    assert result.exit_code == status, result.output
    assert sentence in result.output.splitlines()[-1]
    assert result.output.count("DATABASE_URL: the database cannot be opened: ") == 1


@pytest.fixture(scope="module")
def own_server():
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def refusing(own_server):
    """Where a server is that asks one role for a password and lets another one never in."""
    server, database = own_server, own_server.new_database()
    for role in ("named LOGIN PASSWORD 'right'", "reader LOGIN", "kept_out LOGIN"):
        server.said(f"CREATE ROLE {role}")
    server.let_in(
        "host all named 127.0.0.1/32 scram-sha-256", "host all kept_out 127.0.0.1/32 reject"
    )
    return f"127.0.0.1:{server.port}", database
