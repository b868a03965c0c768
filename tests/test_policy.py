"""`policy.toml`: everything that is wrong with it is named at once, and without it nothing starts."""

import hashlib
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.money import Money
from bot.domain.policy import Asked
from bot.policy.file import PolicyError, read_policy
from tests.patient import LONGEST
from tests.processes import ENVIRONMENT

ROOT = Path(__file__).parent.parent
GOOD = 'requesters = ["U0ALICE"]\napprovers = ["S0CONTROLLERS", "W0GRID"]\n'


def problems_of(path, text):
    path.write_text(text)
    with pytest.raises(PolicyError) as refused:
        read_policy(path)
    first, *problems = str(refused.value).splitlines()
    assert str(path) in first
    return [problem.strip() for problem in problems]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "policy.toml"


def test_a_policy_names_people_and_groups(path):
    path.write_text(GOOD)

    policy = read_policy(path)

    assert policy.requesters == ("U0ALICE",)
    assert policy.approvers == ("S0CONTROLLERS", "W0GRID")
    assert policy.viewers == ()
    assert policy.everybody == ("U0ALICE", "S0CONTROLLERS", "W0GRID")
    assert policy.hash == hashlib.sha256(GOOD.encode()).hexdigest()


def test_who_is_named_twice_counts_once(path):
    path.write_text('requesters = ["U1", "U1"]\napprovers = ["U2", "U3", "U2"]\n')

    assert read_policy(path).requesters == ("U1",)
    assert read_policy(path).approvers == ("U2", "U3")


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            'requesters = ["U1"]\napprovers = []\n',
            ["line 2: approvers is empty: nobody could approve"],
        ),
        ('requesters = ["U1"]\n', ["approvers is empty: nobody could approve"]),
        ('approvers = ["U1"]\n', ["requesters is empty: nobody could ask"]),
        (
            "",
            [
                "requesters is empty: nobody could ask",
                "approvers is empty: nobody could approve",
            ],
        ),
    ],
)
def test_without_approvers_or_requesters_it_is_no_policy(path, text, problems):
    assert problems_of(path, text) == problems


def test_everything_that_is_wrong_is_named_at_once(path):
    problems = problems_of(
        path,
        'requesters = ["alice", "U0ALICE", 7]\napprovers = "U0BOB"\nviewers = ["C0BILLING"]\n'
        'approver = ["U0BOB"]\n[limits]\namount = 5\n',
    )

    said = "\n".join(problems)
    for name in ("'approver'", "'limits'", "'alice'", "7", "'C0BILLING'"):
        assert name in said
    assert "approvers is not a list" in said
    assert "approvers is empty" in said
    assert "U0ALICE" not in said


@pytest.mark.parametrize(
    "wrong",
    ["u0bob", "@U0BOB", "bob@example.com", "", "U", "U0 BOB", "C0BILLING", "U0BOB\\n", "Ü1"],
)
def test_what_is_no_slack_id_is_refused(path, wrong):
    problems = problems_of(path, f'requesters = ["U1"]\napprovers = ["U2", "{wrong}"]\n')

    assert len(problems) == 1
    assert "is neither a Slack user id (U…) nor a user-group id (S…)" in problems[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"approvers = [", "is not TOML"), (b'requesters = ["\xff"]', "is not TOML")],
)
def test_what_is_not_toml_is_said_so(path, content, words):
    path.write_bytes(content)

    with pytest.raises(PolicyError, match=words):
        read_policy(path)


def test_a_file_that_is_not_there_is_said_so(path):
    with pytest.raises(PolicyError, match=r"it cannot be read \(No such file"):
        read_policy(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'requesters = ["bob"]\nadmins = []\napprovers = []\n',
            "line 2: unknown key 'admins'\n  line 1: requesters: 'bob' is",
        ),
        ('requesters = ["U1"]\napprovers = []\n', "approvers is empty"),
    ],
)
def test_the_bot_refuses_to_start_with_exit_status_2(path, tmp_path, text, words):
    if text is not None:
        path.write_text(text)
    environment = {
        **ENVIRONMENT,
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_API_URL": "http://127.0.0.1:9/api/",
        "BILLING_CHANNEL": "C0BILLING",
        "ZUORA_BASE_URL": "http://127.0.0.1:9",
        "ZUORA_CLIENT_ID": "id",
        "ZUORA_CLIENT_SECRET": "secret",
    }

    ended = subprocess.run(
        [sys.executable, "-m", "bot", "run"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST,
    )  # fmt: skip

    assert ended.returncode == 2, ended.stderr
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "billing-bot.db").exists()


RULES = (
    GOOD
    + """
[[rule]]
operations = ["email_bill_run", "post_bill_run"]
above = { USD = "100000.00", EUR = "90000.00" }
approvals = 2
approvers = ["S0CFO", "U0CONTROLLER"]
expires_after = "8h"
remind_after = ["4h", "1h"]

[[rule]]
operations = ["email_bill_run"]
above = { USD = "1000" }
tenants = ["production"]

[[rule]]
sends = false
documents_above = 50
expires_after = "2d"
"""
)


def asked(**changes):
    usual = {
        "operation": "email_bill_run",
        "tenant": "production",
        "sends": True,
        "amounts": (Money("USD", Decimal(500)),),
        "documents": 3,
    }
    return Asked(**{**usual, **changes})


@pytest.fixture
def policy(path):
    path.write_text(RULES)
    return read_policy(path)


def test_the_first_rule_that_matches_holds(policy):
    large = (Money("EUR", Decimal(10)), Money("USD", Decimal("100000.01")))

    rule = policy.rule(asked(amounts=large))

    assert rule.name == "rule 1"
    assert (rule.approvals, rule.approvers) == (2, ("S0CFO", "U0CONTROLLER"))
    assert rule.expires_after == timedelta(hours=8)
    assert rule.remind_after == (timedelta(hours=1), timedelta(hours=4))
    assert rule.type_the_number
    middle = policy.rule(asked(amounts=(Money("USD", Decimal(1001)),)))
    assert (middle.name, middle.type_the_number) == ("rule 2", False)
    assert policy.rule(asked()).name == "the general rule"


@pytest.mark.parametrize(
    "amounts",
    [
        (Money("USD", Decimal("NaN")),),
        (Money("USD", Decimal("Infinity")),),
        (Money("USD", Decimal(-200000)),),
        (Money("GBP", Decimal(1)),),
        None,
    ],
    ids=["no number", "infinite", "negative", "a currency not named", "not known"],
)
def test_an_amount_of_odd_form_never_falls_below_a_tier(policy, amounts):
    assert policy.rule(asked(amounts=amounts)).name == "rule 1"


def test_exactly_the_amount_is_not_above_it(policy):
    exactly = (Money("USD", Decimal("1000.00")),)

    assert policy.rule(asked(amounts=exactly)).name == "the general rule"


def test_rules_look_at_tenant_sending_and_documents(policy):
    cancel = {"operation": "cancel_bill_run", "sends": False}

    middle = (Money("USD", Decimal(1001)),)
    assert policy.rule(asked(amounts=middle, tenant="sandbox")).name == "the general rule"
    assert policy.rule(asked(**cancel, documents=51)).name == "rule 3"
    assert policy.rule(asked(**cancel, documents=50)).name == "the general rule"
    assert policy.rule(asked(**cancel, documents=None)).name == "rule 3"


def test_a_rule_can_ask_for_more_where_something_is_mailed_again(path):
    path.write_text(f"{GOOD}[[rule]]\nmails_again = true\napprovals = 2\n")
    policy = read_policy(path)

    assert policy.rule(asked(mails_again=True)).approvals == 2
    assert policy.rule(asked()).approvals == 1


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("approvals = 0", "line 4: rule 1: approvals is a whole number of at least 1"),
        ("approvals = true", "approvals is a whole number"),
        ('approvals = 2\napprovers = ["U1"]', "2 approvals are needed and 1 person is named"),
        ("approvers = []", "rule 1: approvers is empty"),
        ('operations = ["mail"]', "operations: 'mail' is none of: create_bill_run"),
        ("operations = []", "operations is a list of"),
        ("above = {}", "above names amounts"),
        ("above = { USD = 1.5 }", "above: USD = 1.5 is not an amount"),
        ('above = { usd = "1" }', "'usd' is not a currency code"),
        ('above = { USD = "NaN" }', "is not an amount"),
        ('above = { USD = "1E+99999999" }', "is not an amount"),
        ('expires_after = "soon"', "expires_after: 'soon' is not a time"),
        ('expires_after = "1h"\nremind_after = ["1h"]', "a reminder comes after"),
        ('sends = "yes"', "sends is true or false"),
        ("mails_again = 1", "mails_again is true or false"),
        ("colour = 1", "line 4: rule 1: unknown key 'colour'"),
    ],
)
def test_what_is_wrong_with_a_rule_is_named_with_its_line(path, rule, words):
    (problem,) = problems_of(path, f"{GOOD}[[rule]]\n{rule}\n")

    assert words in problem


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'requesters = ["U1"]\napprovers = ["U1"]\n',
            "line 2: 1 approval is needed, and besides the requester only 0 of U1",
        ),
        (
            'requesters = ["U1"]\napprovers = ["U1", "U2"]\n[[rule]]\napprovals = 2\n',
            "line 4: rule 1: 2 approvals are needed, and besides the requester only 1 of U1, U2",
        ),
    ],
)
def test_a_rule_that_nobody_could_fulfil_is_refused_at_the_start(path, text, words):
    (problem,) = problems_of(path, text)

    assert problem.startswith(words)


def test_who_is_requester_and_approver_may_still_ask_where_others_approve(path):
    path.write_text('requesters = ["U1", "U2"]\napprovers = ["U1"]\n')

    assert read_policy(path).approvers == ("U1",)
