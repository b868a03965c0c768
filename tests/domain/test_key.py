"""What people type to name a bill run."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.key import bill_run_key

ID = "402881e522cf4f9b0122cf5d82860002"


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("BR-00000001", "BR-00000001"),
        ("  br-00000001\n", "BR-00000001"),
        ("BR-1", "BR-1"),
        ("BR-123456789012", "BR-123456789012"),
        (ID, ID),
        (ID.upper(), ID),
    ],
)
def test_a_number_or_an_id_is_taken(typed, key):
    assert bill_run_key(typed) == key


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "BR-",
        "BR-1234567890123",
        "BR 00000001",
        "BR-0000000x",
        "BR-00000001 BR-00000002",
        "INV00000001",
        "00000001",
        "BR-١٢٣",  # Arabic digits are digits to Python
        "../../users",
        "BR-1/emails?x=",
        ID[:-1],
        ID + "0",
        ID[:-1] + "g",
    ],
)
def test_anything_else_is_not(typed):
    assert bill_run_key(typed) is None


@settings(max_examples=30)
@given(st.text(max_size=40))
def test_whatever_is_typed_a_key_is_safe_in_a_path(typed):
    key = bill_run_key(typed)

    assert key is None or (key.isascii() and key.replace("-", "").isalnum())


@settings(max_examples=30)
@given(st.from_regex(r"\A(BR-[0-9]{1,12}|[0-9a-f]{32})\Z"))
def test_a_key_is_its_own_key(key):
    assert bill_run_key(key) == key
