"""Many documents by number are read fifty in a call, and each as if it had been asked for alone."""

from dataclasses import replace

import pytest

MANY = 120


@pytest.fixture
def numbers(local):
    lines = [(f"A{number % 20:08}", "USD", "1.00") for number in range(MANY)]
    run = local.world.add_bill_run("BR-00000417", invoices=lines)
    return [each.number for each in local.world.documents_of(run)]


async def test_they_are_read_fifty_in_a_call_in_the_order_they_were_asked_for(
    local, zuora, numbers
):
    alone = await zuora.documents_for_mail("invoice", numbers[:1])
    before = len(local.calls)

    found = await zuora.documents_for_mail("invoice", numbers[::-1])

    assert [each.number for each in found] == numbers[::-1]
    assert found[-1] == alone[0]
    assert len(local.calls) - before <= 4  # with one that learns how large a page may be


async def test_one_that_no_list_has_is_asked_for_alone_before_it_is_called_unknown(
    local, zuora, numbers
):
    found = await zuora.documents_for_mail("invoice", [*numbers, "INV-NONE"])

    assert found[-1] is None
    assert None not in found[:-1]
    assert any(call.path.endswith("/INV-NONE") for call in local.calls)


async def test_a_filter_that_is_ignored_gives_nothing_else_and_reads_no_whole_tenant(
    local, zuora, numbers
):
    local.knobs = replace(local.knobs, ignores_filters=True)
    before = len(local.calls)

    found = await zuora.documents_for_mail("invoice", numbers)

    assert [each.number for each in found] == numbers
    assert len(local.calls) - before <= MANY + 10
