"""The table of rules in docs/zuora-notes.md names every rule, and tests that there are."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
NOTES = (TESTS.parent / "docs" / "zuora-notes.md").read_text()
RULES = ["a1", "a3", "a4", "a5", *(f"j{number}" for number in range(1, 26))]
ROWS = re.findall(r"^\| ([aj]\d{1,2}) \|.*\|([^|]*)\|$", NOTES, re.MULTILINE)
TABLE = {rule: re.findall(r"`(test_\w+)`", tests) for rule, tests in ROWS}


@cache
def names():
    """Every test function there is."""
    return {
        node.name
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_rule_stands_in_the_table_once():
    assert [rule for rule, _ in ROWS] == RULES


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_names_tests_that_there_are(rule):
    assert TABLE[rule]
    assert set(TABLE[rule]) <= names()
