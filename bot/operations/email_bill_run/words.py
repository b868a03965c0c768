"""The words and figures of the card and the thread for mailing a bill run. No I/O."""

from collections.abc import Sequence

from bot.domain.words import Line, Moment, count, first_of, in_days, line, named, some_named
from bot.operations import doubts
from bot.operations.email_bill_run.facts import EmailRunFacts
from bot.operations.kinds import first_of_each
from bot.operations.operation import Table

SHOWN_LARGEST = 2
SHOWN_ACCOUNTS = 10


def lines(facts: EmailRunFacts, *, resend: bool) -> tuple[Line, ...]:
    """Return what a controller decides on."""
    documents = facts.documents
    return (
        line("Bill run", f"{facts.number} · {facts.name or 'no name'} · {facts.status}"),
        *(line(kind.label, kind.figures) for kind in documents.kinds),
        line("Mails", _going_out(facts, resend=resend)),
        line("Recipients", "set in Zuora's email template; the bot cannot see them"),
        *_mailed_before(facts),
        *doubts.run_lines(documents),
        *_without_address(facts),
        *_left_out(facts),
        *_odd_ones(facts),
        *_mails_itself(facts),
        line(
            "Dates",
            f"target date {in_days(facts.target_date)} · invoice date {in_days(facts.invoice_date)}",
        ),
        *([line("Largest", _largest(facts))] if facts.largest else []),
        *facts.checks.lines(),
    )


def tables(facts: EmailRunFacts) -> Sequence[Table]:
    """Return the accounts that do not fit on the card."""
    without = tuple((named(customer, 100),) for customer in facts.documents.unreachable)
    if len(without) <= SHOWN_ACCOUNTS:
        return ()
    return (Table("Without a bill-to address", ("Account",), without),)


def _going_out(facts: EmailRunFacts, *, resend: bool) -> str:
    """Return `25 mails to 24 customers, none mailed before; 1 has no address (Quayside Apparel)`."""
    documents = facts.documents
    mails = facts.mails_in_words(resend=resend)
    to = f" to {count(facts.customers, 'customer')}" if facts.customers else ""
    said = f"{mails}{to}, {_mailed_among(facts, resend=resend)}"
    if facts.nobody:
        has = "has" if len(facts.nobody) == 1 else "have"
        said += (
            f"; {len(facts.nobody):,} {has} no address ({some_named(facts.nobody, SHOWN_ACCOUNTS)})"
        )
    if unknown := len(documents.mailed_unknown):
        said += f"; the mail date of {count(unknown, 'document')} cannot be read"
    return said


def _mailed_among(facts: EmailRunFacts, *, resend: bool) -> str:
    unknown = len(facts.documents.mailed_unknown)
    before = facts.mailed_again if resend else facts.documents.mailed_before - unknown
    if not before:
        return "none known to be mailed before" if unknown else "none mailed before"
    if not resend:
        return f"without {count(before, 'document')} mailed before"
    if before == facts.mails(resend=True):
        return "mailed before" if before == 1 else "all mailed before"
    return f"{before:,} of which {'was' if before == 1 else 'were'} mailed before"


def _mailed_before(facts: EmailRunFacts) -> tuple[Line, ...]:
    documents = facts.documents
    if documents.last_mailed_at is None:
        return ()
    said = f"{documents.mailed_before:,} of {documents.posted:,}, last "
    return (line("Mailed before", said, Moment(documents.last_mailed_at)),)


def _without_address(facts: EmailRunFacts) -> tuple[Line, ...]:
    """Return who has no address of their own; the template may still name another one."""
    accounts, unknown = facts.documents.unreachable, facts.documents.address_unknown
    said = []
    if accounts:
        shown = first_of([named(each) for each in accounts], SHOWN_ACCOUNTS)
        said.append(f"{count(len(accounts), 'account')} without a mail address: {shown}")
    if unknown:
        said.append(f"Zuora does not say whether {some_named(unknown, 5)} has a mail address")
    return tuple(line("Bill-to contacts", each) for each in said)


def _left_out(facts: EmailRunFacts) -> tuple[Line, ...]:
    """Return who gets no mail because Zuora shows no address at all; the count of mails leaves them out."""
    if not facts.nobody:
        return ()
    shown = first_of([named(each) for each in facts.nobody], SHOWN_ACCOUNTS)
    documents = count(facts.unaddressed, "document")
    said = (
        f"{documents} of {shown}: Zuora shows neither a bill-to nor an additional address. "
        "Only an address that the email template itself names could get them"
    )
    return (line("Not counted as mails", said),)


def _odd_ones(facts: EmailRunFacts) -> tuple[Line, ...]:
    documents = facts.documents
    found = [
        f"{number:,} {what}"
        for number, what in (
            (documents.zero, f"with a total of zero{_zero_mails(facts)}"),
            (documents.negative, "below zero"),
            (documents.not_posted, "not posted, so left out"),
        )
        if number
    ]
    return (line("Among them", ", ".join(found)),) if found else ()


def _mails_itself(facts: EmailRunFacts) -> tuple[Line, ...]:
    """Return a warning if the run mails by itself, because Zuora marks those documents as mailed only later."""
    if facts.mails_itself is False:
        return ()
    mails = (
        "mails its documents by itself"
        if facts.mails_itself
        else "may have been set (Zuora does not say) to mail its documents by itself"
    )
    said = f"this run {mails}; where that mail is still on its way, customers get it twice"
    return (line("Note", said),)


def _zero_mails(facts: EmailRunFacts) -> str:
    """Return whether invoices of zero are mailed; credit memos of zero always are."""
    return {
        True: ", and the run is set not to mail such invoices",
        False: ", mailed too",
        None: ", and Zuora does not say whether the run mails invoices of zero",
    }[facts.zero_left_out]


def _largest(facts: EmailRunFacts) -> str:
    """Return the largest documents of each currency."""
    largest = first_of_each(facts.largest, SHOWN_LARGEST)
    return ", ".join(f"{one.number} {one}" if one.customer else str(one) for one in largest)
