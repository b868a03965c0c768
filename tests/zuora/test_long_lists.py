"""Long lists of a run are cut and read side by side, and never give less than the run counts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.zuora import documents
from bot.zuora.errors import ZuoraContradicts, ZuoraTooMany

MANY = 1100
REFUSED = {"success": False, "reasons": [{"code": 50000027, "message": "Cannot be sorted."}]}


@pytest.fixture
def run(local):
    local.knobs = replace(local.knobs, max_page_size=99)
    lines = [(f"A{number % 20:08}", "USD", "1.00") for number in range(MANY)]
    return local.world.add_bill_run("BR-00000417", invoices=lines)


def pages(local):
    return [call.query for call in local.calls if call.path == "/object-query/invoices"]


async def test_a_long_list_is_read_in_parts_each_page_once_and_in_few_calls(local, zuora, run):
    _, documents = await zuora.run_with_documents(run.number)

    assert len({each.id for each in documents}) == MANY
    read = [query for query in pages(local) if "pageSize=99" in query]
    parts = {part for query in read for part in query.split("&") if ".SW" in part}
    assert len(parts) == 2
    assert len(read) == len(set(read)) <= 1.3 * -(-MANY // 99)


@pytest.mark.parametrize("refused", ["sort", "cut"])
async def test_where_a_list_cannot_be_cut_it_is_read_from_one_end_to_the_other(
    local, zuora, run, refused
):
    if refused == "sort":
        local.faults.add("/object-query/invoices", kind="status", status=400, body=REFUSED, times=2)
    else:
        first = next(d for d in local.world.documents_of(run))
        first.number = "ÄLTER-1"

    _, documents = await zuora.run_with_documents(run.number)

    assert len({each.id for each in documents}) == MANY


async def test_parts_that_leave_documents_out_are_not_all_of_them(local, zuora, run):
    """Numbers of another shape between the first and the last begin like none of the parts."""
    for at, each in enumerate(list(local.world.documents_of(run))[1:4]):
        each.number = f"INV-EU-{at}"

    _, documents = await zuora.run_with_documents(run.number)

    assert len({each.id for each in documents}) == MANY


async def test_a_filter_that_is_ignored_doubles_nothing(local, zuora, run):
    local.knobs = replace(local.knobs, ignores_filters=True)

    _, documents = await zuora.run_with_documents(run.number)

    assert len(documents) == MANY


async def test_a_list_that_lacks_documents_is_refused_as_before(local, zuora, run):
    run.says = {"numberOfInvoices": MANY + 1}

    with pytest.raises(ZuoraContradicts, match=r"counts 1,101 invoices in .* its list has 1,100"):
        await zuora.run_with_documents(run.number)


async def test_a_run_that_counts_more_than_a_request_holds_is_not_read_at_all(local, zuora, run):
    run.says = {"numberOfInvoices": 50_001}
    with pytest.raises(ZuoraTooMany):
        await zuora.run_with_documents(run.number)
    assert not pages(local)


@given(
    head=st.sampled_from(["INV", "INV-", "EU/2026-", ""]),
    digits=st.integers(5, 12),
    first=st.integers(0, 99_999),
    gaps=st.lists(st.integers(1, 40), min_size=1, max_size=60),
    each=st.integers(1, 400),
)
def test_every_number_of_a_list_begins_like_exactly_one_part(head, digits, first, gaps, each):
    """`each` stands for so many documents at one place: lists of ten thousands from few examples."""
    numbers = [first]
    for gap in gaps:
        numbers.append(numbers[-1] + gap * each)
    texts = [f"{head}{number:0{digits}}" for number in numbers]
    parts = documents.beginnings(texts[0], texts[-1], each * len(gaps))
    if not parts or len(set(map(len, texts))) > 1:
        return
    assert all(sum(text.startswith(part) for part in parts) == 1 for text in texts)
    assert len(parts) <= 2 + 10 * each * len(gaps) // documents.LONG


@pytest.mark.parametrize("number", ["INV" + "1" * 5000, "1" * 100_000 + "-x", "INV", ""])
def test_a_list_of_numbers_that_cannot_be_counted_is_read_whole(number):
    assert documents.beginnings(number, number, 100_000) == ()
