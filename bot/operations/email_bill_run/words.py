"""The words and figures of the card and the thread for mailing a bill run. No I/O."""

from collections.abc import Sequence

from bot.domain.known import named
from bot.domain.words import Line, Moment, Part, count, in_days, line
from bot.operations import doubts
from bot.operations.email_bill_run.facts import EmailRunFacts
from bot.operations.operation import Table

SHOWN_LARGEST = 2
SHOWN_ACCOUNTS = 10
A_HANDFUL = 5
"""So few documents need no list in the thread."""


def lines(facts: EmailRunFacts, *, resend: bool) -> tuple[Line, ...]:
    """What a controller decides on."""
    documents = facts.documents
    return (
        line("Bill run", f"{facts.number} · {facts.name or 'no name'} · {facts.status}"),
        *(line(kind.label, kind.figures) for kind in documents.kinds),
        line("Goes to customers", *_going_out(facts, resend=resend), *_fewer(facts, resend=resend)),
        line("Goes to", "the addresses in To Email of Zuora's email templates, not known here"),
        *_mailed_before(facts),
        *doubts.run_lines(documents),
        *_without_address(facts),
        *_left_out(facts),
        *_odd_ones(facts),
        *_mails_itself(facts),
        line("Dates", _dates(facts)),
        *([line("Largest", _largest(facts))] if documents.largest else []),
        *facts.checks.lines(),
    )


def tables(facts: EmailRunFacts) -> Sequence[Table]:
    """The ten largest of each currency, and the accounts that do not fit on the card."""
    documents = facts.documents
    largest = tuple((each.number, each.customer, str(each.amount)) for each in documents.largest)
    without = tuple((customer,) for customer in documents.unreachable)
    found = []
    if documents.posted > A_HANDFUL:
        several = len({one.amount.currency for one in documents.largest}) > 1
        title = f"The {len(largest)} largest of {facts.number}{', by currency' if several else ''}"
        found.append(Table(title, ("Document", "Customer", "Amount"), largest))
    if len(without) > SHOWN_ACCOUNTS:
        found.append(Table("Without a bill-to address", ("Account",), without))
    return found


def _going_out(facts: EmailRunFacts, *, resend: bool) -> tuple[Part, ...]:
    documents = facts.documents
    if resend:
        again = f"{documents.mailed_before:,} were mailed before and get their mail again"
        return (f"all {documents.posted:,}, of which {again}",)
    if unknown := len(documents.mailed_unknown):
        perhaps = f"perhaps {unknown:,} of which it is not known when they were mailed"
        return (f"the {documents.never_mailed:,} never mailed, and {perhaps}",)
    if not documents.mailed_before:
        return (f"all {documents.posted:,}; none was mailed before",)
    never, before = documents.never_mailed, documents.mailed_before
    return (f"the {never:,} never mailed; the {before:,} mailed before stay out",)


def _fewer(facts: EmailRunFacts, *, resend: bool) -> tuple[Part, ...]:
    """That not all of these get a mail; the other lines say which."""
    mails, ordered = facts.mails(resend=resend), facts.ordered(resend=resend)
    return () if mails == ordered else (f"; {count(mails, 'mail')} in all",)


def _mailed_before(facts: EmailRunFacts) -> tuple[Line, ...]:
    documents = facts.documents
    if documents.last_mailed_at is None:
        return ()
    said = f"{documents.mailed_before:,} of {documents.posted:,}, last "
    return (line("Mailed before", said, Moment(documents.last_mailed_at)),)


def _without_address(facts: EmailRunFacts) -> tuple[Line, ...]:
    """Who has no address of their own; the template may still name another one."""
    accounts, unknown = facts.documents.unreachable, facts.documents.address_unknown
    said = []
    if accounts:
        shown = ", ".join(accounts[:SHOWN_ACCOUNTS])
        more = len(accounts) - SHOWN_ACCOUNTS
        rest = f" and {more:,} more, listed in the thread" if more > 0 else ""
        said.append(f"{count(len(accounts), 'account')} without a mail address: {shown}{rest}")
    if unknown:
        said.append(f"Zuora does not say whether {named(unknown)} has a mail address")
    return tuple(line("Bill-to contacts", each) for each in said)


def _left_out(facts: EmailRunFacts) -> tuple[Line, ...]:
    """Who gets no mail because Zuora shows no address at all; they are in no number of mails."""
    if not facts.nobody:
        return ()
    shown = ", ".join(facts.nobody[:SHOWN_ACCOUNTS])
    more = len(facts.nobody) - SHOWN_ACCOUNTS
    rest = f" and {more:,} more, listed in the thread" if more > 0 else ""
    documents = count(facts.unaddressed, "document")
    said = (
        f"{documents} of {shown}{rest}: Zuora shows neither a bill-to nor an additional address. "
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
            (documents.not_posted, "not posted, which stay out"),
        )
        if number
    ]
    return (line("Among them", ", ".join(found)),) if found else ()


def _mails_itself(facts: EmailRunFacts) -> tuple[Line, ...]:
    """Zuora marks documents as mailed only later, so those of its own mails can look unmailed."""
    if facts.mails_itself is False:
        return ()
    made = "was made" if facts.mails_itself else "may have been made (Zuora does not say)"
    said = (
        f"this run {made} to mail its documents by itself; where that mail is still on its way, "
        "customers get it twice"
    )
    return (line("Note", said),)


def _zero_mails(facts: EmailRunFacts) -> str:
    """Whether invoices of zero are mailed; credit memos of zero are in any case."""
    return {
        True: ", of which the run is set to mail no invoice",
        False: ", mailed too",
        None: ", and Zuora does not say whether the run mails invoices of zero",
    }[facts.zero_left_out]


def _dates(facts: EmailRunFacts) -> str:
    return f"target date {in_days(facts.target_date)} · invoice date {in_days(facts.invoice_date)}"


def _largest(facts: EmailRunFacts) -> str:
    """The largest documents of each currency; amounts of two currencies are not compared."""
    seen: dict[str, int] = {}
    shown = []
    for one in facts.documents.largest:
        seen[one.amount.currency] = seen.get(one.amount.currency, 0) + 1
        if seen[one.amount.currency] <= SHOWN_LARGEST:
            shown.append(f"{one.number} {one}" if one.customer else str(one))
    return ", ".join(shown)
