"""`billing-bot policy explain`: which rule holds, who may approve, and how many that pings."""

import asyncio

import pytest
import yaml
from click.testing import CliRunner

from bot.cli import main
from bot.cli.clock import SystemClock
from bot.cli.sandbox import BOT_TOKEN, MANIFEST
from bot.sandbox.slack.server import LocalSlack

POLICY = """requesters = ["U0ALICE"]
approvers = ["U0BOB", "U0CARLA"]

[[rule]]
operations = ["email_bill_run"]
above = { USD = "100000.00" }
approvals = 2
expires_after = "8h"
remind_after = ["90m"]
"""


@pytest.fixture
def explain(tmp_path, monkeypatch):
    monkeypatch.delenv("SLACK_BOT_TOKEN", raising=False)

    def run(*words, policy=POLICY):
        path = tmp_path / "policy.toml"
        path.write_text(policy)
        return CliRunner().invoke(main, ["policy", "explain", *words, "--file", str(path)])

    return run


def test_it_says_the_rule_the_approvers_and_the_number_of_pings(explain):
    said = explain("email_bill_run", "--amount", "USD=120000", "--as", "U0ALICE")

    assert said.exit_code == 0
    assert said.output.splitlines() == [
        "email_bill_run over USD 120,000.00 in a production tenant: rule 1 applies.",
        "Needs 2 of: U0BOB, U0CARLA; never the person who asked.",
        "Expires after 8 h.",
        (
            "Amounts above and below zero are added up separately, and the larger sum counts; an "
            "unknown amount counts as above every limit."
        ),
        "Those who have not decided are reminded after 90 min.",
        "Highest tier: the approver types the number to confirm.",
        "2 people will be notified: U0BOB, U0CARLA.",
    ]


def test_how_amounts_are_added_up_is_said_only_where_a_rule_looks_at_them(explain):
    assert "added up separately" in explain("email_bill_run").output
    without = explain("email_bill_run", policy=POLICY.replace('above = { USD = "100000.00" }', ""))
    assert "added up separately" not in without.output


def test_mailing_again_can_have_a_rule_of_its_own(explain):
    policy = f"{POLICY}\n[[rule]]\nmails_again = true\napprovals = 2\n"

    again = explain("email_invoice", "--amount", "USD=1", "--again", policy=policy)
    once = explain("email_invoice", "--amount", "USD=1", policy=policy)

    assert "rule 2 applies" in again.output
    assert "the general rule applies" in once.output


def test_an_entity_can_have_a_rule_of_its_own(explain):
    policy = f'{POLICY}\n[[rule]]\nentities = ["America"]\napprovals = 2\n'

    there = explain("email_invoice", "--amount", "USD=1", "--entity", "america", policy=policy)
    elsewhere = explain("email_invoice", "--amount", "USD=1", "--entity", "Europe", policy=policy)

    assert "rule 2 applies" in there.output
    assert "the general rule applies" in elsewhere.output


def test_a_smaller_amount_falls_to_the_general_lists(explain):
    said = explain("email_bill_run", "--amount", "USD=100000.00")

    assert "the general rule applies" in said.output
    assert "Needs 1 of: U0BOB, U0CARLA" in said.output


def test_an_amount_that_is_not_given_counts_as_above(explain):
    assert "an amount that is not known in a production tenant: rule 1" in (
        explain("email_bill_run").output
    )


def test_too_few_besides_the_requester_is_said(explain):
    said = explain("email_bill_run", "--as", "U0BOB")

    assert "1 person will be notified: U0CARLA. Too few" in said.output
    assert "U0BOB may not ask: requesters are U0ALICE." in said.output


def test_groups_are_not_guessed_without_slack(explain):
    said = explain("post_bill_run", policy=POLICY.replace('"U0BOB", "U0CARLA"', '"S0CFO"'))

    assert (
        "How many people will be notified is not known: SLACK_BOT_TOKEN is not set" in said.output
    )


def test_a_policy_that_is_wrong_is_exit_status_2(explain):
    said = explain("email_bill_run", policy="approvers = []\n")

    assert said.exit_code == 2
    assert "approvers is empty" in said.output


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["--amount", "USD=much"], "'USD=much' is not an amount; write it as USD=120000"),
        (["--amount", "USD=NaN"], "'USD=NaN' is not an amount"),
        (["--amount", "USD=1e999999"], "'USD=1e999999' is not an amount"),
        (["--amount", "=5"], "'=5' is not an amount"),
        (["--amount", "USD=5", "--amount", "usd=6"], "USD is given twice"),
        (["--as", "alice"], "'alice' is not a Slack user id; write it like U0ALICE"),
    ],
    ids=["words", "not a number", "too large", "no currency", "twice", "a name"],
)
def test_what_is_no_amount_or_person_is_refused(explain, typed, words):
    said = explain("email_bill_run", *typed)

    assert said.exit_code == 2
    assert words in said.output


async def test_groups_are_read_from_slack(explain, monkeypatch):
    manifest = yaml.safe_load(MANIFEST.read_text())
    slack = LocalSlack(SystemClock(), manifest=manifest, bot_token=BOT_TOKEN)
    await slack.start()
    monkeypatch.setenv("SLACK_BOT_TOKEN", BOT_TOKEN)
    monkeypatch.setenv("SLACK_API_URL", slack.api_url)
    policy = POLICY.replace('"U0BOB", "U0CARLA"', '"S0CONTROLLERS"')
    try:
        said = await asyncio.to_thread(explain, "post_bill_run", "--as", "U0ALICE", policy=policy)
    finally:
        await slack.stop()

    assert "2 people will be notified: U0BOB, U0CARLA." in said.output


def test_it_reads_the_file_dot_env_as_every_command_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POLICY_FILE", raising=False)
    (tmp_path / "ours.toml").write_text(POLICY)
    (tmp_path / ".env").write_text("POLICY_FILE=ours.toml\nSLACK_BOT_TOKEN=\n")

    said = CliRunner().invoke(main, ["policy", "explain", "email_bill_run"])

    assert said.exit_code == 0, said.output
    assert "rule 1 applies" in said.output
