"""What every operation owes, whoever adds one: whatever is left out is named here.

The policy's list, the words, the help, the README, `sends`, `amounts`, `documents`, `settle`, `look`, `differs`,
`material`, the form, the crash plan and its reckoning.
"""

import json
import re
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from bot.audit.expected import called
from bot.audit.rows import FileRow, compact
from bot.audit.stated import in_facts
from bot.domain.call import Call, Verdict
from bot.domain.digest import canonical, digest
from bot.domain.kind import KIND_WORDS
from bot.domain.operation import Deed, OperationName
from bot.domain.request import State
from bot.domain.summary import AMOUNTS_NOT_KNOWN
from bot.domain.words import bare, count, doing
from bot.operations.beginning import Estimated, Followed
from bot.operations.catalog import OPERATIONS, STEPS, opened
from bot.operations.email_documents.operation import OF_KIND
from bot.operations.kinds import amounts_of, counted_in_kinds, credited
from bot.operations.on_run import legal_steps
from bot.operations.typed import Problems
from bot.policy.file import read_policy
from bot.sandbox.zuora import World
from bot.slack.commands import bill_run as command
from bot.slack.forms.catalog import FORMS
from bot.slack.forms.fields import with_problems
from bot.status.counting import effect_name
from bot.status.lists import what_of
from bot.zuora.errors import OutcomeUnknown
from tests.crash import reckoning
from tests.crash.plan import FIRST, MAKERS, plan_of
from tests.operations.changing import changed_one_by_one, never_filled
from tests.operations.examples import EXAMPLES
from tests.operations.newest import newest_first
from tests.operations.picture import Picture
from tests.operations.seen import Done
from tests.stage import ALICE, BOB, CHANNEL

README = Path("README.md").read_text()
MANIFEST = Path("manifest.yml").read_text()
FORMAT = Path("bot/audit/FORMAT.md").read_text()
CODE = [
    path for path in Path("bot").rglob("*.py") if path.parts[1] not in ("operations", "sandbox")
]
MAY_NAME = {
    Path("bot/domain/operation.py"),
    Path("bot/store/schema.py"),
    *Path("bot/store/migrations").glob("*.py"),
    Path("bot/domain/gains.py"),
    Path("bot/audit/expected.py"),
    Path("bot/audit/control.py"),
    Path("bot/audit/stated.py"),
}
"""The names themselves, a migration of the time when they stood everywhere, and what must work out by itself, without
any code of ours, which call an operation makes: of each operation the test above asks that it does."""

FOLLOWED = [name for name, each in OPERATIONS.items() if issubclass(each, Followed)]
ESTIMATED = [name for name, each in OPERATIONS.items() if issubclass(each, Estimated)]
MAILING = [name for name, each in OPERATIONS.items() if each.deed is Deed.MAILED]
STATES = ("Pending", "Completed", "Posted", "Error", "Canceled")
NO_MAKER = "give its Asking a command, or write a maker for it into tests/crash/plan.py"
NO_EXAMPLE = "write an example of it into tests/operations/examples.py"

AUDITOR = "say in orders() of bot/audit/expected.py, and in FORMAT.md, which calls it makes"
COUNTED_AS = "counted_as: the row of the month's figures that counts it, such as *Invoices*"

every = pytest.mark.parametrize("name", newest_first(), ids=str, scope="module")
steps = pytest.mark.parametrize("name", newest_first(STEPS), ids=str, scope="module")
"""One operation after the other (the scope), so that `-x` soon names what is wrong with the one that is being written."""


async def order_of(name, local, zuora):
    assert name in EXAMPLES, NO_EXAMPLE
    return await looked_up(OPERATIONS[name], EXAMPLES[name].typed(local.world), zuora)


async def looked_up(operation, typed, zuora):
    body = operation.read(typed)
    assert not isinstance(body, Problems), body
    facts = await operation.look_up(body, zuora)
    assert not isinstance(facts, Problems), facts
    return operation(body, facts)


def documents_of(world):
    return {**world.invoices, **world.credit_memos, **world.debit_memos}


def call_of(order, now, at=0):
    subject = order.subjects()[at]
    call = Call(1, subject, f"key-of-call-{at}", f"billing-bot.R-1.{subject}"[:64])
    return call.sending(now, call.content)


async def lost(order, local, zuora, clock):
    """A call whose answer is lost on the way back."""
    example = EXAMPLES[order.name]
    local.faults.add(example.path, method=example.method, kind="lose_answer")
    call = call_of(order, clock.now())
    with pytest.raises(OutcomeUnknown):
        await order.act(call, zuora)
    clock.move(1)
    return call


def test_every_name_has_its_operation_and_every_operation_its_example():
    assert list(OPERATIONS) == list(OperationName), "a name without a folder in bot/operations"
    assert list(EXAMPLES) == list(OperationName), NO_EXAMPLE
    estimated = [name for name, each in EXAMPLES.items() if each.foreseen]
    assert estimated == ESTIMATED, "`foreseen` in its example, of what is `Estimated`"


def test_no_other_room_names_an_operation():
    """A list of names elsewhere is what a stranger forgets."""
    names = re.compile(
        r"[\"'](?:"
        + "|".join(OperationName)
        + r")[\"']|[\"']email[_!]+%?[\"']|OperationName\.[A-Z]"
    )
    naming = {path for path in CODE if names.search(path.read_text())}

    assert naming <= MAY_NAME


@every
def test_the_policy_takes_its_name_and_the_readme_has_it(name, tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(f'requesters = ["UA"]\napprovers = ["UB"]\n[[rule]]\noperations = ["{name}"]\n')

    assert read_policy(path).tiers[0].operations == (name,)
    assert f"`{name}`" in README, "README, below policy.toml: the list of operations"
    asking = OPERATIONS[name].asking
    if command := asking and asking.command:
        assert f"`{command.name} " in README, "README: a row in the table of commands"
        assert command.name in MANIFEST, "manifest.yml: an entry below slash_commands"


@every
def test_a_form_asks_for_it_and_shows_what_is_wrong_at_its_field(name, clock):
    operation = OPERATIONS[name]
    form = FORMS[operation.form]
    world_values = EXAMPLES[name].typed(_world(clock))
    values = {"what": "documents"} if operation.each_mailed else {}

    shown = form.all_blocks({**world_values, **values})
    marked = with_problems(shown, {operation.field: "This is wrong."})
    wanted = form.wanted({**world_values, **values})

    assert not isinstance(wanted, Problems)
    assert [each for each, _ in wanted] == [operation]
    assert "This is wrong." in str(marked)
    assert {*world_values} <= {block.get("block_id") for block in shown} | {*values}
    assert isinstance(operation.read({}), Problems), "read(): Problems where nothing was typed"


@every
def test_each_field_of_its_form_is_part_of_what_is_asked_for(name, clock):
    """A field that nothing reads is a promise that nobody keeps."""
    operation, typed = OPERATIONS[name], EXAMPLES[name].typed(_world(clock))
    for field in operation.asking.fields if operation.asking else ():
        options = getattr(field, "options", (("2026-12-24", "", ""),))
        read = [operation.read({**typed, field.name: value}) for value, _, _ in options]
        assert any(each != operation.read(typed) for each in read), f"read_more() of {field.name}"


def _world(clock):
    return World(clock.now())


@every
def test_it_has_a_word_in_lists_and_a_deed_in_the_figures(name):
    operation = OPERATIONS[name]

    kind = next((KIND_WORDS[kind][0] for kind, each in OF_KIND.items() if each.name == name), "")
    assert what_of(name, "BR-1") == " ".join(filter(None, [operation.short, kind, "BR-1"]))
    assert "_" not in operation.short
    assert effect_name(name) in ("", operation.deed)
    assert isinstance(operation.deed, Deed)


@steps
def test_a_run_shows_its_button_in_a_state_that_allows_it_and_help_shows_it(name):
    step = STEPS[name]
    states = [state for state in STATES
              if name in legal_steps(state, posted=0, run_type="Regular")]  # fmt: skip

    assert states
    legal_in = EXAMPLES[name].legal_in
    assert {*states} == {*legal_in} & {*STATES}, "legal_in in tests/operations/examples.py"
    assert step.button in command.HELP
    assert step.button.endswith("…")
    assert step.why_not("NeverHeardOf", posted=0, run_type="")


@every
async def test_its_words_are_there_and_fit(name, local, zuora):
    order = await order_of(name, local, zuora)

    assert order.title()[:1].islower(), "title(): a clause that begins in lower case"
    assert order.lines()
    assert not [each for each in order.lines() if re.fullmatch(r"|.*:\s*", bare(each.parts))], (
        "lines(): each says something"
    )
    assert len(f"Approve: {order.effect()}…") <= 75
    assert re.match(r"[A-Z]\w+ing\b", doing(order.effect()))  # as the thread says it
    assert order.warning().endswith("."), "warning(): a sentence"
    assert tuple(check.name for check in order.checked()) == EXAMPLES[name].checks
    assert order.accepted().endswith(".")
    assert order.subject()
    assert len(set(order.subjects())) == len(order.subjects()) > 0


@every
async def test_what_the_policy_and_the_month_count_agrees(name, local, zuora):
    order = await order_of(name, local, zuora)
    documents, amounts, kinds = order.documents(), order.amounts(), order.kinds()

    assert order.sends() in (True, False)
    assert (documents is None) == (amounts is None) == (not kinds)
    if documents is not None:
        assert sum(kind.count for kind in kinds) == documents > 0
        assert sorted(amounts) == sorted(
            credited(kind.kind, money) for kind in kinds for money in kind.totals
        )
    if order.each_mailed:
        assert tuple(each.number for each in order.each()) == order.subjects()


@steps
async def test_of_a_run_the_headline_counts_the_documents_and_the_details_add_them_up(
    name, local, zuora
):
    order = await order_of(name, local, zuora)
    kinds, said = order.kinds(), {bare(each.parts) for each in order.lines()}

    counted = (counted_in_kinds(kinds), count(order.documents(), "document"))
    assert any(each in order.summary().headline for each in counted), "summary(): how many"
    assert {kind.figures for kind in kinds} <= said, "lines(): each kind, counted and added up"


@steps
async def test_a_run_without_documents_is_about_none_and_its_amount_is_known(name, local, zuora):
    """Not known counts as above every amount of the policy; nothing does not."""
    status = EXAMPLES[name].legal_in[-1]
    run = local.world.add_bill_run("BR-00000001", status=status, batches=["Batch2"])
    operation = OPERATIONS[name]
    facts = await operation.look_up(operation.read({"bill_run": run.number}), zuora)
    if isinstance(facts, Problems):
        assert "no " in str(facts)  # there is nothing to do with it
        return
    order = operation(operation.read({"bill_run": run.number}), facts)

    assert (order.documents(), order.amounts()) == (0, ())


@every
async def test_what_zuora_does_not_know_is_said_at_a_field(name, local, zuora):
    operation, typed = OPERATIONS[name], EXAMPLES[name].typed(local.world)
    known = {*Picture.of(local.world).runs, *documents_of(local.world), *local.world.accounts}
    unknown = {key: "NO-1" if {*str(each).split()} & known else each for key, each in typed.items()}

    body = operation.read(unknown)
    found = body if isinstance(body, Problems) else await operation.look_up(body, zuora)

    assert isinstance(found, Problems), "look_up() accepts a number that Zuora does not know"
    assert {*found.by_field} <= {*typed}


@every
async def test_a_document_that_is_not_ready_for_it_is_refused(name, local, zuora):
    operation = OPERATIONS[name]
    body = operation.read(EXAMPLES[name].typed(local.world))
    documents, refused = documents_of(local.world), set()
    for status in ("Draft", "Posted", "Canceled"):
        for document in documents.values():
            document.status = status
        found = await operation.look_up(body, zuora)
        refused |= {status} if isinstance(found, Problems) else set()

    assert refused or not documents or name in STEPS, "look_up() accepts documents in every state"


@every
async def test_amounts_that_zuora_does_not_say_are_said_not_to_be_known(name, local, zuora):
    typed = EXAMPLES[name].typed(local.world)
    for document in documents_of(local.world).values():
        document.hides = frozenset({"amount", "totalAmount", "balance"})
    order = await looked_up(OPERATIONS[name], typed, zuora)

    assert order.amounts() is None, "amounts(): None if one is not known"
    if order.kinds():
        assert AMOUNTS_NOT_KNOWN in order.summary().risks, "summary(): AMOUNTS_NOT_KNOWN"


@every
async def test_what_waits_during_an_update_is_bound_to_the_same_afterwards(name, local, zuora):
    """Else each request that waits is stopped once it is approved.

    Where what is bound has to change, the changelog says so, and its example takes what the failure shows.
    """
    order = await order_of(name, local, zuora)

    bound = digest(
        operation=order.name, tenant="t", body=order.body.model_dump(), facts=order.material()
    )

    assert bound == EXAMPLES[name].digest, f"a new example gets digest={bound!r}"


@every
async def test_an_auditor_reads_what_is_bound_and_which_calls_follow(name, local, zuora):
    first_cells = [line.split(" | ")[0] for line in FORMAT.splitlines() if line.startswith("| ")]
    order = await order_of(name, local, zuora)
    value = canonical(
        {
            "operation": name, "tenant": "https://rest.example.com|||12270",
            "body": order.body.model_dump(), "facts": order.material(),
        }
    )  # fmt: skip
    vector = f"what is hashed, and its digest:\n{value}\n{sha256(value.encode()).hexdigest()}"

    rows = sum(f"`{name}`" in cell for cell in first_cells)
    assert rows == 2, "bot/audit/FORMAT.md: a row for its facts, and one for its calls"
    assert f'"operation":"{name}"' in FORMAT, f"bot/audit/FORMAT.md: {vector}"


@every
async def test_its_call_is_the_one_that_an_auditor_works_out_of_what_was_approved(
    name, local, zuora, clock
):
    order = await order_of(name, local, zuora)
    sent = sent_by(order, zuora, clock)[0]

    def found(**change):
        return found_in(order, [sent | change])

    assert found() == [], AUDITOR
    assert found(method="DELETE", address=f"{sent['address']}0") != []
    assert found(body='{"another": "one"}') == ["has another body than what was approved gives"]
    assert len(found(subject="another")) == 1


@every
async def test_every_field_reaches_zuora_and_an_auditor_notices_a_call_without_it(
    name, local, zuora, clock
):
    """Else somebody fills it, another approves it, and it is never sent."""
    operation, example = OPERATIONS[name], EXAMPLES[name]
    local.knobs = replace(local.knobs, catch_up=True)
    ways = (example.typed, *example.filled)
    orders = [await looked_up(operation, typed(local.world), zuora) for typed in ways]
    empty = {*never_filled([order.body for order in orders])} - operation.unsent
    assert not empty, f"fill it by what is typed for `filled` of its example: {empty}"

    changed = [
        (path, sent_by(order, zuora, clock), operation(body, order.facts))
        for order in orders
        for path, body in changed_one_by_one(order.body)
        if re.split(r"[.[]", path)[0] not in operation.unsent
    ]
    sent = {path for path, before, other in changed if sent_by(other, zuora, clock) != before}
    lacking = {path for path, *_ in changed} - sent
    assert not lacking, f"act() sends nothing of it; if that is meant, `unsent` names it: {lacking}"
    for path, before, other in changed:
        after = sent_by(other, zuora, clock)
        assert found_in(other, after) == [], f"{AUDITOR}: {path}"
        assert after == before or found_in(other, before), f"{AUDITOR}: {path}"


def sent_by(order, zuora, clock):
    """What the history says of each call that goes out."""
    calls = [call_of(order, clock.now(), at) for at, _ in enumerate(order.subjects())]
    prepared = [(call, order.act(call, zuora).call) for call in calls]
    return [
        {"subject": call.subject, "key": call.key, "method": http.method, "address": http.target,
         "body": http.content.decode(), "body_sha256": sha256(http.content).hexdigest()}
        for call, http in prepared
    ]  # fmt: skip


def found_in(order, sent):
    """What an auditor says of these calls, if that order was approved."""
    record = {
        "number": 1, "operation": order.name.value, "subject": order.subject(),
        "body": canonical(order.body.model_dump()),
    }  # fmt: skip
    asked = {"bound": {"facts": json.loads(canonical(order.material()))}}
    story = [
        (FileRow(9, "", 1, "call.sent", "", "", compact(each), "", "", masked=False), each)
        for each in sent
    ]
    return [words for _, words in called(record, story, asked)]


@every
async def test_what_the_rules_are_asked_about_is_what_an_auditor_works_out(name, local, zuora):
    order = await order_of(name, local, zuora)
    record = {
        "operation": name.value, "body": canonical(order.body.model_dump()), "facts": order.facts.to_store()[0],
    }  # fmt: skip
    compared = {
        "tenant": "sandbox", "sends": order.sends(), "mails_again": order.mails_again(), "documents": order.documents(),
    }  # fmt: skip

    def found(**change):
        bound = {"facts": json.loads(canonical(order.material()))}
        return list(in_facts(record, {"bound": bound, "compared": compared | change}))

    assert found() == [], "say in in_facts() of bot/audit/stated.py, and in FORMAT.md, what it does"
    assert len(found(sends=not order.sends())) == 1
    assert not order.mails_again() or len(found(mails_again=False)) == 1


@every
async def test_its_route_names_every_fixed_part_of_its_path(name, local, zuora, clock):
    """Else logs and metrics show a star where they should say what was done."""
    order = await order_of(name, local, zuora)
    call = order.act(call_of(order, clock.now()), zuora).call

    fixed = [part for part in call.path.split("/") if not re.search(r"\d", part)]
    assert {*fixed} <= {*call.route.split("/")}, "_WORDS in bot/zuora/wire.py"


@every
async def test_what_is_bound_is_said_when_it_changes_and_nothing_else_is(name, local, zuora):
    order, example = await order_of(name, local, zuora), EXAMPLES[name]
    bound, said, material = set(), set(), canonical(order.material())
    for path, facts in changed_one_by_one(order.facts):
        is_bound = canonical(type(order)(order.body, facts).material()) != material
        is_said = bool(order.differs(facts))
        assert is_bound == is_said or path in example.said | example.typed_too, path
        bound |= {path} if is_bound else set()
        said |= {path} if is_said else set()

    assert order.differs(order.facts) == []
    assert bound - example.typed_too == example.bound, "material(), or `bound` of its example"
    assert said - example.said == example.bound, "differs(), or `bound` and `said` of its example"


@every
async def test_a_lost_answer_is_settled_by_reading_or_said_not_to_be(name, local, zuora, clock):
    order = await order_of(name, local, zuora)
    assert await order.settle(call_of(order, clock.now()), zuora) is None  # nothing went out

    call = await lost(order, local, zuora, clock)
    settlement = None
    for _ in range(10):
        settlement = settlement or await order.settle(call, zuora)
        clock.move(60)

    proved = settlement is not None and settlement.accepted
    assert proved or not EXAMPLES[name].provable, (
        "settle() proved nothing: does the local Zuora know its path and show the effect?"
    )
    assert proved == EXAMPLES[name].provable, "settle() proves it: say `provable` in its example"
    if settlement and isinstance(order, Followed):
        assert settlement.progress.run_id


@pytest.mark.parametrize("name", newest_first(MAILING), ids=str, scope="module")
async def test_what_was_mailed_is_mailed_again_only_where_that_was_asked_for(
    name, local, zuora, clock
):
    typed, operation = EXAMPLES[name].typed(local.world), OPERATIONS[name]
    order = await looked_up(operation, typed, zuora)
    calls = [call_of(order, clock.now(), at) for at, _ in enumerate(order.subjects())]
    for call in calls:
        await order.act(call, zuora)
    clock.move(60)

    again = await looked_up(operation, {**typed, "resend": "yes"}, zuora)
    seen = await order.read_again(calls, zuora)

    assert {*seen} == {*order.subjects()}
    assert all(each.done for each in seen.values()), "read_again(): what Zuora shows proves it"
    assert not order.mails_again()
    assert not order.is_repeat()
    assert again.mails_again()
    assert again.is_repeat()


@pytest.mark.parametrize("name", newest_first(MAILING), ids=str, scope="module")
async def test_addresses_that_were_typed_are_said_and_get_it(name, local, zuora, clock):
    typed, addressed = EXAMPLES[name].typed(local.world), EXAMPLES[name].addressed
    assert (await looked_up(OPERATIONS[name], typed, zuora)).typed_addresses() == ()
    if not addressed:
        return
    order = await looked_up(OPERATIONS[name], {**typed, **addressed}, zuora)

    await order.act(call_of(order, clock.now()), zuora)
    clock.move(60)
    local.world.agenda.advance(clock.now())

    (mail, *_) = local.world.mails
    assert order.typed_addresses() == mail.recipients, "typed_addresses()"


@pytest.mark.parametrize("name", newest_first(MAILING), ids=str, scope="module")
async def test_a_list_that_is_too_long_for_the_card_is_a_table_in_the_thread(name, local, zuora):
    order = await order_of(name, local, zuora)
    assert not order.tables()
    if not (typed := _of_run_without_addresses(name, local.world)):
        return
    order = await looked_up(OPERATIONS[name], typed, zuora)

    assert [len(table.rows) for table in order.tables()] == [MANY], "tables(): who has no address"


def _posting_mails(stage):
    """Switch on that posting mails; what is posted was posted long ago."""
    stage.zuora.knobs = replace(stage.zuora.knobs, inactive_notifications=frozenset())
    world = stage.zuora.world
    for each in (*world.bill_runs.values(), *documents_of(world).values()):
        each.posted_at = each.posted_at and each.posted_at - timedelta(days=3)


@pytest.mark.parametrize("name", newest_first(MAILING), ids=str, scope="module")
async def test_a_run_that_mails_by_itself_is_said_of_what_it_mails(name, local, zuora, clock):
    order = await order_of(name, local, zuora)
    assert not order.mailed_by_zuora()
    itself = {"auto_post": True, "auto_email": True}
    if not (typed := _of_a_run(name, local.world, ["A00000001"], **itself)):
        return
    for run in local.world.bill_runs.values():
        run.posted_at = clock.now() - timedelta(minutes=10)
    order = await looked_up(OPERATIONS[name], {**typed, "resend": "yes"}, zuora)

    assert [each.what for each in order.mailed_by_zuora()] == [RUN], "mailed_by_zuora()"
    assert order.mails_again()


@pytest.mark.parametrize("name", newest_first(MAILING), ids=str, scope="module")
async def test_a_run_that_somebody_posted_lately_may_have_been_mailed_by_that(
    name, local, zuora, clock
):
    local.knobs = replace(local.knobs, settings_allowed=False)  # who can say what posting mails?
    if not (typed := _of_a_run(name, local.world, ["A00000001"])):
        return
    for run in local.world.bill_runs.values():
        run.posted_at = clock.now() - timedelta(minutes=10)
    order = await looked_up(OPERATIONS[name], {**typed, "resend": "yes"}, zuora)

    assert order.mailed_by_others() == {RUN}, "mailed_by_others()"


@pytest.mark.parametrize("name", newest_first(MAILING), ids=str, scope="module")
async def test_a_limit_looks_at_the_whole_run_also_where_a_part_of_it_was_mailed_before(
    name, local, zuora, clock
):
    """Zuora decides what it leaves out, so no rule may become milder by what it shows; the month counts mails."""
    local.world.add_account("A00000003", email=None)
    accounts, operation = ["A00000001", "A00000002", "A00000003"], OPERATIONS[name]
    typed = _of_a_run(name, local.world, accounts)
    if operation.field != "bill_run":
        return
    first = next(each for each in documents_of(local.world).values() if each.kind == "invoice")
    first.last_email_sent = clock.now() - timedelta(days=1)
    order = await looked_up(operation, typed, zuora)
    whole = await looked_up(operation, {**typed, "resend": "yes"}, zuora)

    assert order.amounts() == whole.amounts() != amounts_of(order.kinds()), "amounts()"
    assert order.documents() == whole.documents() - 1, "documents(): also those that reach nobody"
    assert order.documents() > sum(kind.count for kind in order.kinds())


@pytest.mark.parametrize("name", newest_first(MAILING), ids=str, scope="module")
async def test_of_several_mails_the_result_counts_the_accepted_and_the_refused(
    name, local, zuora, clock
):
    typed = _of_a_run(name, local.world, ["A00000001", "A00000002"])
    order = await looked_up(OPERATIONS[name], typed or EXAMPLES[name].typed(local.world), zuora)
    if len(order.subjects()) == 1:
        return
    verdicts = [Verdict.ACCEPTED, *[Verdict.REFUSED] * (len(order.subjects()) - 1)]
    calls = [call_of(order, clock.now(), at)._replace(verdict=verdict)
             for at, verdict in enumerate(verdicts)]  # fmt: skip

    counted = f"1 of {len(calls)} mails accepted by Zuora, {len(calls) - 1} refused"
    assert counted in order.result(calls), "result()"


MANY, RUN = 12, "BR-00000009"


def _of_run_without_addresses(name, world):
    for number in (accounts := [f"A9{at:02}" for at in range(MANY)]):
        world.add_account(number, email=None)
    return _of_a_run(name, world, ["A00000001", *accounts])


def _of_a_run(name, world, accounts, **fields):
    """What is typed for a posted run of these accounts, or for its documents of the kind; nothing if it has none."""
    lines = [(each, "USD", "10.00") for each in accounts]
    run = world.add_bill_run(RUN, invoices=lines, credit_memos=lines, **fields)
    operation = OPERATIONS[name]
    if operation.field == "bill_run":
        return {"bill_run": run.number}
    kinds = [kind for kind, each in OF_KIND.items() if each is operation]
    numbers = [each.number for each in world.documents_of(run) if each.kind in kinds]
    return {"documents": " ".join(numbers), "recipients": "template"} if numbers else {}


@pytest.mark.parametrize("name", newest_first(ESTIMATED), ids=str, scope="module")
async def test_what_zuora_foresees_is_begun_once_and_said_with_its_amount(
    name, local, zuora, clock
):
    example = EXAMPLES[name]
    assert example.foreseen, "say in `foreseen` of its example what Zuora estimates"
    order = await looked_up(OPERATIONS[name], example.foreseen(local.world), zuora)

    assert not (await order_of(name, local, zuora)).foresees(), (
        "foresees() of the example, which is not `foreseen`"
    )
    assert order.foresees(), "foresees() of what is `foreseen`"
    begun = await order.begin_estimate("a-key", zuora)
    assert begun == await order.begin_estimate("a-key", zuora) != ""
    assert not (await order.estimate(begun, zuora)).words
    clock.move(60)
    found = await order.estimate(begun, zuora)
    assert found.words.endswith(".")
    assert "USD" in found.amount, "estimate(): the amount"


@pytest.mark.parametrize("name", newest_first(FOLLOWED), ids=str, scope="module")
async def test_what_it_began_is_followed_to_its_end(name, local, zuora, clock):
    order = await order_of(name, local, zuora)
    progress = order.begun(await order.act(call_of(order, clock.now()), zuora))
    assert progress.run_id
    assert progress.number

    for _ in range(60):
        if progress.ended:
            break
        clock.move(timedelta(minutes=5).total_seconds())
        progress = await order.look(progress, zuora)

    assert progress.ended == "succeeded"
    assert progress.result.endswith(".")
    assert set(progress.next_steps) <= set(STEPS)


@every
async def test_the_crash_plan_asks_for_it_and_the_reckoning_sees_its_effect(
    name, local, zuora, clock
):
    order = await order_of(name, local, zuora)
    before = len(local.calls)
    await order.act(call_of(order, clock.now()), zuora)
    effects = [call for call in local.calls[before:] if reckoning.is_effect(call)]

    assert name in plan_of(_world(clock)), NO_MAKER
    assert len(effects) == 1, "its call is none that bot/zuora/effects.py makes with effect=True"


@every
async def test_zuora_shows_what_its_class_says_of_it_when_it_was_asked_for_and_approved(
    name, stage
):
    """From the command, or the run's button, to its end: deeds, mails, documents and words."""
    world = stage.zuora.world
    stage.zuora.timings = replace(stage.zuora.timings, removing=5.0)  # so that following is missed
    example = EXAMPLES[name].typed(world)
    made = [maker(world, FIRST + at) for at, (maker, _) in enumerate(MAKERS)]
    _posting_mails(stage)
    wanted = next((each for each in made if each.operation == name), None)
    assert wanted, NO_MAKER
    before, orders = Picture.of(world), len(effects_of(stage.zuora))

    await _open(stage, wanted)
    more = {key: value for key, value in example.items() if key != OPERATIONS[name].field}
    asked = await stage.slack.submit(ALICE, {"reason": "Month end", **more})
    assert asked.ok, asked.errors
    await stage.slack.until(lambda: stage.slack.channel_messages(CHANNEL))
    await stage.quiet()
    request = stage.request()
    order = opened(request)
    (card,) = stage.slack.channel_messages(CHANNEL)
    assert request.operation == name
    assert order.warning() in str(card.blocks)
    await _carried_out(stage, card.ts)

    mailings = tuple(stage.store.mailings.of(1))
    listed = frozenset(each.number for each in stage.store.listed.page(1, 0, 100)[0])
    assert Done(order, mailings, listed, before, Picture.of(world)).complaints() == []
    assert len(effects_of(stage.zuora)) - orders == len(order.subjects())
    assert order.ended_well() in stage.card(card.ts)
    assert order.result(stage.store.calls.of(1)).endswith(".")
    assert stage.findings() == (), "audit/expected.py: orders() and summed()"
    month = (await stage.slack.slash(ALICE, CHANNEL, "/billstatus month")).text
    assert f"{'1' if order.counted_as else 'Documents'} {order.deed}" in month, COUNTED_AS


async def _open(stage, wanted):
    typed = await stage.slack.slash(ALICE, CHANNEL, wanted.command)
    assert typed.ok
    if wanted.step:
        shown = stage.slack.private(ALICE, CHANNEL)[-1]
        await stage.slack.click(ALICE, CHANNEL, shown.ts, wanted.step)
    assert stage.slack.view(ALICE)["callback_id"] == OPERATIONS[wanted.operation].form


async def _carried_out(stage, ts):
    """What goes on after the answer, and mails, take their time."""
    await stage.press(BOB, ts)
    await stage.quiet()
    if stage.request().state is State.SUCCEEDED:
        assert not Picture.of(stage.zuora.world).at_work(), "Zuora goes on: make it `Followed`"
    for _ in range(20):
        await stage.pass_time(seconds=10)
    request = stage.request()
    answers = [call.words for call in stage.store.calls.of(request.number)]
    assert request.state is State.SUCCEEDED, f"{answers} {request.progress}"
    stage.zuora.world.agenda.advance(stage.clock.now())


def effects_of(zuora):
    """The calls that did something, of all that reached Zuora."""
    return [call for call in zuora.calls if reckoning.is_effect(call)]
