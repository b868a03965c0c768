"""Zuora's official SDK judges every path, header, query and body that the bot sends, and every answer.

Each operation is asked for with each of its fields, and each word of the one line, through the front
door; what reached the local Zuora is written to a file, and the SDK reads it in its own environment.
"""

import asyncio
import inspect
import json
import re
import subprocess
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from bot.sandbox.zuora.world import PROFILE_ID
from bot.slack.one_line_words import SETTERS
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraRefused
from bot.zuora.memos import NUMBER
from bot.zuora.rows import Here
from tests.needs import needs
from tests.stage import ALICE, BOB, CARLA, CHANNEL, START

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".sdk" / "bin" / "python"
pytestmark = needs(
    "zuora-sdk",
    PYTHON.exists() and (ROOT / ".sdk" / ".ready").exists(),
    "`make .sdk/.ready` installs it. Nothing was judged by Zuora's own SDK.",
)

EUROPE, AMERICA = "11e6ba62b31d7c1db23700163e000001", "11e6ba62b31d7c1db23700163e000002"
PDF = "162297b6f8d94edc81373f6037af76fa"
LINES = (
    (
        "batch=Batch1,Batch2 billCycleDay=5 target=2026-11-30 invoice=2026-11-30 name=November "
        "exclude=Usage,OneTime autoPost=yes autoEmail=yes autoRenewal=yes noZeroMail=yes "
        "includeOrderLineItems=no type=Regular"
    ),
    "batch=all target=2026-11-30 includeSubscriptions=no",
    "account=A1 target=2026-11-30 autoPost=yes",
    "subscriptions=S-1,S-2 target=2026-11-30",
    "account=A1 repeat=None from=2026-12-01 hour=3",
    "batch=Batch1 billCycleDay=AsRunDay repeat=Daily from=2026-12-01 to=2026-12-31 hour=0",
    "batch=Batch1 repeat=Weekly from=2026-12-01 hour=6 days=Mon,Fri target=2026-12-31",
    (
        "batch=Batch1 repeat=Monthly from=2026-12-31 hour=6 endOfMonth=yes targetMonths=0 targetDay=31 "
        "invoiceMonths=1 invoiceDay=1"
    ),
    "account=A1 target=2026-11-30 type=CatchUp",
)
PROFILES = "/settings/communication-profiles"
NOT_NAMED = {
    f"no setting {PROFILES}",
    f"no setting {PROFILES}/{PROFILE_ID}/notifications",
    "InvoicesApi.get_invoice, answer 200: reversed: Extra inputs are not permitted (False)",
}
"""What the SDK does not name: settings, which *Settings API tutorials* has and whose headers are judged, and
whether an invoice is reversed, which Zuora's OpenAPI document has of a single one too."""

FILES = re.compile(r"GET /v1/(credit|debit)-memos/[^/]+/files: no such method and path")
"""The SDK names the upload of a memo's file alone; *List all files of a credit memo* has the reading."""

ELSEWHERE = {"reason", "entity", "org", "organizations"}
"""Words that are not in the body, or that another test has."""


async def carried_out(stage, ts):
    await stage.press(BOB, ts)
    await stage.press(CARLA, ts)
    await stage.quiet()
    await stage.pass_time(minutes=3)


async def asked(stage, line):
    before = len(stage.slack.channel_messages(CHANNEL))
    ack = await stage.slack.slash(ALICE, CHANNEL, f"/billrun {line} reason=x")
    assert ack.ok, ack.text
    await stage.slack.until(
        lambda: len(stage.slack.channel_messages(CHANNEL)) > before or "Nothing" in ack.text
    )
    return stage.slack.channel_messages(CHANNEL)[-1].ts


@pytest.fixture(scope="module")
def judge():
    """What judges exchanges in the SDK's own environment; importing the SDK takes five seconds of a processor."""
    file = Path(__file__).with_name("judge.py")
    with subprocess.Popen(  # noqa: S603 - the project's own file
        [PYTHON, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        asks, answers = process.stdin, process.stdout
        assert asks
        assert answers

        def answer(exchanges):
            print(json.dumps(exchanges, default=str), file=asks, flush=True)
            return json.loads(answers.readline())

        yield answer
    assert process.returncode == 0


async def judged(stage, judge):
    """What the SDK says of everything that reached the local Zuora."""
    exchanges = [
        {
            "method": call.method,
            "path": call.raw_path,
            "headers": sorted(call.headers),
            "query": [name for name, _ in parse_qsl(call.query)],
            "body": call.body,
            "status": call.status,
            "answer": call.answer,
        }
        for call in stage.zuora.calls
    ]
    paths = {exchange["path"] for exchange in exchanges}
    assert {"/oauth/token", "/settings/billing-rules"} & paths
    found = await asyncio.to_thread(judge, exchanges)
    shown = {
        each["words"] for each in found if not FILES.fullmatch(f"{each['call']}: {each['words']}")
    }
    return sorted(shown - NOT_NAMED)


def test_every_word_of_the_line_is_in_one_of_the_lines():
    words = {part.partition("=")[0] for line in LINES for part in line.split()}

    assert words | ELSEWHERE == set(SETTERS)
    assert any("type=CatchUp" in line for line in LINES)


async def test_every_new_run_is_one_for_the_sdk_too(stage, judge):
    world = stage.zuora.world
    stage.zuora.knobs = replace(stage.zuora.knobs, catch_up=True)
    world.add_account("A1", batch="Batch1")
    for number in ("S-1", "S-2"):
        world.add_subscription("A1", number=number)

    for line in LINES:
        await carried_out(stage, await asked(stage, line))

    made = [
        call for call in stage.zuora.calls if (call.method, call.path) == ("POST", "/v1/bill-runs")
    ]
    assert len(made) == len(LINES)
    assert made[-1].body["billRunType"] == "CatchUp"
    assert await judged(stage, judge) == []


async def test_everything_that_is_done_to_a_run_is_known_to_the_sdk(stage, judge):
    world = stage.zuora.world
    for number in ("BR-00000002", "BR-00000003"):
        world.add_bill_run(number, status="Completed", invoices=[("A1", "USD", "5.00")])

    await carried_out(stage, await stage.ask())
    await carried_out(stage, await stage.ask(resend=["yes"]))
    await carried_out(
        stage, await stage.ask_step("post_bill_run", "BR-00000002", invoice_date="2026-11-30")
    )
    await carried_out(stage, await stage.ask_step("cancel_bill_run", "BR-00000003"))

    assert await judged(stage, judge) == []


async def test_every_mail_of_a_document_is_one_for_the_sdk_too(stage, judge):
    """The page *Email a debit memo* spells the path `debitmemos`, the SDK `debit-memos`."""
    stage.changes = {"zuora_debit_memo_path": "debit-memos", "zuora_gzip": True}
    await stage.restart()
    kinds = {"invoice": "GH/", "debit_memo": "DM0000000", "credit_memo": "CM0000000"}
    for kind, prefix in kinds.items():
        for each in range(1, 4):
            stage.zuora.world.add_document(kind, "A1", "USD", "12.00", number=f"{prefix}{each}")
    addresses = {"email_addresses": "a@example.com, b@example.com"}

    for each, recipients in enumerate(("template", "bill_to", "addresses"), 1):
        for prefix in kinds.values():
            await stage.open_form(text=f"{prefix}{each}")
            await stage.slack.choose(ALICE, "form:recipients", recipients)
            await stage.slack.until(lambda: _chosen(stage) == recipients)  # noqa: B023 - at once
            more = addresses if recipients == "addresses" else {}
            values = {"reason": "x", "additional": ["yes"], **more}
            submitted = await stage.slack.submit(ALICE, values)
            assert submitted.ok, submitted.errors
            await stage.quiet()
            await carried_out(stage, stage.slack.channel_messages(CHANNEL)[-1].ts)

    assert len(stage.orders()) == 9
    assert await judged(stage, judge) == []


def _chosen(stage):
    return next(
        block["element"]["initial_option"]["value"]
        for block in stage.slack.view(ALICE)["blocks"] if block.get("block_id") == "recipients"
    )  # fmt: skip


async def test_a_pdf_file_of_a_memo_is_one_for_the_sdk_too(stage, judge):
    stage.changes = {"zuora_debit_memo_path": "debit-memos"}
    await stage.restart()
    for kind, number in (("debit_memo", "DM-1"), ("credit_memo", "CM-1")):
        memo = stage.zuora.world.add_document(kind, "A1", "USD", "12.00", number=number)
        memo.pdf_file_id = PDF
        await carried_out(stage, await stage.ask(text=number, pdf_file_id=PDF))

    assert [call.body["pdfFileId"] for call in stage.orders()] == [PDF, PDF]
    assert await judged(stage, judge) == []


READS = {
    "says_the_time": (), "check": (), "answers": (), "bill_run": ("BR-00000001",),
    "bill_run_state": ("RUN",), "bill_runs": (), "mailed_invoices": (START,),
    "run_with_documents": ("BR-00000001",), "documents_of_run": ("BR-00000001",),
    "document": ("invoice", "GH1"), "documents_for_mail": ("credit_memo", ("CM-1", "CM-2")),
    "what_are": (("GH1", "DM-1", "CM-1", "BR-00000001", "A1", "S-1", "none"),), "account": ("A1",),
    "subscription": ("S-1",), "has_organizations": (), "accounts_in_batches": (("Batch1",), "5"),
    "billing_rules": (), "mail_profiles": (), "mail_notifications": (),
    "pdf_statuses": ("debit_memo", ("DM-1",)), "pdf_files": ("credit_memo", "CM-1"),
    "email_history": ("INVOICE", START), "mails_at": ("INVOICE", START, Here(now=START)),
    "mails_of_memos": (START, START + timedelta(days=1), Here(now=START)),
    "memos": (NUMBER, ("CM-1", "DM-1")), "billing_preview": ("ACCOUNT", START.date()),
}  # fmt: skip
"""Everything that the client reads, with what it is asked for."""

OF_AN_ESTIMATE = {"begin_preview_run", "preview_run", "preview_totals"}
"""Runs by batch have them above."""

WAITS = {"soon"}
"""Waits for others, and reads nothing itself."""


def test_everything_that_the_client_reads_is_judged():
    methods = inspect.getmembers(ZuoraClient, inspect.iscoroutinefunction)

    assert {name for name, _ in methods if name[0] != "_"} == set(READS) | OF_AN_ESTIMATE | WAITS


@pytest.mark.parametrize("refused", [False, True])
async def test_everything_that_is_read_is_known_to_the_sdk(stage, judge, refused):
    """Also where Zuora refuses the filters or knows no such thing."""
    stage.changes = {"zuora_debit_memo_path": "debit-memos"}
    await stage.restart()
    world = stage.zuora.world
    stage.zuora.knobs = replace(stage.zuora.knobs, strict_index=refused)
    world.add_account("A1", batch="Batch1", bill_cycle_day=5)
    world.add_subscription("A1", number="S-1")
    for kind, number in (
        ("invoice", "GH1"),
        ("debit_memo", "DM-1"),
        ("credit_memo", "CM-1"),
        ("credit_memo", "CM-2"),
    ):
        world.add_document(kind, "A1", "USD", "12.00", number=number)
    names = {
        "RUN": world.bill_runs["BR-00000001"].id, "INVOICE": world.invoices["GH1"].id,
        "ACCOUNT": world.accounts["A1"].id,
    }  # fmt: skip
    if refused:
        names |= dict.fromkeys(("GH1", "CM-1", "S-1", "A1"), "none")
    client = stage.bot.parts.tenancy.zuora

    for name, given in READS.items():
        asked = [names.get(each, each) if isinstance(each, str) else each for each in given]
        with suppress(ZuoraRefused):
            await getattr(client, name)(*asked)

    assert await judged(stage, judge) == []


async def test_what_zuora_refuses_is_refused_as_the_sdk_knows_it(stage, judge):
    stage.zuora.knobs = replace(stage.zuora.knobs, auto_post_rule=False, settings_allowed=False)
    stage.zuora.world.add_account("A1")
    await carried_out(stage, await asked(stage, "account=A1 target=2026-11-30 autoPost=yes"))
    ts = await stage.ask()
    stage.zuora.world.bill_runs["BR-00000001"].status = "Canceled"
    await carried_out(stage, ts)

    assert await judged(stage, judge) == []


async def test_entities_organizations_and_lookups_are_known_to_the_sdk(stage, judge):
    for entity in (EUROPE, AMERICA):
        world = stage.zuora.add_entity(entity)
        world.add_account("A1")
        for number in range(8):
            world.add_invoice("A1", "USD", "5.00", number=f"GH{number}")
    stage.changes = {"zuora_entity_ids": f"{EUROPE},{AMERICA}", "zuora_org_ids": "o1"}
    await stage.restart()
    numbers = ", ".join(f"GH{number}" for number in range(8))

    ack = await stage.slack.slash(
        ALICE,
        CHANNEL,
        f"/billrun account=A1 target=2026-11-30 organizations=o1 entity={EUROPE} reason=x",
    )
    assert ack.ok
    submitted = await stage.fill(text="INV1", documents=numbers, entity=EUROPE)
    assert submitted.ok, submitted.errors
    await stage.quiet()

    assert await judged(stage, judge) == []
