"""The digest: what takes effect changes it, and nothing else does."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.digest import LONG, CanonicalText, canonical, digest, text_hash

BOUND: dict[str, Any] = {
    "operation": "email_bill_run",
    "tenant": "https://rest.zuora.com|E1|",
    "body": {"bill_run": "BR-00000001", "resend": False},
    "facts": {"status": "Posted", "each": "ab", "target_date": date(2026, 11, 30)},
}
CHANGED: dict[str, dict[str, Any]] = {
    "the operation": {"operation": "post_bill_run"},
    "the tenant": {"tenant": "https://rest.apisandbox.zuora.com|E1|"},
    "an entity": {"tenant": "https://rest.zuora.com|E2|"},
    "the bill run": {"body": {"bill_run": "BR-00000002", "resend": False}},
    "resend": {"body": {"bill_run": "BR-00000001", "resend": True}},
    "a field more": {"body": {"bill_run": "BR-00000001", "resend": False, "more": None}},
    "a field less": {"body": {"bill_run": "BR-00000001"}},
    "a fact": {"facts": {**BOUND["facts"], "status": "Completed"}},
    "a date": {"facts": {**BOUND["facts"], "target_date": date(2026, 12, 1)}},
    "the documents": {"facts": {**BOUND["facts"], "each": "ac"}},
}

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=10)
    | st.decimals(allow_nan=False, allow_infinity=False, places=4)
)
values = scalars | st.lists(scalars, max_size=3)


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_each_thing_that_takes_effect_changes_it(change):
    assert digest(**{**BOUND, **change}) != digest(**BOUND)


def test_all_changes_differ_from_one_another():
    digests = {digest(**{**BOUND, **change}) for change in CHANGED.values()}

    assert len(digests) == len(CHANGED)


@settings(max_examples=30)
@given(st.dictionaries(st.text(max_size=5), values, max_size=4), st.randoms())
def test_the_order_of_keys_changes_nothing(body, random):
    shuffled = list(body.items())
    random.shuffle(shuffled)

    assert digest(**{**BOUND, "body": dict(shuffled)}) == digest(**{**BOUND, "body": body})


@settings(max_examples=30)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=3), st.integers(0, 5))
def test_zeros_at_the_end_of_an_amount_change_nothing(amount, zeros):
    longer = Decimal(f"{amount:f}" + ("0" * zeros if "." in f"{amount:f}" else ""))

    assert canonical(longer) == canonical(amount)


@pytest.mark.parametrize("zero", ["0", "0.00", "-0", "-0.000", "0E+5"])
def test_every_zero_is_the_same_zero(zero):
    assert canonical(Decimal(zero)) == '"0"'


@settings(max_examples=30)
@given(st.lists(st.text(max_size=4), max_size=6))
def test_a_set_has_no_order_and_a_list_has_one(items):
    assert canonical(set(items)) == canonical(frozenset(reversed(items)))
    if list(reversed(items)) != items:
        assert canonical(list(reversed(items))) != canonical(items)


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.text(max_size=4), st.none() | st.booleans() | st.integers() | st.text(max_size=4)
    )
)
def test_a_plain_object_has_the_text_of_any_other_mapping_of_its_values(values):
    assert canonical(values) == canonical(MappingProxyType(values))
    assert canonical(values) == json.dumps(
        values, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


@pytest.mark.parametrize("value", [1.0, {"amount": 0.1}, [[2.5]], object(), b"bytes"])
def test_a_float_or_an_unknown_type_is_refused(value):
    with pytest.raises(TypeError):
        digest(**{**BOUND, "body": value})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "1"}, {"a": 1}),
        ({"a": None}, {}),
        ({"a": True}, {"a": 1}),
        ({"a": ["b", "c"]}, {"a": ["b,c"]}),
        ({"a": "b", "c": "d"}, {"a": 'b","c":"d'}),
        (datetime(2026, 11, 30, tzinfo=UTC), date(2026, 11, 30)),
    ],
)  # fmt: skip
def test_values_that_only_look_alike_stay_apart(one, other):
    assert canonical(one) != canonical(other)


def test_it_is_sha_256_in_hex():
    made = digest(**BOUND)

    assert len(made) == 64
    assert int(made, 16) >= 0


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=4)
    | st.decimals(allow_nan=False, allow_infinity=False, places=2)
)
_LISTS = st.integers(0, 3).flatmap(lambda many: st.lists(_SCALARS, min_size=many, max_size=many))


@given(
    st.dictionaries(
        st.text(max_size=3), st.dictionaries(st.text(max_size=3), _LISTS, max_size=3), max_size=3
    ),
    st.sampled_from((0, 1, LONG, LONG + 1, 2 * LONG, 2 * LONG + 1)),
)
@settings(max_examples=60, deadline=None)
def test_the_digest_of_long_lists_is_that_of_the_whole_canonical_text(body, many):
    documents = [[f"INV{number}", Decimal(number), None, ["é"]] for number in range(many)]
    bound = {
        "operation": "o",
        "tenant": "t",
        "body": body,
        "facts": {"documents": documents, "a": {}},
    }

    assert digest(**bound) == text_hash(canonical(bound))
    written = {**bound, "facts": CanonicalText.of(bound["facts"])}
    assert canonical(written) == canonical(bound)
    assert canonical({"a": [written], "b": written}) == canonical({"a": [bound], "b": bound})
    assert digest(**written) == digest(**bound)
