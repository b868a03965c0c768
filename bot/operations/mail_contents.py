"""What the mails carry: which template, and whether the PDF goes along, in words. No I/O.

Source: pages *Email billing documents generated from a bill run*, *Email an invoice*, *Email a credit
memo* and *Email a debit memo*: the notification names the template, and has a checkbox *Include
Invoice PDF*, *Include Credit Memo PDF* or *Include Debit Memo PDF*.
"""

from collections.abc import Iterator, Sequence

from bot.domain.kind import KIND_WORDS, DocumentKind
from bot.domain.words import Line, line, some
from bot.operations.notices import Notice

BOXES: dict[DocumentKind, str] = {
    "invoice": "Include Invoice PDF",
    "credit_memo": "Include Credit Memo PDF",
    "debit_memo": "Include Debit Memo PDF",
}
SHOWN = 3


def cautions(notices: Sequence[Notice]) -> tuple[str, ...]:
    """Return what an approver would not expect, for the card: mails without their PDF."""
    return tuple(
        f"{notice.of_kind} without the PDF: “{BOXES[notice.kind]}” is off"
        for notice in notices
        if notice.attaches_pdf is False
    )


def lines(notices: Sequence[Notice]) -> tuple[Line, ...]:
    """Return template and PDF of each kind, for *Details*."""
    return tuple(each for notice in notices for each in _of(notice))


def _of(notice: Notice) -> Iterator[Line]:
    of = KIND_WORDS[notice.kind][1]
    where = f" in {notice.place}" if notice.profile else ""
    if notice.state not in ("not listed", "not readable"):
        names = [f"“{each}”" for each in notice.templates]
        said = some(names, SHOWN) or "Zuora does not say which"
        yield line("Email template", f"{said}, for {of}{where}")
    box = f"“{BOXES[notice.kind]}”"
    yield line(
        "PDF attached",
        {
            True: f"yes, to {of}: {box} is on{where}",
            False: f"no, not to {of}: {box} is off{where}",
            None: f"not known for {of}: Zuora does not say whether {box} is on{where}",
        }[notice.attaches_pdf],
    )
