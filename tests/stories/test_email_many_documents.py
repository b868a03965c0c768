"""Hundreds of emails side by side: each its own call and result, whatever happens in between."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from bot.domain.authority import Person
from bot.operations.catalog import OPERATIONS
from bot.workflow.ask import ask as asking
from bot.workflow.ready import Asker
from bot.workflow.sending import A_FEW
from tests.postgres import only_sqlite
from tests.stage import ALICE, BOB, CARLA, CHANNEL, MARA

MAILS = "/v1/invoices/*/emails"


def add_invoices(stage, number):
    """So many posted invoices of ten accounts, in two currencies; their numbers."""
    world = stage.zuora.world
    return [
        world.add_invoice(f"A000001{i % 10:02d}", "EUR" if i % 10 == 0 else "USD", f"{i}.10").number
        for i in range(1, number + 1)
    ]


async def ask(stage, numbers, **values):
    """Ask for these and approve; the card's `ts`."""
    ts = await stage.ask(text=" ".join(numbers), **values)
    await stage.press(BOB, ts)
    return ts


def ended(stage, number=1):
    return stage.request(number).state in ("succeeded", "failed", "unknown")


def refuse(stage, numbers, message="The bill-to contact is missing."):
    for number in numbers:
        stage.zuora.faults.add(
            f"/v1/invoices/{number}/emails", kind="http200_failure", category=30, message=message
        )


def orders_of(stage):
    """How often each document was ordered to be mailed."""
    return Counter(order.path.split("/")[3] for order in stage.orders())


def all_arrived(stage):
    """Whether Zuora has received every call that is written down as sent."""
    sent = sum(1 for call in stage.store.calls.of(1) if call.tries)
    return sent == len(stage.orders())


def progress_gaps(stage):
    """Seconds between two edits of the progress message, the last one, with the end, too."""
    times = [
        call.time for call in stage.slack.calls
        if call.method in ("chat.postMessage", "chat.update")
        and str(call.args.get("text", "")).startswith(("▰", "▱"))
    ]  # fmt: skip
    return [(b - a).total_seconds() for a, b in pairwise(times)]


async def test_five_hundred_each_get_their_own_result_whatever_happens_in_between(stage):
    numbers = add_invoices(stage, 500)
    refused = [numbers[7], numbers[250], numbers[499]]
    refuse(stage, refused)
    stage.zuora.knobs = replace(stage.zuora.knobs, rate_headers=False, concurrency_limit=12)
    stage.zuora.faults.add(MAILS, kind="too_many", times=2, after=200, retry_after=30)
    stage.zuora.faults.add(MAILS, kind="conflict", times=2, after=300)
    stage.zuora.faults.add(MAILS, kind="slow", seconds=6, times=None)
    ts = await ask(stage, numbers)
    widths = set()

    def done():
        widths.add(stage.bot.parts.tenancy.zuora.width)
        return ended(stage)

    await stage.as_time_passes(done, seconds=180)
    await stage.quiet()

    calls = {call.subject: call for call in stage.store.calls.of(1)}
    assert sorted(calls) == sorted(numbers)
    assert {n for n, call in calls.items() if call.verdict == "rejected"} == set(refused)
    assert {call.verdict for n, call in calls.items() if n not in refused} == {"accepted"}
    keys: dict[str, set[str]] = {}
    for order in stage.orders():
        keys.setdefault(order.headers["idempotency-key"], set()).add(order.path)
    assert all(len(paths) == 1 for paths in keys.values())
    stage.clock.advance(minutes=10)
    mailed = Counter(mail.document for mail in stage.zuora.mails)
    assert mailed == Counter(n for n in numbers if n not in refused)
    assert any(order.status == 429 for order in stage.orders())
    assert max(widths) > 12
    assert stage.bot.parts.tenancy.zuora.width <= 13
    assert "3 of 500 failed: email 500 invoices" in stage.card(ts)
    assert "Result: 497 of 500 mails accepted by Zuora, 3 refused." in stage.card(ts)
    assert min(progress_gaps(stage)) >= 3


async def test_what_was_refused_is_listed_and_asked_for_again(stage):
    numbers = add_invoices(stage, 30)
    refused = numbers[3:6]
    refuse(stage, refused)
    ts = await ask(stage, numbers, recipients="bill_to", additional=["yes"])
    await stage.until_card(ts, "3 of 30 failed")
    listed = next(m for m in stage.slack.thread(CHANNEL, ts) if "Documents of R-1: " in m.text)
    assert all(number in listed.text for number in refused)

    await stage.slack.click(MARA, CHANNEL, listed.ts, "again")
    await stage.until_private(MARA, "You may not ask for billing operations")
    assert stage.buttons(ts) == ["again", "details"]
    await stage.slack.click(ALICE, CHANNEL, ts, "again")
    blocks = {block.get("block_id"): block for block in stage.slack.view(ALICE)["blocks"]}
    assert blocks["documents"]["element"]["initial_value"].split() == refused
    assert blocks["recipients"]["element"]["initial_option"]["value"] == "bill_to"
    assert blocks["additional"]["element"]["initial_options"][0]["value"] == "yes"
    submitted = await stage.slack.submit(ALICE, {"reason": "Once more"})
    assert submitted.ok, submitted.errors
    await stage.quiet()

    second = stage.request(2)
    assert second.parent == 1
    await stage.pass_time(seconds=3)  # behind the last edit of the progress
    assert "Asked again: as R-2" in stage.card(ts)
    assert stage.buttons(ts) == ["details"]  # it was asked for: nothing stale is left
    card = stage.slack.channel_messages(CHANNEL)[-1].ts
    await stage.press(BOB, card)
    await stage.until_card(card, "Accepted by Zuora: email 3 invoices")
    assert sorted(call.subject for call in stage.store.calls.of(2)) == refused


async def test_a_forged_again_opens_nothing(stage):
    ts = await stage.ask()

    await stage.slack.click(ALICE, CHANNEL, ts, "again", value="1", force=True)
    await stage.until_private(ALICE, "nothing to ask for again")
    await stage.slack.click(ALICE, CHANNEL, ts, "again", value="999", force=True)
    await stage.quiet()

    assert stage.slack.view(ALICE) is None


async def test_many_refusals_are_a_file_that_no_spreadsheet_runs(stage):
    world = stage.zuora.world
    world.add_account("=cmd|calc", name="`x` =1+1")
    world.add_account("A00000200")
    numbers = [world.add_invoice("=cmd|calc", "USD", "1.00").number for _ in range(30)]
    numbers.append(world.add_invoice("A00000200", "USD", "1.00").number)
    refuse(stage, numbers[:28], "=cmd|calc <!channel>")

    ts = await ask(stage, numbers, recipients="bill_to")
    await stage.until_card(ts, "28 of 31 failed")
    await stage.quiet()

    files = stage.slack.workspace.files
    contents = [
        files[file].content.decode() for m in stage.slack.thread(CHANNEL, ts) for file in m.files
    ]
    assert len(contents) == 1
    cells = [
        cell for content in contents for line in content.splitlines() for cell in line.split(",")
    ]
    assert cells
    assert not [cell for cell in cells if cell.strip('"')[:1] in "=+-@"]
    assert any("'=cmd|calc" in content for content in contents)
    assert "again" in [
        element["action_id"]
        for message in stage.slack.thread(CHANNEL, ts)
        for block in message.blocks if block["type"] == "actions"
        for element in block["elements"]
    ]  # fmt: skip


@pytest.mark.never_repeated
async def test_a_crash_in_the_middle_of_sixty_sends_each_once(stage):
    numbers = add_invoices(stage, 60)
    stage.zuora.faults.add(MAILS, kind="hang", times=3, after=25)
    ts = await ask(stage, numbers)
    await stage.until(lambda: len(stage.orders()) >= 30 and all_arrived(stage))
    stage.bot.runner._held[1].cancel()  # the process dies with calls under way

    await stage.restart()
    await stage.as_time_passes(lambda: ended(stage), step=0.25)

    assert set(orders_of(stage).values()) == {1}
    lost = [call for call in stage.store.calls.of(1) if call.verdict == "lost"]
    assert 3 <= len(lost) < 60
    await stage.until_card(ts, f"OUTCOME UNKNOWN for {len(lost)} of 60")
    for _ in range(6):
        await stage.pass_time(minutes=1)
    await stage.until_card(ts, "Accepted by Zuora: email 60 invoices")
    assert orders_of(stage) == Counter(numbers)


@only_sqlite
async def test_few_calls_are_written_down_as_sent_before_they_go_out(stage):
    written = [set[str]()]

    def note(statement):
        if statement == "COMMIT":
            written.append(set())
        elif statement.startswith("INSERT INTO history") and "'call.sent'" in statement:
            written[-1].add(statement)

    numbers = add_invoices(stage, 60)
    stage.store._database.conn.set_trace_callback(note)
    ts = await ask(stage, numbers)
    await stage.until_card(ts, "Accepted by Zuora: email 60 invoices")

    assert sum(map(len, written)) == 60
    assert max(map(len, written)) == A_FEW


async def test_a_stop_in_the_middle_of_sixty_loses_nothing_and_goes_on(stage):
    numbers = add_invoices(stage, 60)
    stage.zuora.knobs = replace(
        stage.zuora.knobs, object_query_concurrency_limit=4, latency={MAILS: 0.01}
    )
    ts = await ask(stage, numbers)
    await stage.until(lambda: len(stage.orders()) >= 10)

    await stage.stop()
    sent_before = len(stage.orders())
    assert sent_before < 60
    await stage.start()
    await stage.as_time_passes(lambda: ended(stage), step=0.25)

    await stage.until_card(ts, "Accepted by Zuora: email 60 invoices")
    assert orders_of(stage) == Counter(numbers)
    assert {call.tries for call in stage.store.calls.of(1)} == {1}


@pytest.mark.never_repeated
async def test_lost_answers_leave_the_others_alone_and_are_settled_by_reading(stage):
    numbers = add_invoices(stage, 60)
    for number in numbers[20:22]:
        stage.zuora.faults.add(f"/v1/invoices/{number}/emails", kind="lose_answer")
    stage.zuora.faults.add(f"/v1/invoices/{numbers[40]}/emails", kind="drop")
    ts = await ask(stage, numbers)
    await stage.until_card(ts, "OUTCOME UNKNOWN for 3 of 60")

    lost = [call.subject for call in stage.store.calls.of(1) if call.verdict == "lost"]
    assert lost == [*numbers[20:22], numbers[40]]
    for _ in range(14):
        await stage.pass_time(minutes=10)
    await stage.until_thread(ts, "Zuora shows 2 of the mails whose answer was lost; 1 is left.")
    await stage.until_card(ts, "OUTCOME UNKNOWN for 1 of 60")
    await stage.record(CARLA, ts, "record_not_sent")
    await stage.until_card(ts, "1 of 60 failed")

    assert "59 of 60 mails accepted by Zuora, 1 refused." in stage.card(ts)
    assert orders_of(stage) == Counter(numbers)


async def test_one_document_of_many_that_changed_stops_them_all(stage):
    numbers = add_invoices(stage, 40)
    ts = await stage.ask(text=" ".join(numbers))
    stage.zuora.world.invoices[numbers[20]].status = "Canceled"

    await stage.press(BOB, ts)

    await stage.until_card(ts, "Stopped. Nothing was sent")
    assert f"{numbers[20]} is Canceled" in stage.thread(ts)[-1]
    assert stage.orders() == []


async def test_zuora_down_in_the_middle_waits_and_says_what_went_out(stage):
    numbers = add_invoices(stage, 40)
    stage.zuora.faults.add(MAILS, kind="too_many", times=None, after=20, retry_after=30)
    ts = await ask(stage, numbers)
    await stage.until_thread(ts, "Zuora is busy")

    assert any("20 of 40 went out" in text for text in stage.thread(ts))
    assert stage.request().state == "running"
    stage.zuora.faults.clear()
    await stage.as_time_passes(lambda: ended(stage), step=0.25)

    await stage.until_card(ts, "Accepted by Zuora: email 40 invoices")
    accepted = Counter(o.path.split("/")[3] for o in stage.orders() if o.status == 200)
    assert accepted == Counter(numbers)


async def test_the_largest_are_on_the_card_and_all_in_the_details_and_none_in_the_thread(stage):
    numbers = add_invoices(stage, 40)
    invoices = stage.zuora.world.invoices
    of_currency = Counter(invoices[number].currency for number in numbers)

    ts = await stage.ask(text=" ".join(numbers))
    await stage.quiet()

    assert "Largest: " in stage.card(ts)
    assert [each for each in stage.thread(ts) if "largest" in each] == []
    rows = [each for each in (await stage.details(ts)).splitlines() if each.startswith("INV")]
    assert Counter(row.split(" · ")[2][:3] for row in rows) == of_currency
    assert len(of_currency) == 2
    assert all(" · bill-to at " in row for row in rows)


async def test_an_open_request_for_some_of_the_same_documents_is_shown(stage):
    numbers = add_invoices(stage, 12)
    await stage.ask(text=" ".join(numbers[:6]))
    await stage.ask(text=" ".join(numbers[6:]))

    ts = await stage.ask(text=" ".join(numbers[5:10]))
    await stage.quiet()

    said = [text for text in stage.thread(ts) if "also open" in text]
    assert said == [
        f"R-1 (email invoice) is also open for {numbers[5]}.",
        f"R-2 (email invoice) is also open for {', '.join(numbers[6:9])} and 1 more.",
    ]


async def test_the_request_whose_place_a_changed_one_takes_is_not_shown_as_open(stage):
    await stage.ask()
    await stage.ask(user=ALICE)
    person = Person(user_id=ALICE, team_id="T0SANDBOX", memberships={"S0BILLING": True})
    asker = Asker(person=person, form_id="changed", reason="Another reason", parent=1)

    wanted = [(OPERATIONS["email_bill_run"], {"bill_run": "BR-00000001"})]
    await asking(stage.bot.parts, wanted, asker)
    await stage.quiet()

    assert stage.request(1).state == "withdrawn"
    ts = stage.slack.channel_messages(CHANNEL)[-1].ts
    assert [text for text in stage.thread(ts) if "also open" in text] == [
        "R-2 (email bill run) is also open for BR-00000001."
    ]
    assert "R-2 asks to mail" in stage.card(ts)
    assert "R-1 asks to mail" not in stage.card(ts)


async def test_while_zuora_is_down_five_hundred_documents_are_not_waited_for_one_by_one(stage):
    numbers = add_invoices(stage, 500)
    stage.zuora.faults.down = True
    before = len(stage.zuora.calls)
    submitted = await stage.fill_as_time_passes(text=" ".join(numbers))

    assert "Zuora did not answer (" in submitted.errors["documents"]
    assert len(stage.zuora.calls) - before < 100
