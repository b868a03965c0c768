"""What people type to name a bill run."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.key import bill_run_key, number_key, plain_subject

ID = "402881e522cf4f9b0122cf5d82860002"


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("BR-00000001", "BR-00000001"),
        ("  br-00000001\n", "BR-00000001"),
        ("BR-1", "BR-1"),
        ("BR-123456789012", "BR-123456789012"),
        ("BR\u201300000001", "BR-00000001"),
        ("BR\u201100000001", "BR-00000001"),
        ("\ufeffBR-0000\u200b0001", "BR-00000001"),
        ("*BR-00000001*", "BR-00000001"),
        ("_`BR-00000001`_,", "BR-00000001"),
        ("“BR-00000001”.", "BR-00000001"),
        ("(BR-00000001)", "BR-00000001"),
        ("\uff22\uff32\uff0d\uff10\uff10\uff10\uff10\uff10\uff1001", "BR-00000001"),
        ("\u2066BR\u22121\u2069", "BR-1"),
    ],
)
def test_a_bill_runs_number_is_taken_however_it_was_pasted(typed, key):
    assert bill_run_key(typed) == key
    assert number_key(typed) == key


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        (ID, ID),
        (f" {ID.upper()}.", ID),
        ("ACME/0002", "ACME/0002"),
        ("SUB/2026#1", "SUB/2026#1"),
        ("ACME 0001", "ACME 0001"),
        ("GHINV00000142", "GHINV00000142"),
        ("EU-INV-000123", "EU-INV-000123"),
        ("../x1", "../x1"),
        ("nonsense", "nonsense"),
        ("ACMERUN", "ACMERUN"),
        ("ACME-1.", "ACME-1."),
        ("GH\u20137", "GH\u20137"),
        ("Größe-7", "Größe-7"),
        ("..", ""),
        ("a\nb", ""),
        ("x" * 256, ""),
    ],
)
def test_whatever_may_be_a_number_is_one_as_it_was_typed(typed, key):
    """Numbers with any prefix and any characters."""
    assert number_key(typed) == key


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
        ID,
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
@given(st.from_regex(r"\ABR-[0-9]{1,12}\Z"))
def test_a_key_is_its_own_key(key):
    assert bill_run_key(key) == key


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ("Batch2, Batch1", "Batch1 and Batch2", True),
        ("br-00000001", "BR-00000001", True),
        (ID.upper(), ID, True),
        ("S-1 and S-2", "S-1", False),
        ("A-1", "A-2", False),
    ],
)
def test_a_subject_is_the_same_however_it_was_written(before, now, same):
    assert (plain_subject(before) == plain_subject(now)) is same
