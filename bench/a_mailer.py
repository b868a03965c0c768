"""Mails a number of invoices and reports how long it took.

`client`: by the Zuora client alone. `types`: the same without httpx2's own client. `runner`: by the bot's own way, from planned calls in the
database to the last answer written.
"""

import asyncio
import sys
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from bench.by_types import ByTypes
from bench.otherwise import set_constants
from bench.watch import Watch, say
from bot.cli.clock import SystemClock
from bot.cli.pauses import give_back_only_long_texts, keep_pauses_short
from bot.domain.call import Call, track_id
from bot.domain.clock import Clocks
from bot.domain.digest import canonical
from bot.domain.history import Entry, What
from bot.domain.next_step import Pauses
from bot.domain.operation import Deed
from bot.domain.place import Places
from bot.domain.policy import Policy, Rule
from bot.domain.request import Request, State
from bot.operations.email_documents.document import MailDocument
from bot.operations.email_documents.facts import EmailDocumentsFacts
from bot.operations.email_documents.operation import EmailInvoices
from bot.operations.email_documents.reading import EmailDocumentsBody
from bot.store.store import Store
from bot.workflow.guard import Guard
from bot.workflow.parts import Bells, Parts
from bot.workflow.rules import Rules
from bot.workflow.runner import Runner
from bot.workflow.tenancy import Admission, Tenancy
from bot.zuora.client import CallerSettings, Login, ZuoraClient, http_client
from bot.zuora.effects import EmailBody
from bot.zuora.errors import ZuoraBusy

A_REQUEST = 500
CALLERS = 40
APART = 0.0005  # seconds
A_RUN = "1" * 32
CLOCK = SystemClock()


async def by_the_client(zuora: ZuoraClient, number: int) -> None:
    """Forty callers, as the SDK has threads; the client's own gate holds them back.

    They begin one after the other, as threads do, and as the bot begins its calls.
    """
    body = EmailBody(
        email_addresses=(), include_additional_email_addresses=False,
        use_email_template_setting=True, pdf_file_id="",
    )  # fmt: skip
    line = iter(range(number))

    async def mail(at: int) -> None:
        while True:
            try:
                await zuora.email_document(
                    "invoice",
                    f"INV{at:08}",
                    body,
                    track_id=f"bench.{at}",
                    idempotency_key=f"bench:{at}",
                )
            except ZuoraBusy as busy:  # not done: it is tried again
                await asyncio.sleep(busy.retry_after or 0.05)
            else:
                return

    async def call(after: float) -> None:
        await asyncio.sleep(after)
        for at in line:
            await mail(at)

    await asyncio.gather(*(call(place * APART) for place in range(CALLERS)))


async def by_the_runner(zuora: ZuoraClient, number: int, file: Path) -> None:
    """Requests that are approved and planned, carried out by the runner to their end."""
    store = Store.open(file)
    rung = asyncio.Event()
    parts = _parts(store, zuora, rung)
    numbers = [_planned(parts, first, number) for first in range(0, number, A_REQUEST)]
    runner = Runner(parts)
    task = asyncio.create_task(runner.run())
    started, used = time.perf_counter(), time.process_time()
    while store.status.numbers_in_state(State.RUNNING, 1):
        await rung.wait()
        rung.clear()
    _report(started, used, number)
    found = [store.requests.get(each) for each in numbers]
    if any(each is None or each.state is not State.SUCCEEDED for each in found):
        raise RuntimeError("not every mail was accepted")
    await runner.stop()
    await task
    store.close()


def _report(started: float, used: float, number: int) -> None:
    LINE.update(
        seconds=time.perf_counter() - started, processor=time.process_time() - used, calls=number
    )


LINE: dict[str, float] = {}


async def _nobody(_: tuple[str, ...]) -> frozenset[str]:
    return frozenset()


def _parts(store: Store, zuora: ZuoraClient, wakes: asyncio.Event) -> Parts:
    tenancy = Tenancy(
        zuora=zuora,
        places=Places(),
        words="SANDBOX",
        address="bench",
        kind="sandbox",
        admission=Admission(zuora, Places()),
    )
    policy = Policy(requesters=(), approvers=(), viewers=(), hash="")
    return Parts(
        store=store,
        clock=CLOCK,
        tenancy=tenancy,
        rules=Rules(policy, tenancy, store, _nobody, _nobody),
        channel="C0BILLING",
        new_id=lambda: "1",
        guard=Guard(store, timedelta(minutes=60)),
        pauses=Pauses(timedelta(seconds=5)),
        clocks=Clocks(CLOCK),
        bells=Bells(sender=wakes),
    )


def _planned(parts: Parts, first: int, of: int) -> int:
    """A request for at most 500 mails that is being sent, with its calls planned; its number."""
    documents = [_document(at) for at in range(first, min(first + A_REQUEST, of))]
    body = EmailDocumentsBody(documents=tuple(each.number for each in documents))
    facts = EmailDocumentsFacts(documents=tuple(documents))
    order = EmailInvoices(body, facts)
    store, now = parts.store, CLOCK.now()
    with store.transaction():
        waiting = Request(
            number=store.requests.next_number(),
            operation="email_invoice",
            subject=f"{len(documents)} invoices",
            body=canonical(body.model_dump()),
            facts=facts.model_dump_json(),
            digest=parts.tenancy.digest_of(order, ""),
            tenant="SANDBOX",
            requester="U0ALICE",
            team="T0",
            reason="Month end",
            rule=Rule(approvers=("S0CONTROLLERS",)),
            policy_hash="",
            form=f"bench:{first}",
            token=f"bench-{first}",
            state=State.WAITING,
            created_at=now,
            expires_at=now + timedelta(days=1),
            state_at=now,
            wake_at=None,
            channel="C0BILLING",
        )
        store.requests.add(waiting, Deed.MAILED)
        store.mailings.add(waiting.number, order.mailings())
        store.requests.approve(waiting, "U0BOB", "T0", now)
        approved = waiting.decided(State.APPROVED, "U0BOB", now, wake_at=None)
        entry = Entry(what=What.APPROVED, request=waiting.number)
        store.move(waiting, approved, entry, now)
        running = approved.moved(State.RUNNING, now, wake_at=now)
        store.move(approved, running, Entry(what=What.STARTED, request=waiting.number), now)
        for each in documents:
            key = f"billing-bot:{waiting.name}:{each.number}"
            store.calls.save(
                Call(
                    request=waiting.number, subject=each.number, key=key,
                    track_id=track_id(waiting.number, each.number),
                )
            )  # fmt: skip
    return waiting.number


def _document(at: int) -> MailDocument:
    return MailDocument(
        kind="invoice",
        number=f"INV{at:08}",
        id=f"{at:032x}",
        status="Posted",
        currency="USD",
        amount=Decimal(100),
        balance=Decimal(100),
        account_number="A00000001",
        account_name="Customer",
        mailed_at=None,
        bill_to_mail=True,
    )


async def main(how: str, url: str, number: int, folder: Path) -> None:
    """Mail, and report what it took."""
    watch = Watch()
    async with ByTypes() if how == "types" else http_client() as http:
        login = Login(client_id="bench", client_secret="bench")  # noqa: S106 - made up
        zuora = ZuoraClient(http, CLOCK, CallerSettings(base_url=url), login)
        await zuora.check()
        await zuora.bill_run_state(A_RUN)  # as the facts are read again before anything is sent
        keep_pauses_short()
        give_back_only_long_texts()
        watching = asyncio.create_task(watch.run())
        if how == "runner":
            await by_the_runner(zuora, number, folder / "mailer.db")
        else:
            started, used = time.perf_counter(), time.process_time()
            await by_the_client(zuora, number)
            _report(started, used, number)
        watching.cancel()
    say(**LINE, pause=watch.longest)


if __name__ == "__main__":
    set_constants()
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])))
