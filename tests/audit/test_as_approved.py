"""What was approved is what went out, under the rule that the policy's text gives.

Whoever tries it here has the key: the chain is whole, and every file is made again.
"""

import asyncio
import json
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.audit.control import InForce, asked_for, ruled
from bot.audit.decisions import by_hand
from bot.audit.expected import created, summed
from bot.audit.rows import FileRow, compact, hashed
from bot.audit.stated import PRODUCTION, SANDBOX, in_facts
from bot.domain.digest import canonical
from bot.domain.gains import difference
from bot.domain.known import NotKnown
from bot.domain.policy import Asked
from bot.operations.create_bill_run.body import (
    CreateBillRunBody,
    MonthDay,
    Organization,
    RunSchedule,
    wire,
)
from bot.operations.kinds import amounts_of, counted_up
from bot.policy.file import read_policy
from bot.zuora.answers import money_of
from bot.zuora.environments import _HOSTS, environment
from tests.audit.test_by_the_format import CONTROL, performed
from tests.audit.test_control import sealed
from tests.audit.test_evidence import KEY, checked, lines
from tests.audit.test_package import Forger, forged, packed, rebuilt, story, written
from tests.audit.test_package import status as both
from tests.audit.test_verify import KEY as ITS_KEY
from tests.audit.test_verify import Tampering
from tests.stage import ALICE, BOB, CARLA, MARA


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return asyncio.run(packed(tmp_path_factory.mktemp("story"), KEY))[0]


@pytest.fixture
def package(whole, tmp_path):
    return Path(shutil.copy(whole, tmp_path / "out.zip"))


def status(path, key):
    """What both programs say; whoever wrote a program from FORMAT.md alone finds what breaks the control too."""
    result = both(path, key)
    if result.exit_code in {0, 23}:
        assert performed(path, "", CONTROL)[0] == bool(result.exit_code), result.output
    return result


def with_data(what, change, request=1):
    """Change the data of a request's rows of a kind."""

    def changed(row):
        if (row.what, row.request) != (what, request):
            return row
        data = json.loads(row.data)
        change(data)
        return row._replace(data=compact(data))

    return changed


def another_body(data):
    data["body"] = '{"resend":true}'
    data["body_sha256"] = hashed(data["body"])


CALLS = {
    "calls POST /v1/bill-runs/BR-00000003/emails, which": {
        "address": "/v1/bill-runs/BR-00000003/emails"
    },
    "calls PUT /v1/bill-runs/BR-00000001/emails, which": {"method": "PUT"},
    "is a call about BR-00000003, for which nobody asked": {"subject": "BR-00000003"},
    "has another body than what was approved gives": {"body_sha256": "0" * 64},
}


@pytest.mark.parametrize(("words", "change"), CALLS.items())
def test_a_call_that_was_not_approved_is_found(package, words, change):
    forged = rebuilt(package, KEY, change=with_data("call.sent", lambda data: data.update(change)))
    result = status(forged, KEY)
    assert result.exit_code == 23, result.output
    assert words in result.output


def test_a_call_with_another_body_is_found(package):
    result = status(rebuilt(package, KEY, change=with_data("call.sent", another_body)), KEY)
    assert result.exit_code == 23
    assert "has another body than what was approved gives" in result.output


def test_what_went_out_is_always_said(package):
    change = with_data("call.sent", lambda data: data.pop("method"))
    result = status(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == 23
    assert "was accepted, and no row says what went out" in result.output


def test_a_call_whose_row_is_taken_out_is_found_by_its_answer(package):
    """Nothing else in the package says what went out."""
    result = status(rebuilt(package, KEY, without=("call.sent", "")), KEY)
    assert result.exit_code == 23, result.output
    assert "was accepted, and no row says what went out" in result.output


def test_a_second_call_after_the_first_was_accepted_is_found(package):
    def change(row):
        if (row.what, row.request) != ("request.ended", 1):
            return row
        return row._replace(what="call.sent", data=sent[0])

    sent = []

    def keep(row):
        sent.extend([row.data] if (row.what, row.request) == ("call.sent", 1) else [])
        return change(row)

    result = status(rebuilt(package, KEY, change=keep), KEY)
    assert result.exit_code == 23
    assert "is about BR-00000001 again, after that was accepted" in result.output


def test_what_goes_on_after_an_approval_was_denied_is_found(package):
    """R-2 needs two approvals; the last row of R-1 becomes Bob's denial of his."""
    (approved,) = (
        row[0] for row in lines(package, "history.jsonl")
        if row[2:5] == [2, "request.approved", BOB]
    )  # fmt: skip
    denied = []

    def change(row):
        if (row.what, row.request) != ("request.ended", 1):
            return row
        denied.append(row.sequence)
        data = compact({"request": "R-2", "rows": [approved]})
        return row._replace(request=None, what="statement.denied", who=BOB, data=data)

    result = status(rebuilt(package, KEY, change=change), KEY)

    assert result.exit_code == 23, result.output
    by = f"row {denied[0]}"
    words = f"R-2: {BOB} says in {by} that the decision in row {approved} (request.approved) was not theirs"
    assert words in result.output
    assert (
        f"(call.sent) goes on after 1 of 2 approvals, because {BOB} had denied one in {by}"
        in result.output
    )


LOST, SEEN, SETTLED = "call.lost", "request.recorded", "request.settled"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(LOST, "", None), (SEEN, BOB, True), (SETTLED, CARLA, True)], []),
        ([(LOST, "", None), (SETTLED, "", True)], []),
        ([(LOST, "", None), (SETTLED, CARLA, True)], ["is settled by 1 of 2 people"]),
        (
            [(LOST, "", None), (SEEN, CARLA, True), (SETTLED, CARLA, True)],
            ["is settled by 1 of 2 people"],
        ),
        (
            [(LOST, "", None), (SEEN, BOB, False), (SETTLED, CARLA, True)],
            ["is settled by 1 of 2 people"],
        ),
        (
            [(SEEN, BOB, True), (LOST, "", None), (SETTLED, CARLA, True)],
            ["is settled by 1 of 2 people"],
        ),
        ([(SEEN, ALICE, True), (SETTLED, CARLA, True)], ["is a record by the requester"]),
        (
            [(SEEN, BOB, True), (SETTLED, MARA, True)],
            ["is a record by somebody who is not in the rule's lists or groups"],
        ),
    ],
)
def test_a_lost_answer_is_recorded_by_as_many_people_as_approve(rows, words):
    rule = {"approvals": 2, "approvers": [BOB, CARLA]}
    story = [
        (
            FileRow(number, "1", 1, what, who, "T", "", "", "", masked=False),
            {"accepted": accepted, "digest": "d", "groups": []},
        )
        for number, (what, who, accepted) in enumerate([("request.asked", ALICE, None), *rows], 1)
    ]
    stands = InForce()
    assert [said for _, said in by_hand(rule, story, stands)] == words
    first, _ = story[0]
    stands.denied = {row.sequence: first for row, _ in story if row.what == SEEN and row.who == BOB}
    if stands.denied and not words:
        assert [said for _, said in by_hand(rule, story, stands)] == ["is settled by 1 of 2 people"]


@pytest.mark.parametrize(
    ("people", "approvers", "is_said", "words"),
    [
        (
            [BOB, CARLA],
            [BOB, CARLA, MARA],
            True,
            ["is settled by nobody but people who approved it"],
        ),
        (
            [CARLA, BOB],
            ["S0CONTROLLERS", BOB],
            True,
            ["is settled by nobody but people who approved it"],
        ),
        (
            [CARLA, BOB],
            [BOB, CARLA, f"S0CONTROLLERS&{MARA}"],
            True,
            ["is settled by nobody but people who approved it"],
        ),
        ([BOB, MARA], [BOB, CARLA, MARA], True, []),
        ([MARA, BOB], [BOB, CARLA, MARA], True, []),
        ([BOB, CARLA], [ALICE, BOB, CARLA], True, []),  # nobody else is named, now or later
        ([BOB, CARLA], [f"S0CONTROLLERS&{BOB}", CARLA], True, []),
        ([BOB, CARLA], [BOB, CARLA, MARA], False, []),  # an earlier version asked for it
    ],
)
def test_where_two_approve_one_of_those_who_record_a_lost_answer_did_not(
    people, approvers, is_said, words
):
    rows: list[tuple[str, str, dict[str, Any]]] = [
        ("request.asked", ALICE, {"settled_by_another": True} if is_said else {}),
        *(("request.approved", each, {}) for each in (BOB, CARLA)),
        (LOST, "", {}),
        *(
            (what, each, {"accepted": True, "groups": ["S0CONTROLLERS"]})
            for what, each in zip((SEEN, SETTLED), people, strict=True)
        ),
    ]
    story = [
        (FileRow(number, "1", 1, what, who, "T", "", "", "", masked=False), data)
        for number, (what, who, data) in enumerate(rows, 1)
    ]

    rule = {"approvals": 2, "approvers": approvers}
    found = [said for _, said in by_hand(rule, story, InForce())]

    assert [each for each in found if "lists or groups" not in each] == words


def with_rule(**change):
    def changed(record):
        if record["number"] == 1:
            record["rule"] = json.dumps(json.loads(record["rule"]) | change)

    return changed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"approvals": 1},
            "is under a rule of 1 approvals, which is not what the policy's text says",
        ),
        (
            {"approvers": ["S0CONTROLLERS", MARA]},
            "with approvers that the policy's text does not name",
        ),
        (
            {"name": "the general rule"},
            "is under the general rule, and by the policy's text rule 1 holds",
        ),
    ],
)
def test_a_rule_that_is_not_in_the_policy_is_found(package, change, words):
    result = status(rebuilt(package, KEY, record=with_rule(**change)), KEY)
    assert result.exit_code == 23, result.output
    assert words in result.output


LATER = "2027-11-22T10:00:00.000000+00:00"
STATED = {
    "has another subject than its record": with_data("request.asked", lambda data: data.update(subject="BR-9")),
    f"is by {ALICE}, who may not ask by the policy's requesters": with_data(
        "people.groups", lambda data: data["groups"].update(S0BILLING=[MARA]), None
    ),
    "says nothing of groups, as the bot did at that time": with_data("request.asked", lambda data: data.pop("groups")),
    "says that it does not mail customers": with_data(
        "request.asked", lambda data: data["compared"].update(sends=False)
    ),
    "compares a tenant of the kind production, and names SANDBOX": with_data(
        "request.asked", lambda data: data["compared"].update(tenant="production")
    ),
    "compares 7 documents with the rule, which is not what its facts count": with_data(
        "request.asked", lambda data: data["compared"].update(documents=7)
    ),
    "names another rule than the record": with_data("request.approved", lambda data: data.update(rule="rule 2")),
    "names another policy than the record": with_data("request.approved", lambda data: data.update(policy="0" * 64)),
    "names other facts than the record": with_data(
        "request.started", lambda data: data.update(facts_sha256="0" * 64)
    ),
    "says that 2 approvals are missing, of 2 with 1 given": with_data(
        "request.approved", lambda data: data.update(missing=2)
    ),
    "starts it, and the approval before says that 1 are missing": with_data(
        "request.approved", lambda data: data.update(missing=1)
    ),
    "says succeeded, and the answers of its calls are: rejected": with_data(
        "call.answered", lambda data: data.update(verdict="rejected")
    ),
    "says failed, and the answers of its calls are: accepted": with_data(
        "request.ended", lambda data: data.update(state="failed")
    ),
    "says that Zuora accepted it with the HTTP status 500": with_data(
        "call.answered", lambda data: data.update(http_status=500)
    ),
    "has the key or track id of another request or subject": with_data(
        "call.sent", lambda data: data.update(track_id="billing-bot.R-2.BR-00000001")
    ),
}  # fmt: skip


@pytest.mark.parametrize(("words", "change"), STATED.items(), ids=STATED)
def test_what_a_row_states_without_the_rest_saying_so_is_found(package, words, change):
    result = status(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == 23, result.output
    assert words in result.output


RECORDS = {
    "which is not 86400.0 seconds after it was asked for": {"expires_at": LATER},
    "names the tenant PRODUCTION · US Production Cloud 2 · tenant 12270, and was for": {
        "tenant": "PRODUCTION · US Production Cloud 2 · tenant 12270"
    },
    "names the tenant SANDBOX · local Zuora · tenant 1, and was for": {
        "tenant": "SANDBOX · local Zuora · tenant 1"
    },
}


@pytest.mark.parametrize(("words", "change"), RECORDS.items(), ids=RECORDS)
def test_a_record_that_states_what_does_not_follow_is_found(package, words, change):
    result = status(rebuilt(package, KEY, record=lambda record: record.update(change)), KEY)
    assert result.exit_code == 23, result.output
    assert words in result.output


def test_a_rule_that_expires_later_than_the_policy_says_is_found(package):
    def change(record):
        record["rule"] = json.dumps(json.loads(record["rule"]) | {"expires_after": 2 * 86400.0})
        made = datetime.fromisoformat(record["created_at"])
        record["expires_at"] = (made + timedelta(days=2)).isoformat(timespec="microseconds")

    result = status(rebuilt(package, KEY, record=change), KEY)
    assert result.exit_code == 23, result.output
    assert "is under a rule that expires after 172800.0 seconds" in result.output


@pytest.mark.parametrize(
    ("operation", "body", "facts", "said", "words"),
    [
        ("cancel_bill_run", {}, {}, {"sends": True}, "says that it mails customers"),
        ("create_bill_run", {"auto_post": True}, {}, {"documents": None}, "does not mail customers"),
        ("create_bill_run", {}, {}, {}, "compares 1 documents with the rule"),
        ("email_invoice", {"again": True}, {}, {"sends": True}, "that nothing is mailed again"),
        ("email_invoice", {}, {"by_itself": ["BR-1"]}, {"sends": True}, "that nothing is mailed again"),
        ("email_bill_run", {"resend": True}, {}, {"sends": True}, "that nothing is mailed again"),
        ("post_bill_run", {}, {}, {"sends": True}, ""),
    ],
)  # fmt: skip
def test_what_rules_were_asked_about_follows_from_body_and_facts(
    operation, body, facts, said, words
):
    record = {"operation": operation, "body": json.dumps(body), "facts": json.dumps(facts)}
    compared = {"sends": False, "mails_again": False, "documents": 1, "tenant": "sandbox"}
    asked = {"bound": {"facts": {}}, "compared": compared | said}
    found = " ".join(in_facts(record, asked))
    assert (words in found) if words else not found


def test_hosts_of_the_evidence_are_those_of_the_bot():
    for kind, hosts in (("production", PRODUCTION), ("sandbox", SANDBOX)):
        listed = {host for host in hosts if "." in host and not host.startswith("127.")}
        assert {environment(f"https://{host}").kind for host in listed} == {kind}
        assert listed == {host for host, each in _HOSTS.items() if each.kind == kind}


def test_a_record_that_says_another_requester_than_its_row_is_found(package):
    forged = rebuilt(package, KEY, record=lambda record: record.update(requester=MARA))
    assert "is by somebody else" in status(forged, KEY).output


def test_conditions_that_the_policy_does_not_have_are_found(package):
    change = with_data("request.asked", lambda data: data["conditions"].update(sends=True))
    result = status(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == 23
    assert "names other conditions than the policy's text" in result.output


@pytest.mark.parametrize("amounts", [[["USD", "6"]], [], None])
def test_totals_that_are_not_those_of_the_documents_are_found(package, amounts):
    change = with_data("request.asked", lambda data: data["compared"].update(amounts=amounts))
    result = status(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == 23
    assert "compares other totals with the rule than those of its documents" in result.output


@pytest.mark.parametrize("name", ["plain", "bound", "compared"])
def test_a_row_that_pretends_to_be_of_an_older_version_is_found(package, name):
    """Less is compared of rows that older versions wrote."""
    change = with_data("request.asked", lambda data: data.pop(name))
    result = status(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == 23, result.output
    assert f"(request.asked) says nothing of {name}, as the bot did at that time" in result.output


@pytest.mark.parametrize("with_hash", [False, True])
def test_another_text_of_the_policy_is_found(package, with_hash):
    def change(data):
        data["text"] = data["text"].replace("approvals = 2", "approvals = 1")
        data["new"] = hashed(data["text"]) if with_hash else data["new"]
        data["difference"] = difference("", data["text"])

    result = status(rebuilt(package, KEY, change=with_data("policy.changed", change, None)), KEY)
    words = (
        "another policy than the one in force" if with_hash else "has another policy than its hash"
    )
    assert result.exit_code == (23 if with_hash else 19)
    assert words in result.output


def test_two_processes_with_different_policies_are_named():
    record = {"requester": BOB, "digest": "d", "created_at": "1", "policy_hash": "a"}
    row = FileRow(7, "1", 1, "request.asked", BOB, "T", "", "", "", masked=False)
    stands = InForce()
    for sequence, new in enumerate("ab", 5):
        data = compact({"old": "" if new == "a" else "a", "new": new})
        assert not list(
            stands.note(
                FileRow(sequence, "1", None, "policy.changed", "", "", data, "", "", masked=False)
            )
        )
    (words,) = asked_for(record, row, {"digest": "d", "policy": "a"}, stands)
    assert (
        words
        == "is under another policy than the one in force, which row 6 replaced: a process still had the older file"
    )


@pytest.mark.parametrize(("again", "code"), [(0, 0), (1, 23)])
def test_a_row_after_the_next_one_does_not_show_who_was_in_a_group(package, again, code):
    """The next one may still show it; one that says the same as before is the next one too."""

    def change(row):
        if row.what == "people.groups":
            return groups(row, [CARLA])
        if (row.request, row.what) != (3, "request.rejected"):
            return row
        return [row, *[groups(row, [CARLA])] * again, groups(row, [BOB, CARLA])]

    def groups(row, people):
        data = {"groups": {"S0BILLING": [ALICE], "S0CONTROLLERS": people}}
        return row._replace(request=None, what="people.groups", who="", team="", data=compact(data))

    out = forged(Forger(rebuilt(package, KEY, change=change), KEY))
    assert len(lines(out, "people.jsonl")) == again + 2
    result = status(out, KEY)
    assert result.exit_code == code, result.output
    assert ("is in the group by this row alone" in result.output) == bool(code)


def test_somebody_who_is_in_the_group_by_the_row_of_the_decision_alone_is_found(package):
    change = with_data(
        "people.groups", lambda data: data["groups"]["S0CONTROLLERS"].remove(BOB), None
    )
    result = status(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == 23
    assert "is in the group by this row alone" in result.output


def test_an_approval_of_what_had_expired_is_found(package):
    def change(record):
        record["expires_at"] = record["created_at"]

    result = status(rebuilt(package, KEY, record=change), KEY)
    assert result.exit_code == 23
    assert "is an approval of what had expired" in result.output


def test_rows_that_are_cut_off_in_front_are_said(package):
    """The rows that are left fit each other; nothing says what stood before them."""
    forged = front_cut(package)
    result = status(forged, KEY)
    assert "It names no package before it, so rows 1 to 1 may say anything" in result.output
    assert result.exit_code != 0


def front_cut(path):
    forger = Forger(path, KEY)
    rows = [json.loads(line) for line in forger.files["history.jsonl"].splitlines()]
    first = rows[0]
    forger.json(
        "chain.json", lambda about: about.update(before={"sequence": first[0], "hash": first[8]})
    )
    forger.files["history.jsonl"] = written(rows[1:])
    forger.files["heads.jsonl"] = written(row for row in rows[1:] if row[3].startswith("audit."))
    return forger.sealed()


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    async def made():
        stage = await story(tmp_path_factory.mktemp("database"), ITS_KEY)
        await stage.close()
        return stage.settings().database_path

    return asyncio.run(made())


CHANGES = {
    "calls POST /v1/bill-runs/BR-00000003/emails": (
        "data = json_set(data, '$.address', '/v1/bill-runs/BR-00000003/emails')", "call.sent",
    ),
    "has another body": ("data = json_set(data, '$.body', '{}')", "call.sent"),
    "by this row alone": (
        "data = json_set(data, '$.groups.S0CONTROLLERS', json_array('U0CARLA'))", "people.groups",
    ),
    "has another policy than its hash says": ("data = json_set(data, '$.text', '')", "policy.changed"),
    "compares other totals": (
        "data = json_set(data, '$.compared.amounts[0][1]', '6.0')", "request.asked",
    ),
    "says failed, and the answers of its calls are: accepted": (
        "data = json_set(data, '$.state', 'failed')", "request.ended",
    ),
    "names another rule than the record": ("data = json_set(data, '$.rule', 'rule 2')", "request.approved"),
    "who may not ask by the policy's requesters": (
        "data = json_set(data, '$.groups.S0BILLING', json_array('U0ZED'))", "people.groups",
    ),
    "names other conditions": ("data = json_set(data, '$.conditions.sends', json('true'))", "request.asked"),
}  # fmt: skip


@pytest.mark.parametrize("words", CHANGES)
def test_a_database_is_asked_the_same(database, tmp_path, words):
    path = Path(shutil.copy(database, tmp_path / "copy.db"))
    change, what = CHANGES[words]
    with Tampering(path) as connection:
        connection.execute(f"UPDATE history SET {change} WHERE what = ?", [what])  # noqa: S608 - our own words
        sealed(connection)
    result = checked(path, key=ITS_KEY)
    assert result.exit_code in {19, 23}, result.output
    assert words in result.output


DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))
BODIES = st.builds(
    CreateBillRunBody,
    batches=st.sampled_from([(), ("Batch1", "Batch2")]), bill_cycle_day=st.sampled_from(["", "15"]),
    subscriptions=st.sampled_from([(), ("A-S1", "A-S2")]), account=st.just("A00000001"),
    target_date=st.none() | DAYS, target_month_day=st.none() | st.builds(MonthDay, months=st.just(1), day=st.just(31)),
    invoice_date=st.none() | DAYS, invoice_month_day=st.none() | st.builds(MonthDay, months=st.just(0), day=st.just(1)),
    run_type=st.sampled_from(["Regular", "CatchUp"]), exclude=st.sampled_from([(), ("Usage",)]),
    auto_post=st.booleans(), auto_email=st.booleans(), auto_renewal=st.booleans(),
    no_email_for_zero_amount=st.booleans(), include_subscriptions=st.booleans(), include_order_line_items=st.booleans(),
    organizations=st.sampled_from([(), (Organization(id="o1"), Organization(name="Retail"))]),
    schedule=st.none() | st.builds(
        RunSchedule, repeat_type=st.sampled_from(["None", "Daily", "Weekly", "Monthly"]), repeat_from=DAYS,
        repeat_to=st.none() | DAYS, run_time=st.integers(0, 23), weekly_on=st.sampled_from([(), ("Mon", "Fri")]),
        on_end_of_month=st.booleans(),
    ),
)  # fmt: skip


@given(body=BODIES)
@settings(max_examples=200, deadline=None)
def test_the_call_that_creates_a_bill_run_is_worked_out_alike(body):
    facts = {"account": "a1", "subscriptions": [["A-S1", "s1"], ["A-S2", "s2"]]}
    goes_out = wire(body, name="n", account_id="a1", subscription_ids=("s1", "s2"))
    assert created(json.loads(canonical(body.model_dump())), facts) | {"name": "n"} == goes_out


DOCUMENTS = st.lists(
    st.tuples(
        st.sampled_from(["invoice", "credit_memo", "debit_memo"]), st.sampled_from(["USD", "EUR"]),
        st.decimals(-50, 200, places=2) | st.just(NotKnown("missing")),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@given(documents=DOCUMENTS, is_mixed=st.booleans())
@settings(max_examples=200, deadline=None)
def test_the_totals_of_documents_are_added_up_alike(documents, is_mixed):
    """As the bot adds up what rules are asked about, from what an approval is bound to."""
    kinds = [kind if is_mixed else documents[0][0] for kind, _, _ in documents]
    counted = counted_up(
        (kind, money_of(amount, code))
        for kind, (_, code, amount) in zip(kinds, documents, strict=True)
    )
    asked = {
        f"email_{of.kind} in email_mixed_list" if is_mixed else f"email_{of.kind}": Asked(
            operation="", tenant="sandbox", sends=True, amounts=amounts_of((of,)), documents=len(kinds)
        ).compared
        for of in counted
    }  # fmt: skip
    listed = [[f"D{at}", "", "Posted", *each[1:]] for at, each in enumerate(documents)]
    names = [each[0] for each in listed]
    record = {
        "operation": "email_mixed_list" if is_mixed else f"email_{kinds[0]}",
        "body": json.dumps({"documents": names} | ({"kinds": kinds} if is_mixed else {})),
        "facts": "{}",
    }
    why = json.loads(
        canonical(
            {
                "compared": asked if is_mixed else next(iter(asked.values())),
                "bound": {"facts": {"documents": listed}},
            }
        )
    )
    assert list(summed(record, why)) == []
    parts = [*why["compared"].values()] if is_mixed else [why["compared"]]
    for each in parts:
        before, each["amounts"] = each["amounts"], [["USD", "0.01"], *(each["amounts"] or [])]
        assert list(summed(record, why))
        each["amounts"], each["documents"] = before, each["documents"] + 1
        assert list(summed(record, why))
        each["documents"] -= 1


CRITERIA = st.fixed_dictionaries(
    {},
    optional={
        "operations": st.sampled_from([["email_invoice"], ["email_invoice", "post_bill_run"], ["post_bill_run"]]),
        "tenants": st.sampled_from([["production"], ["sandbox", "unknown"]]),
        "sends": st.booleans(), "mails_again": st.booleans(),
        "above": st.sampled_from([{"USD": "100.00"}, {"USD": "10", "EUR": "5"}]),
        "documents_above": st.integers(0, 3), "approvals": st.integers(1, 2),
        "approvers": st.sampled_from([["S0A"], ["S0B", "S0C"]]),
        "expires_after": st.sampled_from(["30m", "8h", "2d"]),
    },
)  # fmt: skip
ASKED = st.builds(
    Asked, operation=st.just("email_invoice"), tenant=st.sampled_from(["production", "sandbox", "unknown"]),
    sends=st.booleans(), mails_again=st.booleans(), documents=st.none() | st.integers(0, 4),
    amounts=st.none() | st.lists(st.tuples(st.sampled_from(["USD", "EUR"]), st.decimals(-200, 200, places=2)), max_size=2),
)  # fmt: skip


def toml(rules):
    lines = ['requesters = ["S0R"]', 'approvers = ["S0G"]']
    for rule in rules:
        lines.append("[[rule]]")
        for name, value in rule.items():
            of_currencies = isinstance(value, dict) and ", ".join(
                f'{code} = "{each}"' for code, each in value.items()
            )
            lines.append(
                f"{name} = " + (f"{{ {of_currencies} }}" if of_currencies else json.dumps(value))
            )
    return "\n".join(lines)


@given(rules=st.lists(CRITERIA, max_size=3), asked=ASKED)
@settings(max_examples=150, deadline=None)
def test_the_rule_of_a_policy_is_found_alike(tmp_path_factory, rules, asked):
    path = tmp_path_factory.mktemp("policy") / "policy.toml"
    path.write_text(toml(rules))
    policy = read_policy(path)
    rule, why = policy.strictest([asked]), json.loads(canonical(policy.why([asked])))
    text = {
        "name": rule.name, "approvals": rule.approvals, "approvers": rule.approvers,
        "expires_after": rule.expires_after.total_seconds(),
    }  # fmt: skip
    record = {"operation": asked.operation, "body": "{}", "rule": json.dumps(text)}
    read = {"approvers": ["S0G"], "rule": rules}
    assert list(ruled(record, why, read)) == []
    others = [each for each in (*policy.tiers,) if each.rule.name != rule.name]
    for other in others:
        milder = {"name": other.rule.name, "approvals": 1, "approvers": ["U0EVE"]}
        assert list(ruled(record | {"rule": json.dumps(milder)}, why, read))
