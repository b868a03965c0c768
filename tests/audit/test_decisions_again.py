"""Every decision of a person is performed again, and not only approvals.

Whoever tries it here has the key: the chain is whole, and every file is made again. Each sample is given to both programs, and
most to a third that was written from FORMAT.md alone.
"""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bot.audit.control import InForce, still
from bot.audit.decisions import by_whom_it_is, in_order, signed_by
from bot.audit.evidence.archive import readable
from bot.audit.rows import FileRow, compact, hashed
from bot.domain.gains import difference
from tests.audit.test_as_approved import status as all_three
from tests.audit.test_as_approved import with_data
from tests.audit.test_control import sealed
from tests.audit.test_evidence import KEY, checked, lines, made
from tests.audit.test_outside_the_bot import signed_by_bob, with_work_by_hand
from tests.audit.test_package import Forger, packed, rebuilt, status, story
from tests.audit.test_verify import KEY as ITS_KEY
from tests.audit.test_verify import Tampering
from tests.stage import ALICE, BOB, CARLA, MARA

REJECTED, WITHDRAWN = "request.rejected", "request.withdrawn"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return asyncio.run(packed(tmp_path_factory.mktemp("story"), KEY))[0]


@pytest.fixture
def package(whole, tmp_path):
    return Path(shutil.copy(whole, tmp_path / "out.zip"))


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    async def made_once(folder):
        stage = await story(folder, ITS_KEY)
        await stage.close()
        return stage.settings().database_path

    return asyncio.run(made_once(tmp_path_factory.mktemp("database")))


def rejection(**change):
    """Change the row in which Carla rejects R-3."""

    def changed(row):
        if row.what != REJECTED:
            return row
        data = {**json.loads(row.data), **change.get("data", {})}
        return row._replace(data=compact(data), **{k: v for k, v in change.items() if k != "data"})

    return changed


def not_listed(row):
    """Carla is in no row of groups."""
    if row.what != "people.groups":
        return row
    groups = {**json.loads(row.data)["groups"], "S0CONTROLLERS": [BOB]}
    return row._replace(data=compact({"groups": groups}))


FORGED = {
    "is a rejection by the requester": rejection(who=ALICE),
    "is a rejection by somebody who is not in the rule's lists or groups": rejection(who=MARA, data={"groups": []}),
    "is about something else than was asked for": with_data(REJECTED, lambda data: data.pop("digest"), 3),
    "is a rejection of what had expired": rejection(at="2027-01-01T00:00:00.000000+00:00"),
    "is a withdrawal by somebody else than the requester": rejection(what=WITHDRAWN),
    "lets it expire before its time, or by a person": rejection(what="request.expired", who=""),
    "by somebody who is in the group by this row alone": not_listed,
}  # fmt: skip


@pytest.mark.parametrize(("words", "change"), FORGED.items(), ids=FORGED)
def test_a_decision_by_somebody_who_may_not_take_it_is_found_by_all_three(package, words, change):
    result = all_three(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == 23, result.output
    assert words in result.output


def test_a_rejection_behind_the_end_of_a_request_is_found_by_all_three(package):
    """R-1 was mailed; the population would call it rejected."""
    said = lines(package, "population.jsonl")[0]
    data = {"groups": ["S0CONTROLLERS"], "reason": "No", "rule": said["rule"]}
    data |= {"digest": said["digest"], "policy": said["policy_hash"]}

    def after_it_ended(row):
        is_end = (row.request, row.what) == (1, "request.ended")
        return [row, row._replace(what=REJECTED, who=BOB, data=compact(data))] if is_end else row

    forged = rebuilt(package, KEY, change=after_it_ended)

    assert lines(forged, "population.jsonl")[0]["state"] == "rejected"
    result = all_three(forged, KEY)
    assert result.exit_code == 23, result.output
    assert f"({REJECTED}) makes it rejected, after it was succeeded" in result.output


def test_an_end_without_its_state_is_found_by_all_three(package):
    """Whatever stands after it would be compared with nothing: R-1 was mailed, and would be called rejected."""
    said = lines(package, "population.jsonl")[0]
    data = {"groups": ["S0CONTROLLERS"], "reason": "No", "rule": said["rule"]}
    data |= {"digest": said["digest"], "policy": said["policy_hash"]}

    def after_it_ended(row):
        if (row.request, row.what) != (1, "request.ended"):
            return row
        end = {k: v for k, v in json.loads(row.data).items() if k != "state"}
        rejected = row._replace(what=REJECTED, who=BOB, data=compact(data))
        return [row._replace(data=compact(end)), rejected]

    forged = rebuilt(package, KEY, change=after_it_ended)

    assert lines(forged, "population.jsonl")[0]["state"] == "rejected"
    result = all_three(forged, KEY)
    assert result.exit_code == 23, result.output
    assert "(request.ended) does not say the state that it comes to" in result.output


@pytest.mark.parametrize(
    ("who", "words"),
    [(ALICE, "is a rejection by the requester"), (MARA, "not in the rule's lists or groups")],
)
def test_a_rejection_by_somebody_who_may_not_is_found_in_a_database_too(
    database, tmp_path, who, words
):
    path = Path(shutil.copy(database, tmp_path / "copy.db"))
    with Tampering(path) as connection:
        connection.execute("UPDATE requests SET decided_by = ? WHERE number = 3", [who])
        connection.execute(
            "UPDATE history SET who = ?, data = json_remove(data, '$.groups') WHERE what = ?",
            [who, REJECTED],
        )
        sealed(connection)

    result = checked(path, key=ITS_KEY)

    assert result.exit_code == 23, result.output
    assert words in result.output


def test_before_starts_listed_it_who_was_in_a_group_is_not_compared_but_said(package):
    """An earlier version recorded who is in the groups before approvals only; who came in between may have rejected."""

    def change(row):
        data = {name: each for name, each in json.loads(row.data).items() if name != "decides"}
        row = row._replace(data=compact(data)) if row.what == "bot.started" else row
        return not_listed(row) if row.what == "people.groups" else row

    def only_of_the_rejected(row):
        is_other = row.request in {1, 2} and row.what == "request.approved" and row.who == CARLA
        return row._replace(who=BOB) if is_other else change(row)

    result = status(rebuilt(package, KEY, change=only_of_the_rejected), KEY)

    assert (
        "request from R-3 on: who rejected it or recorded its outcome was in a group by that row alone"
        in result.output
    )
    assert f"({REJECTED})" not in result.output


TEXTS = {
    "difference": lambda data: data.update(difference=["+requesters = []"]),
    "approvers": lambda data: data.update(approvers=[MARA]),
    "requesters": lambda data: data.update(requesters=[]),
    "viewers": lambda data: data.update(viewers=[MARA]),
    "number of rules": lambda data: data.update(rules=7),
}


@pytest.mark.parametrize(("words", "change"), TEXTS.items(), ids=TEXTS)
def test_what_a_change_of_the_policy_says_beside_its_text_is_made_again_by_both(
    package, words, change
):
    result = status(rebuilt(package, KEY, change=with_data("policy.changed", change, None)), KEY)
    assert result.exit_code == 19, result.output
    assert f"has another {words} than its policy's text" in result.output


def test_a_change_of_the_policy_without_its_difference_is_found_by_both(package):
    change = with_data("policy.changed", lambda data: data.pop("difference"), None)
    result = status(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == 19, result.output
    assert "has another difference than its policy's text" in result.output


def row_of(sequence, what, who, **data):
    return FileRow(sequence, "1", None, what, who, "T", compact(data), "", "", masked=False)


def standing(*rows):
    stands = InForce()
    for row in rows:
        assert not list(stands.note(row))
    return stands


def policy(sequence, text, old=""):
    new, before = hashed(text), hashed(old) if old else ""
    said = difference(old, text)
    return row_of(sequence, "policy.changed", "", old=before, new=new, text=text, difference=said)


def started(sequence, *kinds):
    says = {"sealed": True, "says": [], **({"decides": kinds} if kinds else {})}
    return row_of(sequence, "bot.started", "", **says)


BY_BOB = f'requesters = ["{ALICE}"]\napprovers = ["{BOB}", "{CARLA}"]\n'
BY_CARLA = f'requesters = ["{ALICE}"]\napprovers = ["{CARLA}"]\n'
BY_TWO = BY_BOB + "[[rule]]\napprovals = 2\n"
RECORD = {"policy_hash": hashed(BY_BOB), "body": "{}", "operation": "email_bill_run", "place": ""}
COMPARED = {
    "tenant": "sandbox", "amounts": None, "documents": 1, "sends": True, "mails_again": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (BY_BOB + "# as before\n", []),
        (BY_CARLA, ["is an approval by somebody whom the rule of the policy in force at that time does not name"]),
        (BY_TWO, ["is the last approval of 1, and the policy in force at that time needs 2"]),
        (BY_TWO + "mails_again = true\n", []),  # the bot may have known by then that it mails again, or not
    ],
)  # fmt: skip
def test_an_approval_counts_under_the_policy_in_force_when_it_was_given_too(later, words):
    asked = FileRow(4, "1", 1, "request.asked", ALICE, "T", "{}", "", "", masked=False)
    approved = asked._replace(sequence=6, what="request.approved", who=BOB)
    story_of: list[tuple[FileRow, dict[str, Any]]] = [
        (asked, {"compared": COMPARED}),
        (approved, {"missing": 0, "groups": []}),
    ]

    for kinds, expected in (((approved.what,), words), ((), [])):
        stands = standing(policy(1, BY_BOB), started(2, *kinds), policy(5, later, BY_BOB))
        assert [said for _, said in still(RECORD, story_of, stands)] == expected


def test_an_approval_is_no_finding_when_another_request_turned_out_to_have_mailed_nothing():
    """It might have, when this one was asked for; a person has recorded since that it did not."""
    asked = FileRow(4, "1", 1, "request.asked", ALICE, "T", "{}", "", "", masked=False)
    approved = asked._replace(sequence=6, what="request.approved", who=BOB)
    again = {"compared": {**COMPARED, "mails_again": True}}
    later = policy(5, BY_TWO + "mails_again = true\n", BY_BOB)
    stands = standing(policy(1, BY_BOB), started(2, approved.what), later)

    assert not list(still(RECORD, [(asked, again), (approved, {"missing": 0})], stands))


def test_a_rejection_by_somebody_whom_a_later_policy_names_nowhere_is_found():
    first = FileRow(4, "1", 1, "request.asked", ALICE, "T", "{}", "", "", masked=False)
    row = first._replace(sequence=6, what=REJECTED, who=BOB)
    stands = standing(policy(1, BY_BOB), started(2, REJECTED), policy(5, BY_CARLA, BY_BOB))

    rule = {"approvers": [BOB, CARLA]}
    assert "lets approve nothing" in by_whom_it_is(rule, first, row, {}, stands)
    assert not by_whom_it_is(rule, first, row._replace(who=CARLA), {}, stands)


@pytest.mark.parametrize(
    ("states", "wrong"),
    [
        (["request.approved", "request.started", "request.ended"], []),
        (["request.stopped"], []),
        (["request.rejected", "request.stopped"], ["makes it stopped, after it was rejected"]),
        (["request.started"], ["makes it running, after it was waiting"]),
        (["request.approved", "request.expired"], ["makes it expired, after it was approved"]),
        (["request.withdrawn", "request.ended"], ["makes it succeeded, after it was withdrawn"]),
    ],
)
def test_a_request_goes_from_state_to_state_as_the_bot_lets_it(states, wrong):
    kinds = enumerate(["request.asked", *states], 1)
    data = {"request.ended": {"state": "succeeded"}}
    rows = [(row_of(at, what, BOB)._replace(request=1), data.get(what, {})) for at, what in kinds]
    assert [words for _, words in in_order(rows)] == wrong


@pytest.mark.parametrize(
    ("approvers", "is_found"),
    [([BOB], False), (["S0CONTROLLERS"], False), (["S0UNKNOWN"], False), ([f"S0CONTROLLERS&{BOB}"], False),
     ([CARLA], True), (["S0OTHERS"], True)],
)  # fmt: skip
def test_an_explanation_is_signed_by_somebody_who_may_approve(approvers, is_found):
    text = f"requesters = []\napprovers = {json.dumps(approvers)}\n"
    groups = {"S0CONTROLLERS": [BOB], "S0OTHERS": [CARLA]}
    listed = row_of(2, "people.groups", "", groups=groups)
    signed = row_of(4, "exception.explained", BOB, number="BR-1", words="w")
    stands = standing(policy(1, text), listed, started(3, "exception.explained"))
    assert [each.row for each in signed_by(signed, stands)] == [4] * is_found
    assert not list(signed_by(signed, standing(policy(1, text), listed, started(3))))


async def test_an_explanation_by_somebody_who_may_not_sign_is_found_by_both(stage, tmp_path):
    await with_work_by_hand(stage)
    await signed_by_bob(stage, "BR-00000002", "The bot was down")
    result, out = await made(stage, tmp_path)
    assert result.exit_code == 0, result.output
    assert status(out, "").exit_code == 0

    def change(row):
        return row._replace(who=MARA) if row.what == "exception.explained" else row

    forger = Forger(out, "")
    for name in ("things.jsonl", "exceptions.jsonl"):
        forger.files[name] = forger.files[name].replace(BOB.encode(), MARA.encode())
    result = status(rebuilt(forger.sealed(), "", change=change), "")

    assert result.exit_code == 23, result.output
    assert f"(exception.explained) is signed by {MARA}, whom the policy in force" in result.output


def twice(what, request, **change):
    """A row of a request is there once more, with other data."""

    def changed(row):
        if (row.what, row.request) != (what, request):
            return row
        data = compact({**json.loads(row.data), **change})
        return [row, row._replace(data=data)]

    return changed


AGAIN = {
    "is a second approval by the same person": twice("request.approved", 1, missing=1),
    "makes it running, after it was running": twice("request.started", 1),
    "goes out under another key, and what came of it before is not known": twice("call.sent", 1, key="billing-bot:R-1:another"),
    "R-1 follows R-1": twice("request.asked", 1),
}  # fmt: skip


@pytest.mark.parametrize(("words", "change"), AGAIN.items(), ids=AGAIN)
def test_a_row_that_stands_twice_is_found_by_all_three(package, words, change):
    result = all_three(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == (21 if "follows" in words else 23), result.output
    assert words in result.output


@pytest.mark.parametrize("verdict", ["lost", None, "else"])
def test_a_lost_answer_is_asked_for_again_under_its_own_key_or_found_by_all_three(
    package, tmp_path, verdict
):
    """Under another key Zuora carries it out once more, and nobody knows what came of the first one."""
    lost = {"http_status": None, "verdict": verdict, "words": "no answer", "zuora_request_id": ""}

    def again(**other):
        def change(row):
            if (row.what, row.request) != ("call.sent", 1):
                return row
            sent = json.loads(row.data)
            said = {**{name: sent[name] for name in ("subject", "key", "track_id")}, **lost}
            anew = compact({**sent, **other})
            return [
                row,
                row._replace(what="call.lost", data=compact(said)),
                row._replace(data=anew),
            ]

        forged, folder = rebuilt(package, KEY, change=change), tmp_path / str(len(other))
        folder.mkdir()
        forger = Forger(forged, KEY)
        forger.files |= {each.name: each.read_bytes() for each in readable(forged, folder)}
        return all_three(forger.sealed(), KEY)

    assert again().exit_code == 0
    result = again(key="billing-bot:R-1:another")
    assert result.exit_code == 23, result.output
    assert "goes out under another key, and what came of it before is not known" in result.output


def test_an_answer_that_is_none_of_zuoras_makes_no_success_for_any_of_the_three(package):
    change = with_data("call.answered", lambda data: data.update(verdict="else", http_status=400))
    result = all_three(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == 23, result.output
    assert "says succeeded, and the answers of its calls are: else" in result.output


def test_actors_that_are_swapped_are_found_by_all_three(package):
    """Bob asked and Alice approved; record and rows agree, and so do the groups by which they did it."""

    def change(row):
        other = {ALICE: BOB, BOB: ALICE}.get(row.who, row.who) if row.request == 1 else row.who
        return row._replace(who=other)

    def record(record):
        record["requester"] = BOB if record["number"] == 1 else record["requester"]

    result = all_three(rebuilt(package, KEY, change=change, record=record), KEY)

    assert result.exit_code == 23, result.output
    assert f"is by {BOB}, who may not ask by the policy's requesters" in result.output
    assert "is an approval by somebody who" in result.output


def test_a_decision_that_somebody_else_denies_is_found_by_both(package):
    (approved,) = (
        row[0] for row in lines(package, "history.jsonl") if row[2:5] == [1, "request.approved", BOB]
    )  # fmt: skip

    def change(row):
        if (row.request, row.what) != (1, "request.ended"):
            return row
        data = compact({"request": "R-1", "rows": [approved]})
        return [row, row._replace(request=None, what="statement.denied", who=MARA, data=data)]

    result = status(rebuilt(package, KEY, change=change), KEY)

    assert result.exit_code == 23, result.output
    assert f"{MARA} says in row" in result.output
    assert f"was not theirs; it is {BOB}'s" in result.output


def test_rows_of_a_second_database_are_found_by_both(package):
    """Somebody works with two databases under one tenant, and takes rows of both into one package."""
    starts = []

    def change(row):
        if row.what == "bot.started":
            starts.append(row)
        if (row.request, row.what) != (1, "request.ended"):
            return row
        other = {**json.loads(starts[0].data), "database": "of-another-file"}
        return [row, starts[0]._replace(at=row.at, data=compact(other))]

    result = status(rebuilt(package, KEY, change=change), KEY)

    assert result.exit_code == 19, result.output
    assert "is a start with another database than before, and no row says" in result.output


def test_another_team_than_the_records_is_found_by_all_three(package):
    def change(row):
        return (
            row._replace(team="T0OTHER") if (row.request, row.what) == (1, "request.asked") else row
        )

    result = all_three(rebuilt(package, KEY, change=change), KEY)
    assert result.exit_code == 23, result.output
    assert "is by somebody else, of another time or about something else" in result.output


def test_an_approval_of_before_starts_listed_it_is_not_compared_with_a_later_policy_but_said():
    asked = FileRow(4, "1", 1, "request.asked", ALICE, "T", "{}", "", "", masked=False)
    approved = asked._replace(sequence=6, what="request.approved", who=BOB)
    stands = standing(policy(1, BY_BOB), started(2), policy(5, BY_CARLA, BY_BOB))

    stands.open.look([(approved, {"policy": hashed(BY_BOB)})], stands)

    assert [
        "the policy had changed when it was approved" in each for each in stands.open.words()
    ] == [True]
