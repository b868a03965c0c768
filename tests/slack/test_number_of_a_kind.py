"""What is typed as the number of something that is not a bill run is read as that, as its operation's class says."""

import pytest

from bot.operations.asking import Asking, NumberField
from bot.operations.catalog import OPERATIONS
from bot.slack.forms.catalog import OperationForm
from bot.zuora.named import Found, Match

INVOICE = Match("invoice", "A-1")
MEMO = Match("credit_memo", "A-1")


@pytest.fixture(params=["post_bill_run", "cancel_bill_run"])
def form(request):
    """A form that asks for a credit memo, whatever its operation does with it."""
    field = NumberField("credit_memo", "Credit memo", "CM00000001", "Its number.")
    asking = Asking(title="Post a credit memo", intro="Posts it.", number=field)
    return OperationForm(OPERATIONS[request.param], asking)


def read(form, typed, *named, not_read=()):
    found = Found({typed: named} if named else {}, not_read)
    values = {form._operation.field: typed, "reason": "Month end"}
    assert form.unclear(values)[0] == typed
    return form.cleared(values, found)


def test_its_number_is_the_one_that_zuora_has_for_that_kind(form):
    field = form._operation.field
    assert read(form, "a-1", INVOICE, MEMO) == {field: "A-1", "reason": "Month end"}
    assert form.cleared({field: ""}, Found()) == {field: ""}


def test_another_kind_s_number_is_named_at_the_field(form):
    problems = read(form, "A-1", INVOICE)
    said = problems.by_field[form._operation.field]
    assert said == "A-1 is not a credit memo's number, like CM00000001, but an invoice."


def test_a_number_that_zuora_does_not_know_is_said_with_an_example(form):
    said = read(form, "X-9").by_field[form._operation.field]
    assert "X-9" in said
    assert said.endswith("A credit memo's number is like CM00000001.")
    assert "is like" not in read(form, "CM00000009").by_field[form._operation.field]


def test_a_number_of_a_kind_that_zuora_does_not_show_stays_as_it_was_typed(form):
    assert read(form, "X-9", not_read=("credit_memo",))[form._operation.field] == "X-9"
