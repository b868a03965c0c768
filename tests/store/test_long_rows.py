"""What is asked for each document or call of a request does not read the request's row, which may be long."""

import re

from bot.store.store import Store


def test_the_rules_for_each_document_and_each_call_read_an_index_of_requests_alone(tmp_path):
    store = Store.open(tmp_path / "bot.db")
    found = []
    for (sql,) in store._database.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('mailings', 'calls')"
    ):
        found += re.findall(r"\(SELECT \w+ FROM requests[^)]*\)", sql)

    assert len(found) == 3
    for each in found:
        asked = each.strip("()").replace("NEW.request", "1")
        (plan,) = store._database.execute(f"EXPLAIN QUERY PLAN {asked}").fetchall()
        assert "USING COVERING INDEX requests_brief" in plan[-1]
    store.close()


def test_more_documents_than_sqlite_takes_parameters_are_asked_about(tmp_path):
    store = Store.open(tmp_path / "bot.db")
    many = [f"INV{number:08}" for number in range(260_000)]

    assert store.calls.outstanding_about(many, not_of=1) is None
    store.close()
