"""The only words for what is not known or wrong to send, and for what that means. No I/O.

Not known is never good news: an amount that is not known counts as above every limit, and a document whose mail date
is not known counts as mailed.
"""

from collections.abc import Sequence

from bot.domain.check import Check, check
from bot.domain.words import Line, all_of, any_of, bare, count, line, some
from bot.operations.kinds import Doubt
from bot.operations.run_documents import DocumentsFacts, RunFacts
from bot.zuora.agreement import AT_REST


def amount_lines(unknown: Sequence[Doubt]) -> tuple[Line, ...]:
    """Return which documents have an unknown amount, and what that means for the approval."""
    if not unknown:
        return ()
    said = f"not known for {some([str(each) for each in unknown])}; counts as above every limit"
    return (line("⚠ Amount", said),)


def mail_lines(unknown: Sequence[Doubt]) -> tuple[Line, ...]:
    """Return which documents have an unknown mail date."""
    if not unknown:
        return ()
    said = f"date not known, so counted as mailed: {some([str(each) for each in unknown])}"
    return (line("⚠ Mailed before", said),)


def trouble_lines(trouble: Sequence[Doubt], unchecked: Sequence[Doubt]) -> tuple[Line, ...]:
    """Return which documents are wrong to send although Zuora would mail them, and which could not be checked."""
    found = []
    if trouble:
        said = some([f"{each.number} {each.words}" for each in trouble])
        found.append(line("⚠ Wrong to send", f"{said}; Zuora mails it anyway"))
    if unchecked:
        said = "; ".join(
            f"for {some([each.number for each in unchecked if each.words == words])} whether {words}"
            for words in dict.fromkeys(each.words for each in unchecked)
        )
        found.append(line("Not checked", f"Zuora does not say {said}"))
    return tuple(found)


def run_lines(documents: DocumentsFacts) -> tuple[Line, ...]:
    """Return everything about a run that is in doubt."""
    return (
        *amount_lines(documents.amount_unknown),
        *mail_lines(documents.mailed_unknown),
        *trouble_lines(documents.trouble, documents.unchecked),
        *counted_lines(documents),
    )


def counted_lines(documents: DocumentsFacts) -> tuple[Line, ...]:
    """Return a line if Zuora did not count them, so that its list may be incomplete."""
    if documents.counted:
        return ()
    said = "Zuora does not say how many documents the run has; these are the ones it lists"
    return (line("Not checked", said),)


def amounts_checked(unknown: Sequence[Doubt], of: int) -> Check:
    """Check that each of this many documents has an amount and a currency."""
    passed = f"Zuora gives an amount and a currency for {all_of(of, 'document')}"
    return check(
        "amounts",
        passed if of else "there is no document without an amount",
        not_known=f"{some([str(each) for each in unknown])}" if unknown else "",
    )


def counted_checked(run: RunFacts) -> tuple[Check, ...]:
    """Check that the run's own count matches its list; no check while Zuora's counts may lag."""
    if run.status not in AT_REST:
        return ()
    documents = run.documents
    number = documents.posted + documents.not_posted
    as_many = f"counts {count(number, 'document')} in {run.number}, and lists as many"
    silent = "Zuora does not say how many documents the run has"
    return (
        check(
            "count",
            f"Zuora {as_many if number else f'counts and lists no document in {run.number}'}",
            not_known="" if documents.counted else silent,
        ),
    )


def state_checked(run: RunFacts) -> Check:
    """Return the check of the run's state; it passed, because in another state the request would have been refused."""
    return check("state", f"{run.number} is {run.status}, and Zuora takes this order in that state")


def fit_checked(trouble: Sequence[Doubt], unchecked: Sequence[Doubt], of: int) -> Check:
    """Check that no document is wrong to send although Zuora would mail it."""
    marked = trouble_lines(trouble, ())
    return check(
        "fit to send",
        f"Zuora does not show {any_of(of, 'document')} as reversed, with a failed e-invoice or with "
        "incomplete tax",
        found="; ".join(bare(each.parts) for each in marked),
        not_known="; ".join(bare(each.parts) for each in trouble_lines((), unchecked)),
    )
