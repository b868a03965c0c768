"""What the history says of the control itself."""

import hashlib
import json
from importlib import resources

from bot.domain.gains import difference
from bot.domain.history import What
from bot.workflow.installed import files_hash
from tests.audit.test_evidence import checked, lines, made, of_kind, packet_of
from tests.audit.test_evidence import entries as listed_in
from tests.stage import ALICE, BOB, CARLA

TWO = """requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS"]

[[rule]]
operations = ["email_bill_run"]
above = { USD = "50.00" }
approvals = 2
"""
ONE = TWO.replace("approvals = 2", "approvals = 1").replace(
    'approvers = ["S0CONTROLLERS"]', 'approvers = ["S0CONTROLLERS", "U0MARA"]'
)


def entries(stage, what):
    return [each.entry for each in stage.store.history.all() if each.entry.what is what]


async def test_both_changes_of_a_policy_stand_in_the_history_with_text_and_difference(
    stage, tmp_path
):
    for text in (TWO, ONE, TWO):
        await stage.with_policy(text)

    changes = [each.data for each in entries(stage, What.POLICY_CHANGED)][-3:]
    assert [each["text"] for each in changes] == [TWO, ONE, TWO]
    weaker, back = changes[1:]
    assert "-approvals = 2" in weaker["difference"]
    assert "+approvals = 1" in weaker["difference"]
    assert '+approvers = ["S0CONTROLLERS", "U0MARA"]' in weaker["difference"]
    assert "+approvals = 2" in back["difference"]
    assert hashlib.sha256(back["text"].encode()).hexdigest() == back["new"]
    _, package = await made(stage, tmp_path)
    listed = listed_in(package, "policy_changes.jsonl")
    texts = [each["data"]["text"] for each in listed if each["what"] == What.POLICY_CHANGED]
    assert texts[-3:] == [TWO, ONE, TWO]


def test_a_difference_names_what_went_and_what_came_alone():
    assert difference("a\nb\nc\nd\n", "a\nb\nx\nd\n") == [" b", "-c", "+x", " d"]
    assert difference("", "a") == ["+a"]
    assert difference("a", "a") == []


async def test_a_request_says_why_it_needed_two(stage, tmp_path):
    await stage.with_policy(TWO)

    await stage.ask()
    await stage.quiet()

    (asked,) = entries(stage, What.ASKED)
    assert asked.data["rule"] == "rule 1"
    assert asked.data["conditions"] == {
        "operations": ["email_bill_run"], "above": {"USD": "50.00"}
    }  # fmt: skip
    amounts = dict(asked.data["compared"]["amounts"])
    assert amounts
    assert asked.data["compared"]["documents"] == 5
    _, package = await made(stage, tmp_path)
    (line,) = lines(package, "population.jsonl")
    assert line["compared"] == asked.data["compared"]
    assert line["approvals_needed"] == 2


async def test_a_decision_says_who_was_in_the_groups_of_its_rule(stage):
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    (approved,) = entries(stage, What.APPROVED)
    members = approved.data["members"]
    assert set(members) == {"S0CONTROLLERS"}
    assert BOB in members["S0CONTROLLERS"]
    assert CARLA in members["S0CONTROLLERS"]
    assert ALICE not in members["S0CONTROLLERS"]


async def test_each_call_is_in_the_history_and_the_packet_as_zuora_got_it(stage, tmp_path):
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    (order,) = stage.orders()
    _, package = await made(stage, tmp_path)
    sent = of_kind(packet_of(package, 1), "call.sent")[0]["data"]
    assert (sent["method"], sent["address"]) == ("POST", "/v1/bill-runs/BR-00000001/emails")
    assert json.loads(sent["body"]) == order.body
    assert sent["body_sha256"] == hashlib.sha256(sent["body"].encode()).hexdigest()
    assert checked(package).exit_code == 0


async def test_a_start_says_which_program_ran_where_and_with_which_settings(stage):
    started = entries(stage, What.STARTED_BOT)[-1].data

    assert started["files"] == files_hash(resources.files("bot"))
    assert started["database"] == stage.store.copies.id
    assert started["slack"]["team"] == "T0SANDBOX"
    assert started["slack"]["address"] == stage.settings().slack_api_url
    assert started["host"]
    assert started["python"].startswith("3.")
    assert started["settings"]["ZUORA_BASE_URL"] == stage.settings().zuora_base_url
    secrets = {"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "ZUORA_CLIENT_SECRET", "AUDIT_KEY"}
    assert secrets.isdisjoint(started["settings"])
    text = json.dumps(started)
    for name in secrets:
        value = getattr(stage.settings(), name.lower()).get_secret_value()
        assert not value or value not in text, name


def test_the_hash_of_the_files_changes_with_any_of_them(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "room" / "b.py").write_text("2")
    before = files_hash(tmp_path)
    lines = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in (("a.py", b"1"), ("room/b.py", b"2"))
    )
    assert before == hashlib.sha256(lines.encode()).hexdigest()
    (tmp_path / "room" / "b.py").write_text("3")
    assert files_hash(tmp_path) != before
