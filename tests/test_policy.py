"""`policy.toml`: everything that is wrong with it is named at once, and without it nothing starts."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from bot.policy.file import PolicyError, read_policy

ROOT = Path(__file__).parent.parent
GOOD = 'requesters = ["U0ALICE"]\napprovers = ["S0CONTROLLERS", "W0GRID"]\n'


def problems_of(path, text):
    path.write_text(text)
    with pytest.raises(PolicyError) as refused:
        read_policy(path)
    assert all(problem in str(refused.value) for problem in refused.value.problems)
    assert str(path) in str(refused.value)
    return refused.value.problems


@pytest.fixture
def path(tmp_path):
    return tmp_path / "policy.toml"


def test_a_policy_names_people_and_groups(path):
    path.write_text(GOOD)

    policy = read_policy(path)

    assert policy.requesters == ("U0ALICE",)
    assert policy.approvers == ("S0CONTROLLERS", "W0GRID")
    assert policy.viewers == ()
    assert policy.named_groups == ("S0CONTROLLERS",)
    assert policy.hash == hashlib.sha256(GOOD.encode()).hexdigest()


def test_who_is_named_twice_counts_once(path):
    path.write_text('requesters = ["U1", "U1"]\napprovers = ["U2", "U3", "U2"]\n')

    assert read_policy(path).requesters == ("U1",)
    assert read_policy(path).approvers == ("U2", "U3")


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ('requesters = ["U1"]\napprovers = []\n', ["approvers is empty"]),
        ('requesters = ["U1"]\n', ["approvers is empty"]),
        ('approvers = ["U1"]\n', ["requesters is empty"]),
        ("", ["requesters is empty", "approvers is empty"]),
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

    told = "\n".join(problems)
    for name in ("'approver'", "'limits'", "'alice'", "7", "'C0BILLING'"):
        assert name in told
    assert "approvers is not a list" in told
    assert "approvers is empty" in told
    assert "U0ALICE" not in told


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
    with pytest.raises(PolicyError, match=r"policy\.toml: cannot be read \(No such file"):
        read_policy(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'requesters = ["bob"]\nadmins = []\napprovers = []\n',
            "unknown key 'admins'; requesters: 'bob' is",
        ),
        ('requesters = ["U1"]\napprovers = []\n', "approvers is empty"),
    ],
)
def test_the_bot_refuses_to_start_with_exit_status_2(path, tmp_path, text, words):
    if text is not None:
        path.write_text(text)
    environment = {
        "PYTHONPATH": str(ROOT),
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
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip

    assert ended.returncode == 2, ended.stderr
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "billing-bot.db").exists()
