"""Compares two answers of Zuora: a run's counts with its list, a row with what was asked for.

If they differ, neither is used, and the error names both. No I/O.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from bot.domain.kind import KIND_WORDS, DocumentKind
from bot.domain.known import NotKnown
from bot.domain.words import count
from bot.zuora import rows
from bot.zuora.answers import Account, BillingDocument, BillRun
from bot.zuora.errors import ZuoraContradicts
from bot.zuora.rows import ZuoraRow

AT_REST: Final = frozenset({"Completed", "Posted", "Canceled", "Error"})
"""States in which a run's counts match its list (page *Bill run details*); otherwise they may lag."""

NUMBERS: Final[dict[DocumentKind, tuple[str, ...]]] = {
    "invoice": ("invoiceNumber", "InvoiceNumber"),
    "credit_memo": ("memoNumber", "Number", "number"),
    "debit_memo": ("memoNumber", "Number", "number"),
}


def answered(asked: str, what: str, *answers: str) -> None:
    """Refuse an answer that is about something else than the question.

    Args:
        asked: Id or number.
        what: `invoice`, `bill run`.
        answers: The id and the number of what Zuora answered.

    Raises:
        ZuoraContradicts: Neither is what was asked for.
    """
    if asked.casefold() not in {each.casefold() for each in answers}:
        named = next((each for each in reversed(answers) if each), "one without a number")
        raise ZuoraContradicts(f"Asked for {what} {asked}, Zuora answered with {named}.")


def run_is_named(document: BillingDocument, row: ZuoraRow) -> None:
    """Refuse a document of an unnamed bill run: what that run mails cannot be looked up.

    Raises:
        ZuoraContradicts: A bill run made it, and Zuora does not say which.
    """
    source = rows.text(row, "source", "Source").replace(" ", "").lower()
    if source == "billrun" and not document.bill_run_number:
        raise ZuoraContradicts(
            f"Zuora says that a bill run made {document.number or 'a document'}, and not which one."
        )


def row_of_run(kind: DocumentKind, number: str, row: ZuoraRow) -> None:
    """Refuse a row that does not belong to a run's list.

    Raises:
        ZuoraContradicts: It is of another run or kind, or has no id, number or state.
    """
    its_number = rows.text(row, *NUMBERS[kind])
    its_run = rows.text(row, "sourceId", "SourceId")
    where = _list_of(kind, number)
    if not rows.text(row, "id", "Id") or not its_number:
        raise ZuoraContradicts(f"{where} has a row that is none: it has no id or no number.")
    if not rows.text(row, "status", "Status"):
        raise ZuoraContradicts(f"{where} does not say in which state {its_number} is.")
    if its_run.casefold() != number.casefold():
        other = f"of {its_run}" if its_run else "that names no bill run"
        raise ZuoraContradicts(f"{where} has {its_number} {other}.")


def each_once(found: Iterable[BillingDocument], number: str) -> list[BillingDocument]:
    """Return the documents of a run's list, each once: pages may overlap.

    Raises:
        ZuoraContradicts: A document is in the list twice, with different values.
    """
    once: dict[str, BillingDocument] = {}
    ids: dict[str, str] = {}
    for each in found:
        if once.get(each.id, each) != each or ids.get(each.number, each.id) != each.id:
            where = _list_of(each.kind, number)
            raise ZuoraContradicts(f"{where} has {each.number} twice, with different values.")
        once[each.id], ids[each.number] = each, each.id
    return list(once.values())


def _list_of(kind: DocumentKind, number: str) -> str:
    return f"Zuora's list of the {KIND_WORDS[kind][1]} of {number}"


def with_account(document: BillingDocument, owner: Account) -> None:
    """Refuse an account that is not the document's.

    Another currency is no contradiction: an account can be billed in several.

    Raises:
        ZuoraContradicts: They differ.
    """
    said = ((document.account_id, owner.id), (document.account_number, owner.number))
    for one, other in said:
        if one and other and one != other:
            raise ZuoraContradicts(
                f"Zuora says two things about the account of {document.number}: {one} and {other}."
            )


def run_and_documents(documents: Sequence[BillingDocument], run: BillRun) -> None:
    """Refuse a run whose own counts do not match its list.

    Raises:
        ZuoraContradicts: They differ, or the run's two readings differ.
    """
    if run.disagrees:
        raise ZuoraContradicts(" ".join(run.disagrees))
    if run.status not in AT_REST:
        return
    kinds: tuple[tuple[DocumentKind, int | NotKnown], ...] = (
        ("invoice", run.invoice_count),
        ("credit_memo", run.credit_memo_count),
    )
    for kind, counted in kinds:
        listed = sum(document.kind == kind for document in documents)
        if isinstance(counted, int) and counted != listed:
            raise ZuoraContradicts(
                f"Zuora counts {count(counted, *KIND_WORDS[kind])} in {run.number}, and its list "
                f"has {listed:,}."
            )


def is_counted(run: BillRun, documents: Sequence[BillingDocument]) -> bool:
    """Return whether the run itself counts the documents of its list.

    Without Invoice Settlement there are no credit memos, and no count of them.
    """
    memos = any(document.kind == "credit_memo" for document in documents)
    counts = (run.invoice_count, *([run.credit_memo_count] if memos else []))
    return all(isinstance(each, int) for each in counts)
