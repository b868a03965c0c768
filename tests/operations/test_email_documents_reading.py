"""The reader of document lists: whatever is typed, a valid body or messages, never an exception."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest import canonical
from bot.domain.key import as_typed, document_key
from bot.operations.email_documents.reading import EmailDocumentsBody, read, sort_out
from bot.operations.typed import Problems
from bot.slack.forms.email import EmailForm
from bot.slack.forms.email_values import values_for
from bot.zuora.wire import path

ID = "402881e522cf4f9b0122cf5d82860002"
KINDS = ["invoice", "debit_memo", "credit_memo"]
NUMBERS = st.from_regex(r"\A(INV|DM|CM)-?[0-9]{1,20}\Z")
TYPED = st.one_of(
    st.text(max_size=60), NUMBERS, st.lists(NUMBERS, max_size=8).map(" ".join), st.just(ID)
)
FORMS = st.fixed_dictionaries(
    {},
    optional={
        "what": st.sampled_from(["documents", "bill_run", None, "x"]),
        "documents": st.one_of(TYPED, st.none(), st.integers(), st.lists(st.text())),
        "more_documents": st.one_of(TYPED, st.none()),
        "recipients": st.sampled_from(["template", "bill_to", "addresses", None, "other", 3]),
        "email_addresses": st.one_of(
            st.text(max_size=60), st.emails(), st.lists(st.emails(), max_size=4).map(", ".join),
            st.none(), st.booleans(),
        ),
        "additional": st.one_of(st.none(), st.lists(st.just("yes"), max_size=1), st.text()),
        "pdf_file_id": st.one_of(st.none(), st.text(max_size=40), st.just(ID), st.integers()),
        "reason": st.text(max_size=20),
    },
)  # fmt: skip


@given(st.sampled_from(KINDS), FORMS)
def test_whatever_is_typed_is_a_valid_body_or_messages(kind, form):
    made = read(kind, form)

    if isinstance(made, Problems):
        assert made.by_field
        assert all(words.strip() for words in made.by_field.values())
        assert set(made.by_field) <= {
            "documents", "recipients", "email_addresses", "pdf_file_id",
        }  # fmt: skip
        return
    assert EmailDocumentsBody.model_validate_json(canonical(made.model_dump())) == made
    assert 1 <= len(made.documents) == len(set(made.documents)) <= 500
    assert all(path("v1", "invoices", key, "emails").count("/") == 4 for key in made.documents)
    assert bool(made.email_addresses) == (made.recipients == "addresses")
    assert len(made.email_addresses) == len(set(made.email_addresses)) <= 50
    assert all(re.fullmatch(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+", a) for a in made.email_addresses)
    assert not made.pdf_file_id or (kind != "invoice" and len(made.documents) == 1)


@given(FORMS)
def test_whatever_is_typed_the_form_asks_for_operations_or_says_why_not(form):
    wanted = EmailForm().wanted(form)

    if isinstance(wanted, Problems):
        assert wanted.by_field
    else:
        assert wanted
        assert len({operation.name for operation, _ in wanted}) == len(wanted)


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=40)), FORMS)
def test_whatever_was_typed_the_form_can_be_drawn_again(other, form):
    assert EmailForm().blocks({**other, **form})


@given(st.text(max_size=200))
def test_whatever_stands_behind_the_command_opens_the_form(text):
    assert EmailForm().blocks(values_for(text))


@given(st.lists(NUMBERS, min_size=1, max_size=30), st.data())
def test_separators_order_and_case_do_not_change_which_documents_are_meant(numbers, data):
    separators = st.text(alphabet=" ,;\n\t", min_size=1, max_size=3)
    text = "".join(
        data.draw(st.sampled_from([number, number.lower()])) + data.draw(separators)
        for number in numbers
    )

    found = sort_out(text)

    assert found.wrong == ()
    assert list(found.documents) == list(dict.fromkeys(document_key(n) for n in numbers))
    assert found.repeated == len(numbers) - len(found.documents)


@given(st.text(max_size=70))
def test_a_document_can_be_typed_as_it_is_shown(typed):
    found = document_key(typed)

    if found is not None:
        assert document_key(as_typed(*found)) == found
        assert found.key.isprintable()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("INV00000012", ("invoice", "INV00000012")),
        (" inv-0000001 ", ("invoice", "INV-0000001")),
        ("dm00000003", ("debit_memo", "DM00000003")),
        ("CM00000004", ("credit_memo", "CM00000004")),
        (f"INV:{ID.upper()}", ("invoice", ID)),
        ("dm:EU-00012a", ("debit_memo", "EU-00012a")),
        ("CM:cm00000004", ("credit_memo", "CM00000004")),
        ("INV:../x1", ("invoice", "../x1")),
        ('INV:"ACME 0001"', ("invoice", "ACME 0001")),
        ("*INV\u201300000012*.", ("invoice", "INV-00000012")),
    ],
)
def test_a_document_is_named_by_its_number_or_by_its_kind_and_id(typed, found):
    assert document_key(typed) == found


@pytest.mark.parametrize(
    "typed",
    ["", "INV", "INV-", "INV00000012x", ID, "BR-00000001", "INV١٢", "INV:", "INV:..", "XX:1",  # noqa: RUF001 - Arabic digits
     "INV:a b", "INV00000012/emails"],
)  # fmt: skip
def test_anything_else_is_no_document(typed):
    assert document_key(typed) is None


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("A@B.example", ("a@b.example",)),
        ("a@b.example,A@b.EXAMPLE;c+d@e.co.example", ("a@b.example", "c+d@e.co.example")),
    ],
)
def test_addresses_are_kept_once_in_lower_case(typed, kept):
    form = {"documents": "INV1", "recipients": "addresses", "email_addresses": typed}

    made = read("invoice", form)
    assert isinstance(made, EmailDocumentsBody)
    assert made.email_addresses == kept


def wrong_with(form):
    """What is wrong with a form, by field."""
    found = read("invoice", form)
    assert isinstance(found, Problems)
    return found.by_field


@pytest.mark.parametrize(
    "wrong",
    ["a", "a@", "@b.example", "a@b", "a@@b.example", "a..b@c.example", "a@-b.example",
     "a@b.example.", "Ann<a@b.example>", '"a"@b.example', f"{'a' * 65}@b.example",
     f"a@{'b.' * 130}example", "ä@b.example", "a@b.example\u200b"],
)  # fmt: skip
def test_what_is_no_address_is_named(wrong):
    form = {"documents": "INV1", "recipients": "addresses", "email_addresses": wrong}

    assert "email_addresses" in wrong_with(form)


def test_addresses_that_zuora_would_ignore_are_refused():
    form = {"documents": "INV1", "recipients": "template", "email_addresses": "a@b.example"}

    assert "would not mail to these" in wrong_with(form)["email_addresses"]


def test_documents_of_another_kind_are_refused():
    assert "Not invoices: DM1." in wrong_with({"documents": "INV1 DM1"})["documents"]
