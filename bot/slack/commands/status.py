"""`/billstatus`: where billing stands, for those who may look, answered privately."""

import difflib
import re
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.cards import blocks
from bot.cards.run_card import run_card
from bot.domain.authority import Person, Refusal
from bot.domain.clean import as_key
from bot.domain.clock import Clock
from bot.domain.key import bill_run_key, document_key, own_spelling, unquoted
from bot.domain.kind import KIND_WORDS
from bot.domain.message import Words
from bot.domain.place import Within, parted
from bot.domain.words import shortened
from bot.operations.typed import Values
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.commands.month import Wanted, send_export, send_month
from bot.slack.explaining import WORD as EXPLAIN
from bot.slack.explaining import explain
from bot.slack.forms import numbers
from bot.slack.looking import not_to_view, viewer_or_recorded
from bot.slack.naming import found_in, which_place
from bot.slack.queue import queue
from bot.slack.replying import TypedCommand, reply
from bot.status import answers
from bot.status.lists import Links
from bot.status.month import MONTHS, month_named, span_of
from bot.store.errors import CouldNotRecordError
from bot.store.store import Store
from bot.workflow.parts import Looking
from bot.zuora.errors import ZuoraError, unanswered

COMMAND = "/billstatus"
HELP = """*`/billstatus`* shows you alone where billing stands: unknown outcomes first, then what waits, \
what runs and the last ten results.
`/billstatus mine` your own requests. `/billstatus waiting` what you may approve, one request a page, with buttons.
`/billstatus R-17` a request's whole story. `/billstatus BR-00000001` a bill run in Zuora and the \
requests about it; `/billstatus INV00000012` (or DM…, CM…) the requests about a document.
`/billstatus month` or `/billstatus month 2026-10` the figures of a month, with a picture.
`/billstatus export month` or `/billstatus export month 2026-10` sends you a month as a file.
`/billstatus explain BR-00000001 why` records, for the evidence, why something was done in Zuora without the bot.
Put a number with spaces or commas in quotation marks. Where there are several entities or \
organizations, `entity=Europe` or `org=Retail` anywhere in the line limits it to one.
`/billstatus help` shows this.
"""
WAITING = "waiting"
WORDS = ("mine", WAITING, "month", "export month", "help")
NEAREST = {
    **{word: word for word in WORDS}, "my": "mine", "me": "mine", "approve": "waiting",
    "pending": "waiting", "open": "waiting", "export": "export month", "download": "export month",
    "csv": "export month", "report": "month", "figures": "month", "unknown": "", "running": "",
    "failed": "", "results": "", "recent": "", "today": "", "status": "", "all": "",
    "inv": "INV00000012", "dm": "DM00000012", "cm": "CM00000012", "br": "BR-00000001",
    **{name.lower(): f"month {name.lower()}" for name in MONTHS},
}  # fmt: skip
"""The command's word that other words probably mean; empty: the command without a word."""

TROUBLED = (
    "The bot's database is in trouble ({trouble}), so it cannot show where billing stands, and nothing is approved or "
    "sent. Please tell whoever runs Billing Bot."
)
NOT_BEGUN = "{month} has not begun (months are UTC). `/billstatus month` shows this month."
_REQUEST = re.compile(r"R-?(\d{1,12})", re.ASCII | re.IGNORECASE)


def register(app: AsyncApp, answering: Answering, links: Links) -> None:
    """Connect the command."""

    @app.command("/billstatus")
    async def billstatus(ack: AsyncAck, respond: AsyncRespond, body: dict[str, Any]) -> None:
        command = payloads.command(body)
        try:
            if not (trouble := answering.parts.store.trouble):
                if parted(command.text)[0].lower().split(" ", 1)[0] == EXPLAIN:
                    await explain(answering, ack, command)
                    return
                await _billstatus(answering, links, TypedCommand(command, ack, respond))
                return
        except CouldNotRecordError:
            trouble = answering.parts.store.trouble or "database not readable"
        await ack(await _troubled(answering, command.actor, trouble))


async def _troubled(answering: Answering, actor: payloads.Actor, trouble: str) -> str:
    """Return what is wrong with the database, which is all that can be shown; strangers get only the refusal."""
    person = await answering.people.person(actor, ())
    if person.barred:
        return blocks.as_text(not_to_view(Refusal.BARRED, person, answering.parts.rules.policy))
    return TROUBLED.format(trouble=trouble)


async def _billstatus(answering: Answering, links: Links, typed: TypedCommand) -> None:
    command, ack = typed.command, typed.ack
    text, chosen = parted(command.text)
    decides = _word(text) == WAITING
    person, why = await viewer_or_recorded(answering, command.actor, COMMAND, decides=decides)
    if why:
        await ack(text=blocks.as_text(why))
        return
    if nowhere := answering.parts.tenancy.places.unlisted(chosen):
        await ack(text=blocks.escaped(nowhere))
        return
    within = answering.parts.tenancy.places.within(chosen)
    words = _word(text).split()
    first = words[0] if words else ""
    if first in ("month", "export") and (month := _month(answering.parts.clock, words)):
        if span_of(month)[0] > answering.parts.clock.now():
            await ack(NOT_BEGUN.format(month=month))
            return
        send = send_month if first == "month" else send_export
        await send(answering, typed, Wanted(month, within, links))
    elif first in ("month", "export"):
        shown = shortened(text, 60)
        await ack(blocks.escaped(f"{COMMAND} does not know “{shown}”. {nearest(text)}"))
    elif _is_a_number(answering.parts.store, text):
        work = look_up(answering.parts, links, text, chosen)
        shown = blocks.escaped(shortened(text, 60))
        await reply(answering, typed, work, f"Looking for {shown} in Zuora…")
    else:
        answer, made = await answer_to(answering, links, person, text, within)
        await ack(text=answer, blocks=made or None)


def _request_named(text: str) -> int | None:
    """Return the number of `R-17`, however it was pasted; None for anything else and for quoted text."""
    found = _REQUEST.fullmatch(as_key(text)) if unquoted(text) == text else None
    return int(found[1]) if found else None


def _is_a_number(store: Store, text: str) -> bool:
    """Return whether it may be a number in Zuora, because it is no word of the command and no request of the bot."""
    request = _request_named(text)
    is_request = request is not None and store.requests.is_there(request)
    return bool(text) and _word(text) not in WORDS and not is_request


def _word(text: str) -> str:
    """Return the text as words of the command; empty if it is quoted, because then it is a number."""
    return as_key(text).lower() if unquoted(text) == text else ""


def _month(clock: Clock, words: list[str]) -> str | None:
    """Return the month that `month …` or `export month …` names; None if it names none."""
    rest = words[1:] if words[0] == "export" else words
    if not rest or rest[0] != "month":
        return None
    return month_named(" ".join(rest[1:]), clock.now())


async def answer_to(
    answering: Answering, links: Links, person: Person, text: str, within: Within
) -> Words:
    """Return the answer that needs only the database."""
    store = answering.parts.store
    word = _word(text)
    if word == "help":
        return Words(HELP)
    if word == WAITING:
        return queue(answering.parts, links, person, within=within)
    if word == "mine":
        return answers.mine(store, links, person.user_id, within)
    if (request := _request_named(text)) is not None:
        return answers.story(store, links, request, within)
    return answers.overview(store, links, within)


async def look_up(parts: Looking, links: Links, typed: str, chosen: Values) -> Words:
    """Return what a number names in Zuora: a bill run as it stands, or the requests about a document."""
    key, requests = own_spelling(unquoted(typed)), _Requests(parts, links, chosen)
    try:
        keys = numbers.unclear(typed)
        read = await found_in(parts.tenancy, chosen, lambda zuora: zuora.what_are(keys))
    except ZuoraError as error:
        return requests.about(key, unanswered(error))
    if why := next(filter(None, (numbers.or_another(typed, found) for _, found in read)), ""):
        return Words(blocks.escaped(why))
    there = [(place, named) for place, found in read if (named := found.of(typed))]
    if not there and "bill_run" in read[0][1].not_read:
        return await look(parts, links, key, chosen)  # which says why it cannot be read
    if not there:
        words = numbers.unknown([shortened(unquoted(typed))], read[0][1])
        return requests.about(key, f"{words} {nearest(typed)}".strip())
    place, named = there[0]
    if len(there) == len(named) == 1 and named[0].kind == "bill_run":
        return await look(parts, links, named[0].number, place.values)
    words = " ".join(numbers.several(named[0].number, each, place.words) for place, each in there)
    if len(there) > 1:
        words = which_place(typed, COMMAND, there, words)
    elif len(named) > 1:
        words += f" `{COMMAND} {numbers.either(named)}` names one of them."
    is_document = all(each.kind in KIND_WORDS for each in named)
    return requests.about(named[0].number, words, is_document=is_document)


async def look(parts: Looking, links: Links, key: str, chosen: Values) -> Words:
    """Return a bill run as Zuora has it, and the requests about it, which are shown even if Zuora does not answer."""
    requests = _Requests(parts, links, chosen)
    try:
        found = await found_in(parts.tenancy, chosen, lambda zuora: zuora.run_with_documents(key))
    except ZuoraError as error:
        words = unanswered(error)
        return requests.about(key, words)
    if not found:
        return requests.about(key, f"Zuora knows no bill run {key}.")
    if len(found) > 1:
        return requests.about(key, which_place(key, COMMAND, found))
    place, (run, documents) = found[0]
    text, shown = run_card(parts.tenancy.words_with(place.words), run, documents, place.key)
    about = answers.about_lines(
        parts.store, links, run.number, parts.tenancy.places.within(place.values)
    )
    card = [block for block in shown if block["type"] != "actions"]
    return Words(f"{text}\n{blocks.lines_as_text(about)}", [*card, blocks.labelled(about)])


@dataclass(frozen=True, slots=True)
class _Requests:
    """What the database knows of a number, shown below what Zuora says of it."""

    parts: Looking
    links: Links
    chosen: Values

    def about(self, key: str, words: str, *, is_document: bool = False) -> Words:
        """Return the words, and the requests about this number in the chosen place."""
        store, places = self.parts.store, self.parts.tenancy.places
        if not store.status.about(key, 1):
            return Words(f"{blocks.escaped(words)}\nRequests: none")
        about = answers.about_lines(store, self.links, key, places.within(self.chosen))
        if is_document:
            about = (*about, answers.WITH_ITS_RUN)
        return Words(
            f"{blocks.escaped(words)}\n{blocks.lines_as_text(about)}",
            [blocks.paragraph(words), blocks.labelled(about)],
        )


def nearest(text: str) -> str:
    """Return `Did you mean …?` for an unknown word; empty for a plain number."""
    if bill_run_key(text) or document_key(text):
        return ""
    if (request := _request_named(text)) is not None:
        return f"There is no request R-{request}."
    word = text.split(maxsplit=1)[0].lower()
    digits = re.fullmatch(r"(?:br|r)?[\s_-]*(\d{1,12})", text.strip(), re.ASCII | re.IGNORECASE)
    if word in ("month", "export"):
        meant = f"{'export ' * (word == 'export')}month {_nearest_month(text.lower().split())}"
    elif digits:
        short = len(digits[1]) < 8 and not text.strip().lower().startswith("br")  # noqa: PLR2004 - of a run
        meant = f"R-{int(digits[1])}" if short else f"BR-{digits[1].zfill(8)}"
    else:
        near = difflib.get_close_matches(word, NEAREST, n=1, cutoff=0.6)
        meant = NEAREST[near[0]] if near else "help"
    return f"Did you mean `{f'{COMMAND} {meant}'.rstrip()}`?"


def _nearest_month(words: list[str]) -> str:
    """Return `december 2025` for `month decmber 2025`; `2026-10`, as an example, if no name of a month is near."""
    rest = [word for word in words if word not in ("export", "month")]
    near = difflib.get_close_matches(rest[0], map(str.lower, MONTHS), n=1) if rest else []
    year = rest[1:2] if near and re.fullmatch(r"2[01]\d\d", "".join(rest[1:2]), re.ASCII) else []
    return " ".join([*near, *year]) or "2026-10"
