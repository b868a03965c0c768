"""Lets the bot write as an older version did."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.operations.run_documents import DocumentsFacts, RunFacts


@contextmanager
def without_documents_of_runs() -> Iterator[None]:
    """Store no documents of a bill run beside a request: versions before 2026-11-29 did not."""
    counted = DocumentsFacts.of
    with pytest.MonkeyPatch.context() as older:
        older.setattr(RunFacts, "beside", lambda _facts: None)
        older.setattr(
            DocumentsFacts, "of", lambda *given: counted(*given).model_copy(update={"kept": False})
        )
        yield
