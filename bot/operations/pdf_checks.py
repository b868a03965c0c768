"""Whether the PDFs that mails would carry are made, as facts and in words. No I/O.

Source: pages *Retrieve the PDF file generation status of invoices* (of credit and debit memos).
Zuora makes a PDF before it mails (page *Email delivery*), so one that is not made yet only takes
time. One that Zuora could not make is unlikely to be made later by itself.
"""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from bot.domain.words import Line, count, line, some
from bot.zuora.pdfs import PdfStatus

MOST_ASKED = 1000
"""How many PDFs are asked about at most: twenty calls of fifty, for an order of any size."""
SHOWN = 5
STATES = frozenset({"None", "Pending", "Processing", "Generated", "Error", "Obsolete", "Archived"})
MAKING = frozenset({"Pending", "Processing"})


class FailedPdf(BaseModel, frozen=True):
    """A document whose PDF Zuora could not make, and why."""

    number: str
    words: str = ""


class Pdfs(BaseModel, frozen=True):
    """The PDFs of the documents to be mailed, if the mails carry them.

    They are shown, but an approval does not depend on them, because Zuora may still be making them.

    Attributes:
        asked: For how many of them Zuora gave a state.
        making: How many are being made.
        archived: How many are archived.
        failed: Those that could not be made.
        unread: For how many Zuora gave no state, because the right is missing or without a reason.
        unasked: How many more there are that were not asked about.
        certain: Whether it is known that the PDF is attached.
    """

    asked: int = 0
    making: int = 0
    archived: int = 0
    failed: tuple[FailedPdf, ...] = ()
    unread: int = 0
    unasked: int = 0
    certain: bool = True

    @property
    def all_failed(self) -> bool:
        """Return whether no PDF can be attached at all."""
        carrying = self.asked + self.unread + self.unasked
        return bool(self.failed) and self.certain and len(self.failed) == carrying


def pdfs_of(found: Sequence[PdfStatus], *, unread: int, unasked: int, certain: bool) -> Pdfs:
    """Count the states that Zuora gave; one that the bot does not know counts as none."""
    silent = sum(each.status not in STATES for each in found)
    return Pdfs(
        asked=len(found) - silent,
        making=sum(each.status in MAKING for each in found),
        archived=sum(each.status == "Archived" for each in found),
        failed=tuple(
            FailedPdf(number=each.number, words=each.words.rstrip("."))
            for each in found
            if each.status == "Error"
        ),
        unread=unread + silent,
        unasked=unasked,
        certain=certain,
    )


def failed_in_words(pdfs: Pdfs, otherwise: str = "") -> str:
    """Return which PDFs could not be made, and how to fix that."""
    return (
        f"Zuora could not make the PDF of {_which(pdfs)}. Fix its template and generate the "
        f"PDF again in Zuora{otherwise}."
    )


def cautions(pdfs: Pdfs) -> tuple[str, ...]:
    """Return which PDFs could not be made, for the card."""
    perhaps = "" if pdfs.certain else ", if the notification attaches one"
    return (f"Zuora could not make the PDF of {_which(pdfs)}{perhaps}",) if pdfs.failed else ()


def lines(pdfs: Pdfs) -> tuple[Line, ...]:
    """Return what an approver should know about the PDFs, for *Details*."""
    said = [*cautions(pdfs)]
    if pdfs.making:
        said.append(
            f"{count(pdfs.making, 'PDF')} of {pdfs.asked:,} still being made; Zuora mails when "
            "they are ready"
        )
    if pdfs.archived:
        said.append(f"{count(pdfs.archived, 'PDF')} archived in Zuora")
    said += not_looked_at(pdfs)
    return tuple(line("PDFs", each) for each in said)


def not_looked_at(pdfs: Pdfs) -> Iterator[str]:
    """Yield which PDFs nothing is known about."""
    if pdfs.unread:
        yield (
            f"whether {count(pdfs.unread, 'PDF')} can be attached could not be checked: Zuora "
            "did not show the bot's user"
        )
    if pdfs.unasked:
        yield f"those of {pdfs.unasked:,} more documents were not looked at"


def _which(pdfs: Pdfs) -> str:
    failed = [
        f"{each.number} ({each.words})" if each.words else each.number for each in pdfs.failed
    ]
    return some(failed, SHOWN)
