"""`billing-bot check`: a line for each thing, what was found and how to fix it, and the worst as exit status."""

import asyncio
import json

import pytest
import yaml

from bot.cli.clock import SystemClock
from bot.cli.sandbox import APP_TOKEN, BOT_TOKEN, MANIFEST, POLICY
from bot.sandbox.slack.server import LocalSlack
from tests.cli.test_commands import MODULE, environment, servers
from tests.patient import LONGEST
from tests.stage import ALICE, CHANNEL

__all__ = ["servers"]

GOOD, WARNING, PASSES, WRONG = 0, 1, 75, 2


async def checked(folder, settings, *options):
    """Run it; its exit status, and its lines."""
    if not (folder / "policy.toml").exists():
        (folder / "policy.toml").write_text(POLICY)
    process = await asyncio.create_subprocess_exec(
        *MODULE, "check", *options, cwd=folder, env=settings,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(LONGEST):
        out, err = await process.communicate()
    assert "Traceback" not in err.decode(), err.decode()
    return process.returncode, out.decode().splitlines()


def complete(slack, zuora):
    return environment(slack, zuora, 0) | {
        "AUDIT_KEY": "k" * 40, "ZUORA_TENANT_ID": "12270", "ZUORA_TIME_ZONE": "Europe/Berlin",
        "SLACK_SIGNING_SECRET": "",
    }  # fmt: skip


async def test_everything_is_looked_at(tmp_path, servers):
    slack, zuora = servers

    status, lines = await checked(tmp_path, complete(slack, zuora), "--json")

    found = [json.loads(line) for line in lines]
    about = {each["about"] for each in found}
    assert {
        "settings", "POLICY_FILE", "DATABASE_URL", "SLACK_BOT_TOKEN", "scopes", "BILLING_CHANNEL", "history",
        "group S0BILLING", "group S0CONTROLLERS", "group S0FINANCE", "SLACK_APP_TOKEN",
        "ZUORA_CLIENT_ID, ZUORA_CLIENT_SECRET", "rights", "billing rules", "notifications", "ZUORA_TIME_ZONE", "clock",
    } <= about  # fmt: skip
    assert all(each["found"] for each in found)
    bad = [each for each in found if each["grade"] != "good"]
    assert status == (WARNING if bad else GOOD), bad
    assert all(each["grade"] == "warning" for each in bad), bad


WRONGS = {
    "bot token": ({"SLACK_BOT_TOKEN": "xoxb-another"}, "SLACK_BOT_TOKEN: "),
    "app token": ({"SLACK_APP_TOKEN": "xapp-another"}, "SLACK_APP_TOKEN: "),
    "swapped": (
        {"SLACK_BOT_TOKEN": "xapp-sandbox", "SLACK_APP_TOKEN": "xoxb-sandbox"},
        "begins with xoxb-, so it is a bot's",
    ),
    "secret": ({"ZUORA_CLIENT_SECRET": "another-secret"}, "Zuora refused the bot's login"),
    "tenant": ({"ZUORA_TENANT_ID": "999"}, "speaks for tenant 12270, and ZUORA_TENANT_ID is 999"),
    "channel": ({"BILLING_CHANNEL": "C0NOTTHERE"}, "channel_not_found"),
    "missing": ({"SLACK_BOT_TOKEN": ""}, "SLACK_BOT_TOKEN: is missing"),
}


@pytest.mark.parametrize("case", WRONGS)
async def test_what_a_person_has_to_change_is_named(tmp_path, servers, case):
    slack, zuora = servers
    settings, words = WRONGS[case]
    changed = complete(slack, zuora) | settings
    changed = {name: value for name, value in changed.items() if value}

    status, lines = await checked(tmp_path, changed)

    assert status == WRONG
    assert any(words in line for line in lines), lines
    for line in lines:
        if line.startswith("WRONG") and "settings" not in line:
            assert " -> " in line, line
    for secret in settings.values():
        assert not secret.startswith("xo") or secret not in "\n".join(lines)


async def test_a_group_that_is_empty_and_a_scope_that_is_missing_are_named(tmp_path, servers):
    slack, zuora = servers
    slack.workspace.groups["S0CONTROLLERS"].members.clear()
    slack.faults.add("conversations.history", "error", error="missing_scope", times=9)

    status, lines = await checked(tmp_path, complete(slack, zuora))

    text = "\n".join(lines)
    assert status == WRONG
    assert "group S0CONTROLLERS: has nobody in it" in text
    assert "the channel cannot be read (missing_scope)" in text


async def test_the_bot_works_without_the_scope_for_mail_addresses_and_check_says_so(
    tmp_path, servers
):
    _, zuora = servers
    manifest = yaml.safe_load(MANIFEST.read_text())
    manifest["oauth_config"]["scopes"]["bot"].remove("users:read.email")
    slack = LocalSlack(SystemClock(), manifest=manifest, bot_token=BOT_TOKEN, app_token=APP_TOKEN)
    await slack.start()

    status, lines = await checked(tmp_path, complete(slack, zuora))

    await slack.stop()
    assert status == WARNING
    words = "missing: users:read.email: the history has no mail addresses of those who act"
    assert any(line.startswith("warning") and words in line for line in lines), lines


async def test_a_rule_that_names_nobody_to_settle_a_lost_answer_is_a_warning(tmp_path, servers):
    """Rule 1 needs both people of its group, rule 2 has a third person, and rule 3 needs one approval."""
    slack, zuora = servers
    rules = """
        [[rule]]
        operations = ["email_bill_run"]
        approvals = 2
        [[rule]]
        operations = ["post_bill_run"]
        approvals = 2
        approvers = ["S0CONTROLLERS", "U0MARA"]
        [[rule]]
        operations = ["cancel_bill_run"]
        approvers = ["U0MARA"]
    """
    (tmp_path / "policy.toml").write_text(POLICY + rules)

    _, lines = await checked(tmp_path, complete(slack, zuora))

    found = [line for line in lines if "if an answer of Zuora is lost" in line]
    assert len(found) == 1, lines
    assert "rule 1: needs 2 approvals and names 2 people" in found[0]
    assert "add somebody to its group or list" in found[0]


async def test_what_passes_by_itself_has_a_status_of_its_own(tmp_path, servers):
    slack, zuora = servers
    settings = complete(slack, zuora)
    await zuora.stop()

    status, lines = await checked(tmp_path, settings)

    assert status == PASSES
    assert any(line.startswith("later") and "Zuora" in line for line in lines), lines
    await zuora.start()


async def test_a_policy_and_a_database_that_cannot_be_used_are_named(tmp_path, servers):
    slack, zuora = servers
    (tmp_path / "policy.toml").write_text("approvers = 7")
    (tmp_path / "billing-bot.db").write_bytes(b"no database" * 1000)

    status, lines = await checked(tmp_path, complete(slack, zuora))

    text = "\n".join(lines)
    assert status == WRONG
    assert "POLICY_FILE: " in text
    assert "DATABASE_URL: " in text


async def test_a_check_changes_nothing(tmp_path, servers):
    slack, zuora = servers

    await checked(tmp_path, complete(slack, zuora))

    assert {each.name for each in tmp_path.iterdir()} == {"policy.toml"}
    assert slack.channel_messages(CHANNEL) == []
    assert not [call for call in zuora.calls if call.method != "GET" and "oauth" not in call.path
                and "query" not in call.path]  # fmt: skip
    assert slack.view(ALICE) is None


async def test_a_misspelled_setting_and_a_file_of_secrets_that_everybody_reads_are_named(
    tmp_path, servers
):
    slack, zuora = servers
    env = tmp_path / ".env"
    env.write_text("ZUORA_ENTITY_ID=11e6\nDIGSET_TIME=09:00\nCOMPOSE_PROJECT_NAME=billing\n")
    env.chmod(0o644)

    status, lines = await checked(tmp_path, complete(slack, zuora))

    found = "\n".join(line for line in lines if line.startswith("warning"))
    assert (
        "ZUORA_ENTITY_ID: is not a setting and does nothing; did you mean ZUORA_ENTITY_IDS?"
        in found
    )
    assert "DIGSET_TIME: is not a setting and does nothing; did you mean DIGEST_TIME?" in found
    assert ".env: can be read by every user of this machine -> chmod 600 .env" in found
    assert "COMPOSE_PROJECT_NAME" not in found
    assert status == WARNING
