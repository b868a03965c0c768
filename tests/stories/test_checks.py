"""What the bot checked: how many checks passed stands on the card, each with its result in *Details*."""

import json
from dataclasses import replace

import pytest

from bot.cards.card import card
from bot.domain.check import Result, check, counted
from bot.operations.catalog import opened
from tests.gallery import line
from tests.stage import BOB

SEEN = "seen by the bot: "
TEN = [
    "state", "count", "amounts", "posted", "mailed before", "mails by itself", "fit to send",
    "mail addresses", "notifications", "PDFs",
]  # fmt: skip
"""What is checked before a bill run is mailed; other requests are compared besides, as they are now."""


def seen(stage, ts):
    """What the card says of the checks; empty if it says nothing."""
    return next((e.partition(SEEN)[2] for e in stage.card(ts).splitlines() if SEEN in e), "")


def results(stage, number=1):
    """The stored checks by their names."""
    return {each.name: each.result for each in opened(stage.request(number)).facts.checked}


async def line_of(stage, ts, name):
    """The line of a check in *Details*."""
    said = await stage.details(ts)
    return next(each for each in said.splitlines() if each[2:].startswith(f"{name}: "))


async def test_where_all_is_well_the_card_says_how_many_checks_passed_and_details_name_each(stage):
    ts = await stage.ask()

    assert results(stage) == dict.fromkeys(TEN, Result.PASSED)
    assert seen(stage, ts) == "11 checks passed"
    details = await stage.details(ts)
    assert "Seen by the bot: 11 checks passed" in details
    for name in (*TEN, "other requests"):
        assert f"\n✓ {name[:1].upper()}{name[1:]}: " in details
    assert "Count: Zuora counts 5 documents in BR-00000001, and lists as many" in details
    assert "Posted: all 5 documents are posted" in details
    assert (
        "Mailed before: Zuora shows no mail date of any of the 5 documents, and its mail history lists no mail of these in the last day"
        in details
    )


async def test_what_a_check_finds_is_the_warning_and_counts_as_not_passed(stage):
    stage.zuora.world.accounts["A00000002"].bill_to.work_email = None
    stage.zuora.world.invoices[next(iter(stage.zuora.world.invoices))].reversed = True

    ts = await stage.ask()

    assert seen(stage, ts) == "9 of 11 checks passed"
    assert "⚠: " in stage.card(ts)
    assert "⚠ Fit to send: INV00000001 was reversed" in await stage.details(ts)
    assert (await line_of(stage, ts, "Mail addresses")).startswith("⚠ ")


def _hide(name):
    def hide(world):
        next(iter(world.invoices.values())).hides = frozenset({name})

    return hide


def _hide_of_run(*names):
    def hide(world):
        world.bill_runs["BR-00000001"].hides = frozenset(names)

    return hide


HIDDEN = {
    "amounts": _hide("amount"),
    "mailed before": _hide("lastEmailSentDate"),
    "fit to send": _hide("reversed"),
    "count": _hide_of_run("numberOfInvoices"),
    "mails by itself": _hide_of_run("autoPost", "autoEmail"),
}


@pytest.mark.parametrize("name", HIDDEN)
async def test_what_zuora_does_not_say_is_never_passed_and_is_named_on_the_card(stage, name):
    HIDDEN[name](stage.zuora.world)

    ts = await stage.ask()

    assert results(stage) == {**dict.fromkeys(TEN, Result.PASSED), name: Result.NOT_KNOWN}
    assert seen(stage, ts) == f"10 of 11 checks passed, not known: {name}"
    assert f"? {name[:1].upper()}{name[1:]}: not known: " in await stage.details(ts)


async def test_what_the_bot_may_not_read_is_not_known(stage):
    stage.zuora.knobs = replace(stage.zuora.knobs, settings_allowed=False)

    ts = await stage.ask()

    not_known = "mails by itself, notifications and PDFs"
    assert seen(stage, ts) == f"8 of 11 checks passed, not known: {not_known}"


@pytest.mark.parametrize(
    ("knobs", "name"),
    [
        ({"muted": True}, "notifications"),
        ({"attach_pdf": False}, "PDFs"),
    ],
)
async def test_mails_that_may_stay_out_or_go_without_pdf_are_found(stage, knobs, name):
    stage.zuora.knobs = replace(stage.zuora.knobs, **knobs)

    ts = await stage.ask()

    assert results(stage)[name] is Result.FOUND
    assert "⚠: " in stage.card(ts)


async def test_a_pdf_that_could_not_be_made_is_found_and_stands_in_the_warning(stage):
    document = next(iter(stage.zuora.world.invoices.values()))
    document.pdf_status = "Error"

    ts = await stage.ask()

    assert results(stage)["PDFs"] is Result.FOUND
    assert f"Zuora could not make the PDF of {document.number}" in stage.card(ts)


async def test_other_requests_are_compared_as_they_are_now(stage):
    first = await stage.ask()
    assert seen(stage, first) == "11 checks passed"

    second = await stage.ask()
    await stage.quiet()

    for ts in (first, second):
        assert seen(stage, ts) == "10 of 11 checks passed"
        assert "⚠ Other requests: R-" in await stage.details(ts)


async def test_each_operation_says_what_it_checked(stage):
    world = stage.zuora.world
    world.add_account("A1", batch="Batch1")
    world.add_bill_run("BR-00000002", status="Completed", invoices=[("A1", "USD", "1.00")])
    post = await stage.ask_step("post_bill_run", "BR-00000002")
    cancel = await stage.ask_step("cancel_bill_run", "BR-00000002")
    memo = world.add_credit_memo("A00000001", "USD", "10.00")
    mail = await stage.ask(text=memo.number)
    create = await line(stage, "batch=Batch1 target=2026-11-30 autoPost=yes autoEmail=yes")

    assert seen(stage, post) == "5 checks passed"
    assert seen(stage, cancel) == "6 checks passed"
    assert seen(stage, mail) == "9 checks passed"
    assert seen(stage, create) == "8 checks passed"
    assert "✓ Other runs: " in await stage.details(create)


async def test_a_decided_card_claims_no_checks_and_details_keep_them(stage):
    ts = await stage.ask()

    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    assert seen(stage, ts) == ""
    assert "Seen by the bot when it was asked for: 10 checks passed" in await stage.details(ts)


async def test_a_request_of_before_checks_were_kept_says_nothing_of_them(stage):
    await stage.ask()
    request = stage.request()
    before = {name: e for name, e in json.loads(request.facts).items() if name != "checked"}

    shown = card(replace(request, facts=json.dumps(before)))

    assert SEEN not in shown.text
    assert "asked by" in shown.text


def test_what_is_found_comes_before_what_is_not_known():
    made = check("PDFs", "all there", found="1 failed", not_known="2 not read")

    assert made == ("PDFs", Result.FOUND, "1 failed; 2 not read")
    assert counted([made]) == "0 of 1 check passed"
    assert counted([]) == ""
