"""Facts of documents: what is material, what is not, and no float and no mixed currencies."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest import digest
from bot.domain.known import NotKnown
from bot.operations.catalog import OPERATIONS
from bot.operations.email_documents.facts import IN_A_LINE, EmailDocumentsFacts, MailDocument
from bot.operations.email_documents.reading import EmailDocumentsBody
from bot.operations.kinds import amounts_of

AT = datetime(2026, 11, 2, tzinfo=UTC)
OPERATION = OPERATIONS["email_invoice"]
DOCUMENT = MailDocument(
    kind="invoice", number="INV1", id="1" * 32, status="Posted", currency="USD", amount=Decimal("10.00"),
    balance=Decimal(5), account_number="A1", account_name="Acme", mailed_at=None,
    bill_to_mail=True,
)  # fmt: skip
BODY = EmailDocumentsBody(documents=("INV1",))


def facts(*documents):
    return EmailDocumentsFacts(documents=documents)


def bound(body, its_facts):
    return digest(
        operation="email_invoice", tenant="t", body=body.model_dump(),
        facts=OPERATION(body, its_facts).material(),
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [{"number": "INV2"}, {"id": "2" * 32}, {"status": "Draft"}, {"currency": "EUR"},
     {"amount": Decimal("10.01")}, {"mailed_at": AT}],
)  # fmt: skip
def test_each_field_that_takes_effect_changes_the_digest_and_is_told(change):
    before, now = facts(DOCUMENT), facts(DOCUMENT.model_copy(update=change))

    assert bound(BODY, before) != bound(BODY, now)
    assert before.differs(now)


@pytest.mark.parametrize(
    "change",
    [{"amount": Decimal(10)}, {"amount": Decimal("10.000")}, {"balance": Decimal(0)},
     {"account_name": "Acme Ltd"}],
)  # fmt: skip
def test_churn_changes_nothing(change):
    before, now = facts(DOCUMENT), facts(DOCUMENT.model_copy(update=change))

    assert bound(BODY, before) == bound(BODY, now)
    assert before.differs(now) == []


@pytest.mark.parametrize(
    "change",
    [{"recipients": "bill_to"}, {"recipients": "addresses", "email_addresses": ("a@b.example",)},
     {"additional": True}, {"pdf_file_id": "a" * 32}],
)  # fmt: skip
def test_each_choice_changes_the_digest(change):
    assert bound(BODY, facts(DOCUMENT)) != bound(BODY.model_copy(update=change), facts(DOCUMENT))


AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=2)


@given(st.lists(st.tuples(st.sampled_from(["USD", "EUR", "JPY"]), AMOUNTS), min_size=1))
def test_totals_are_exact_and_never_mix_currencies(amounts):
    documents = [
        DOCUMENT.model_copy(update={"number": f"INV{i}", "currency": c, "amount": a})
        for i, (c, a) in enumerate(amounts)
    ]
    made = EmailDocumentsFacts.model_validate_json(facts(*documents).model_dump_json())

    expected: dict[tuple[str, bool], Decimal] = {}
    for currency, amount in amounts:
        side = currency, amount < 0
        expected[side] = expected.get(side, Decimal(0)) + amount
    amounts_made = amounts_of(made.counted)
    assert amounts_made is not None
    found = {(currency, amount < 0): amount for currency, amount in amounts_made}
    assert {side: total for side, total in expected.items() if total} == {
        side: total for side, total in found.items() if total
    }
    assert {currency for currency, _ in amounts_made} == {currency for currency, _ in amounts}
    assert all(type(money.amount) is Decimal for money in amounts_made)
    assert made.differs(facts(*documents)) == []


ODD = ("Acme\nLtd", '"documents":[]', "],\n", "\u2028 end", "{}")


@pytest.mark.parametrize("many", [1, IN_A_LINE, IN_A_LINE + 1, 2 * IN_A_LINE, 2 * IN_A_LINE + 7])
def test_facts_are_read_as_they_were_written_however_many_documents_there_are(many):
    documents = tuple(
        DOCUMENT.model_copy(
            update={
                "number": f"INV{at}", "account_name": ODD[at % len(ODD)], "trouble": (ODD[at % 3],),
                "amount": NotKnown("missing") if at % 7 == 0 else Decimal(at), "mailed_at": AT,
            }
        )
        for at in range(many)
    )  # fmt: skip
    written = EmailDocumentsFacts(documents=documents, nobody=documents[:2], to_bill_to=True)

    text = written.to_text()

    assert json.loads(text) == json.loads(written.model_dump_json())
    assert EmailDocumentsFacts.from_text(text) == written
    assert EmailDocumentsFacts.from_text(text).to_text() == text
    assert EmailDocumentsFacts.from_text(written.model_dump_json()) == written
