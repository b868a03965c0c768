"""The words for what is not known, or wrong to send: one place for what that means. No I/O.

Not known is never good news: an amount that is not known is above every limit, a mail of which it is
not known when it went out counts as sent.
"""

from collections.abc import Sequence

from bot.domain.words import Line, line, some
from bot.operations.kinds import Doubt
from bot.operations.run_documents import DocumentsFacts


def amount_lines(unknown: Sequence[Doubt]) -> tuple[Line, ...]:
    """Of which documents the amount is not known, and what that means for the approval."""
    if not unknown:
        return ()
    said = f"not known of {some([str(each) for each in unknown])}; counts as above every limit"
    return (line("⚠ Amount", said),)


def mail_lines(unknown: Sequence[Doubt]) -> tuple[Line, ...]:
    """Of which documents it is not known when they were mailed."""
    if not unknown:
        return ()
    said = f"when is not known, and counts as mailed: {some([str(each) for each in unknown])}"
    return (line("⚠ Mailed before", said),)


def trouble_lines(trouble: Sequence[Doubt], unchecked: Sequence[Doubt]) -> tuple[Line, ...]:
    """What is wrong to send though Zuora would mail it."""
    found = []
    if trouble:
        said = some([f"{each.number} {each.words}" for each in trouble])
        found.append(line("⚠ Wrong to send", f"{said}; Zuora mails it all the same"))
    if unchecked:
        said = "; ".join(
            f"of {some([each.number for each in unchecked if each.words == words])} whether {words}"
            for words in dict.fromkeys(each.words for each in unchecked)
        )
        found.append(line("Not checked", f"Zuora does not say {said}"))
    return tuple(found)


def run_lines(documents: DocumentsFacts) -> tuple[Line, ...]:
    """Everything of a run that is in doubt."""
    return (
        *amount_lines(documents.amount_unknown),
        *mail_lines(documents.mailed_unknown),
        *trouble_lines(documents.trouble, documents.unchecked),
        *counted_lines(documents),
    )


def counted_lines(documents: DocumentsFacts) -> tuple[Line, ...]:
    """Whether Zuora counted them too, so that its list is known to be whole."""
    if documents.counted:
        return ()
    said = "Zuora does not say how many documents the run has; these are the ones it lists"
    return (line("Not checked", said),)
