"""Facts of documents: what is material, what is not, and no float and no mixed currencies."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticSerializationError

from bot.domain.digest import digest
from bot.domain.known import NotKnown
from bot.domain.request import APART
from bot.operations.catalog import OPERATIONS
from bot.operations.email_documents.apart import DOCUMENTS, IN_A_PART
from bot.operations.email_documents.document import MailDocument
from bot.operations.email_documents.facts import EmailDocumentsFacts
from bot.operations.email_documents.reading import EmailDocumentsBody
from bot.operations.kinds import amounts_of

AT = datetime(2026, 11, 2, tzinfo=UTC)
OPERATION = OPERATIONS["email_invoice"]
MIXED = OPERATIONS["email_mixed_list"]
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
def test_each_field_that_takes_effect_changes_the_digest_and_is_shown(change):
    before, now = facts(DOCUMENT), facts(replace(DOCUMENT, **change))

    assert bound(BODY, before) != bound(BODY, now)
    assert before.differs(now)


@pytest.mark.parametrize(
    "change",
    [{"amount": Decimal(10)}, {"amount": Decimal("10.000")}, {"balance": Decimal(0)},
     {"account_name": "Acme Ltd"}],
)  # fmt: skip
def test_churn_changes_nothing(change):
    before, now = facts(DOCUMENT), facts(replace(DOCUMENT, **change))

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
        replace(DOCUMENT, number=f"INV{i}", currency=c, amount=a)
        for i, (c, a) in enumerate(amounts)
    ]
    made = EmailDocumentsFacts.model_validate_json(facts(*documents).model_dump_json())

    expected: dict[tuple[str, bool], Decimal] = {}
    for currency, amount in amounts:
        side = currency, amount < 0
        expected[side] = expected.get(side, Decimal(0)) + amount
    amounts_made = amounts_of(made.totals.counted)
    assert amounts_made is not None
    found = {(currency, amount < 0): amount for currency, amount in amounts_made}
    assert {side: total for side, total in expected.items() if total} == {
        side: total for side, total in found.items() if total
    }
    assert {currency for currency, _ in amounts_made} == {currency for currency, _ in amounts}
    assert all(type(money.amount) is Decimal for money in amounts_made)
    assert made.differs(facts(*documents)) == []


ODD = ("Acme\nLtd", '"documents":[]', "],\n", "\u2028 end", "{}")


def many_documents(many):
    return tuple(
        replace(
            DOCUMENT, number=f"INV{at:08}", account_name=ODD[at % len(ODD)], trouble=(ODD[at % 3],),
            amount=NotKnown("missing") if at % 7 == 0 else Decimal(at - 3), mailed_at=AT,
            kind="credit_memo" if at % 5 == 0 else "invoice", account_number=f"A{at % 90}",
            bill_to_mail=(True, False, None)[at % 3], unchecked=(ODD[0],) if at % 400 == 0 else (),
        )
        for at in range(many)
    )  # fmt: skip


@pytest.mark.parametrize("many", [1, IN_A_PART, IN_A_PART + 1, 2 * IN_A_PART, 2 * IN_A_PART + 7])
def test_facts_are_read_as_they_were_written_however_many_documents_there_are(many):
    documents = many_documents(many)
    written = EmailDocumentsFacts(documents=documents, nobody=documents[:2], to_bill_to=True)

    row, packed = written.to_store()
    read = EmailDocumentsFacts.stored(row, packed)

    assert len(packed) == (-(-many // IN_A_PART) if many > IN_A_PART else 0)
    assert row.startswith(APART) is bool(packed)
    assert tuple(read.documents) == documents
    assert len(read.documents) == many
    assert read.nobody == written.nobody
    assert read.totals == written.totals
    assert read.differs(written) == written.differs(read) == []
    assert read.named(documents[-1].number) == documents[-1]
    assert read.named("INV") is None
    assert EmailDocumentsFacts.stored(written.model_dump_json()) == written


def test_what_is_shown_of_very_many_documents_is_what_is_shown_of_them_when_they_are_read():
    documents = many_documents(2 * IN_A_PART)
    body = BODY.model_copy(update={"documents": tuple(each.number for each in documents)})
    whole = MIXED(body, EmailDocumentsFacts(documents=documents, nobody=documents[:20]))
    stored = MIXED(body, EmailDocumentsFacts.stored(*whole.facts.to_store()))

    for shown in (
        "title", "summary", "lines", "effect", "warning", "accepted", "subject", "tables", "kinds",
        "documents", "judged_as", "mails_again", "amounts", "listed", "subjects", "material",
    ):  # fmt: skip
        assert getattr(stored, shown)() == getattr(whole, shown)(), shown
    assert list(stored.each()) == list(whole.each())


def test_documents_that_stand_apart_are_never_written_as_if_there_were_none():
    stored = EmailDocumentsFacts.stored(
        *EmailDocumentsFacts(documents=many_documents(IN_A_PART + 1)).to_store()
    )

    with pytest.raises(PydanticSerializationError):
        stored.model_dump_json()


def test_facts_of_a_version_that_wrote_many_documents_in_lines_are_read():
    documents = many_documents(3)
    one, two, three = (DOCUMENTS.dump_json((each,)).decode()[1:-1] for each in documents)
    text = f'{{"checked":[],"documents":[\n{one},{two},\n{three}\n],"to_bill_to":true}}'

    assert EmailDocumentsFacts.stored(text) == EmailDocumentsFacts(
        documents=documents, to_bill_to=True
    )
