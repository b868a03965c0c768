"""A hand-made month: requests whose figures can be added up on paper."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.domain.call import Call, Verdict
from bot.domain.history import Entry, What
from bot.domain.money import Money
from bot.domain.policy import Rule
from bot.domain.request import Request, State
from bot.operations.catalog import OPERATIONS
from bot.operations.email_bill_run import EmailBillRunBody
from bot.operations.email_documents.document import MailDocument
from bot.operations.email_documents.facts import EmailDocumentsFacts
from bot.operations.email_documents.reading import EmailDocumentsBody
from bot.operations.kinds import KindTotals
from bot.operations.run_documents import DocumentsFacts, RunFacts
from bot.status.export import export

ALICE, BOB = "U0ALICE", "U0BOB"
FIRST = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def run_facts(number: str = "BR-00000001", *, before: int = 0, credit: str = "20.00") -> RunFacts:
    """Three invoices (EUR 80, USD 350.50) and a credit memo."""
    return RunFacts(
        run_id="1" * 32,
        number=number,
        name="November",
        status="Posted",
        target_date=None,
        invoice_date=None,
        documents=DocumentsFacts(
            kinds=(
                KindTotals(
                    kind="invoice",
                    count=3,
                    totals=(Money("EUR", Decimal("80.00")), Money("USD", Decimal("350.50"))),
                ),
                KindTotals(
                    kind="credit_memo", count=1, totals=(Money("USD", Decimal(credit)),)
                ),
            ),
            posted=4,
            not_posted=0,
            mailed_before=before,
            last_mailed_at=None,
            zero=0,
            negative=0,
            largest=(),
            each="0" * 64,
        ),
    )  # fmt: skip


def mail_facts(*amounts):
    """Invoices INV00000001 and on, in USD."""
    return EmailDocumentsFacts(
        documents=tuple(
            MailDocument(
                kind="invoice", number=f"INV{place:08}", id=f"{place:032}", status="Posted", currency="USD",
                amount=Decimal(amount), balance=Decimal(0), account_number="A1",
                account_name="Acme", mailed_at=None, bill_to_mail=True,
            )
            for place, amount in enumerate(amounts, 1)
        ),
    )  # fmt: skip


def request(store, operation="email_bill_run", facts=None, *, day=0, reason="Month end", body=None):
    """Save a waiting request of a day after the second of November, 9:00 UTC."""
    facts = facts or run_facts()
    at = FIRST + timedelta(days=day)
    text, packed = facts.to_store()
    if body is None and operation == "email_bill_run":
        body = EmailBillRunBody(bill_run="BR-00000001")
    with store.transaction():
        number = store.requests.next_number()
        made = Request(
            number=number, operation=operation, subject=getattr(facts, "number", "invoices"),
            body=(body or EmailDocumentsBody(documents=("INV00000001",))).model_dump_json(),
            facts=text, packed=packed, digest="d", tenant="SANDBOX", requester=ALICE, team="T",
            reason=reason, rule=Rule(approvers=(BOB,)), policy_hash="h", form=f"f{number}", token="k3f9", state=State.WAITING, created_at=at, expires_at=at + timedelta(hours=24), state_at=at,
            wake_at=None, channel="C0BILLING",
        )  # fmt: skip
        store.requests.add(made, OPERATIONS[operation].deed)
    return made


def decide(store, made, state=State.APPROVED, *, after):
    """Decide it so many seconds after it was asked."""
    at = made.created_at + timedelta(seconds=after)
    moved = made.decided(state, BOB, at, wake_at=None)
    with store.transaction():
        if state is State.APPROVED:
            store.requests.approve(made, BOB, "T", at)
        store.requests.move(made, moved)
    return moved


def end(store, made, state=State.SUCCEEDED, *, after, calls=()):
    """Carry it out, and end it so many seconds after the decision."""
    at = made.decided_at + timedelta(seconds=after)
    running = made.moved(State.RUNNING, at)
    ended = running.moved(state, at, result="as it is")
    with store.transaction():
        for subject, verdict, words in calls:
            store.calls.save(
                Call(
                    request=made.number, subject=subject, key=f"{made.number}{subject}",
                    track_id="t", tries=1, sent_at=at, verdict=verdict, words=words,
                )
            )  # fmt: skip
        store.requests.move(made, running)
        store.requests.move(running, ended)
    return ended


def november(store):
    """Seven requests of November and one of October.

    Mailed: on the 2nd a whole run (EUR 80, USD 350.50 - 20 = 330.50, 4 documents); on the 3rd two
    of three invoices (USD 10 + 20 of 10, 20, 40); on the 4th half a run, whose amount nobody knows
    (1 document). Decisions after 60, 600, 7200, 100000 and 30 s; done after 5, 15 and 25 s.
    """
    end(store, decide(store, request(store), after=60), after=5)
    part = request(store, "email_invoice", mail_facts("10.00", "20.00", "40.00"), day=1)
    end(
        store, decide(store, part, after=600), State.FAILED, after=15,
        calls=[("INV00000001", Verdict.ACCEPTED, ""), ("INV00000002", Verdict.ACCEPTED, ""),
               ("INV00000003", Verdict.REFUSED, "=HYPERLINK(1)")],
    )  # fmt: skip
    half = request(store, facts=run_facts("BR-00000002", before=3), day=2)
    end(store, decide(store, half, after=7200), after=25)
    lost = decide(store, request(store, facts=run_facts("BR-00000003"), day=3), after=100000)
    end(store, lost, State.UNKNOWN, after=9)
    decide(store, request(store, day=4, reason="=1+1"), State.REJECTED, after=30)
    gone = request(store, day=5, reason="@home")
    with store.transaction():
        store.requests.move(gone, gone.moved(State.EXPIRED, gone.expires_at))
    request(store, day=6, reason="-2")
    old = request(store, day=-30)
    end(store, decide(store, old, after=1), after=1)
    for day in (0, 0, -30):
        with store.transaction():
            entry = Entry(what=What.REFUSED, who="U1")
            store.history.append(entry, FIRST + timedelta(days=day))


async def exported(store, month, kind):
    """Return the bytes of a month's file."""
    into = io.BytesIO()
    await export(store, month, kind, into)
    return into.getvalue()
