"""`/billstatus month` and `export month`: figures as a table and a picture, and a month's file."""

import logging
from dataclasses import dataclass
from io import BytesIO
from tempfile import TemporaryFile
from typing import NamedTuple

from slack_bolt.async_app import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.cards import blocks
from bot.domain.message import Words
from bot.domain.place import Within
from bot.domain.words import Link, Part, shortened
from bot.slack.answering import COULD_NOT_RECORD, Answering
from bot.slack.errors import NO_ANSWER
from bot.slack.replying import TypedCommand, reply, said_if_it_fails, say
from bot.slack.uploads import Upload, send_file
from bot.status.chart import chart_of
from bot.status.drawing import DrawingError, drawn
from bot.status.export import ArchivedError, export
from bot.status.lists import Links
from bot.status.month import Month, month_before, month_within, read_month
from bot.status.month_words import in_one_text, rows_of, title_of
from bot.store.errors import CouldNotRecordError

logger = logging.getLogger(__name__)

ALT_LIMIT = 1000
HOW_COUNTED = (
    "A request counts in the month it was asked in (UTC). The documents and amounts do not include what a bill run "
    "posts or mails by itself."
)
PICTURE = (
    "The picture follows as a direct message, because Slack has no private files in channels; a link to it "
    "will appear here."
)
PICTURE_IS_THERE = "The picture of {month} is in your direct messages with Billing Bot"
NOT_SENT = "Slack did not take “{what}”. Nothing was lost; please ask once more."
NOT_MADE = (
    "The file of {month} could not be made. Please tell whoever runs Billing Bot; the log says what "
    "failed."
)
NOT_DRAWN = (
    "The picture of {month} could not be drawn; the table above has its figures. Please tell whoever "
    "runs Billing Bot; the log says what failed."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A month by name, the places whose requests count, and the links."""

    name: str
    within: Within
    links: Links


class _There(NamedTuple):
    """The direct message that announces a file."""

    channel: str
    ts: str


async def send_month(answering: Answering, typed: TypedCommand, wanted: Wanted) -> None:
    """Send the table at once and the picture as a direct message, both only to the person who asked.

    A private answer in a channel cannot hold a file that was not shared
    (github.com/slackapi/node-slack-sdk/issues/1790), so a link to the picture follows where it was asked for.
    """
    work = _month(answering, typed, wanted)
    await reply(answering, typed, work, f"Counting {wanted.name}…")


async def _month(answering: Answering, typed: TypedCommand, wanted: Wanted) -> Words:
    try:
        month = await read_month(answering.parts.store, wanted.name, wanted.within)
    except CouldNotRecordError:
        return Words(COULD_NOT_RECORD)

    async def picture() -> None:
        await said_if_it_fails(typed.respond, _send_picture(answering, typed, month, wanted))

    what = f"the picture of {wanted.name}{wanted.within.words}"
    answering.keep_once(typed.command.actor.user_id, what, picture)
    return Words(f"{title_of(month)}\n{_lines(month)}\n{HOW_COUNTED} {PICTURE}", table(month))


def table(month: Month) -> list[blocks.Block]:
    """Return the figures as a table."""
    rows = (("Figure", title_of(month)), *rows_of(month))
    return [
        blocks.header(f"{title_of(month)} in figures"),
        {
            "type": "table",
            "column_settings": [{"is_wrapped": False}, {"is_wrapped": True}],  # fits a phone
            "rows": [[_cell(text) for text in row] for row in rows],
        },
        blocks.context(f"{HOW_COUNTED} {PICTURE}"),
    ]


def _cell(text: str) -> blocks.Block:
    return {"type": "raw_text", "text": text or "-"}


def _lines(month: Month) -> str:
    return "\n".join(f"{label}: {value}" for label, value in rows_of(month))


async def _send_picture(
    answering: Answering, typed: TypedCommand, month: Month, wanted: Wanted
) -> None:
    command, respond = typed.command, typed.respond
    await answering.parts.store.turns.after_people()  # the table first, which somebody waits for
    try:
        before = await month_within(answering.parts.store, month_before(month.name), wanted.within)
        async with answering.drawing:
            content = await drawn(chart_of(month, before))
    except DrawingError:
        logger.exception("picture_was_not_drawn")
        await say(respond, Words(NOT_DRAWN.format(month=title_of(month))))
        return
    there = await _upload(
        answering.client,
        respond,
        command.actor.user_id,
        Upload(
            name=f"billing-{month.name}.png",
            title=f"{title_of(month)} in figures",
            content=BytesIO(content),
            words=f"{title_of(month)}: amounts by day and currency, and time to decision.",
            alt=alt_text(month),
        ),
    )
    if there is not None and there.channel != command.channel:
        url = wanted.links.card(there.channel, there.ts)
        link: tuple[Part, ...] = (": ", Link("open it", url)) if url else (".",)
        await say(
            respond, Words(blocks.as_text((PICTURE_IS_THERE.format(month=title_of(month)), *link)))
        )


def alt_text(month: Month) -> str:
    """Return the picture in words, no longer than Slack takes; if it would be, without the days."""
    whole = in_one_text(month)
    if len(whole) <= ALT_LIMIT:
        return whole
    days = f" By day: /billstatus export month {month.name} has all."
    return shortened(whole.split(" By day:")[0], ALT_LIMIT - len(days)) + days


async def send_export(answering: Answering, typed: TypedCommand, wanted: Wanted) -> None:
    """Send a month's file only to the person who asked, because it holds reasons and names."""
    name = f"{wanted.name}{wanted.within.words}"
    await typed.ack(
        f"The file of {blocks.escaped(name)} is being made; you will get it as a direct message."
    )

    async def file() -> None:
        await said_if_it_fails(typed.respond, _send_file(answering, typed, wanted))

    answering.keep_once(typed.command.actor.user_id, f"the file of {name}", file)


async def _send_file(answering: Answering, typed: TypedCommand, wanted: Wanted) -> None:
    respond = typed.respond
    name, store = f"{wanted.name}{wanted.within.words}", answering.parts.store
    with TemporaryFile() as into:
        try:
            await export(
                store, wanted.name, "csv", into, answering.people.name_of, within=wanted.within
            )
        except ArchivedError as error:
            await say(respond, Words(str(error)))
            return
        except Exception:
            logger.exception("file_was_not_made")
            await say(respond, Words(NOT_MADE.format(month=name)))
            return
        upload = Upload(
            name=f"billing-{wanted.name}.csv",
            title=f"Requests of {name}",
            content=into,
            words=f"The requests of {name} with their documents and results.",
        )
        await _upload(answering.client, respond, typed.command.actor.user_id, upload)


async def _upload(
    client: AsyncWebClient, respond: AsyncRespond, to: str, upload: Upload
) -> _There | None:
    """Announce a file in a direct message to a person, and upload it there; return None if Slack refused."""
    try:
        opened = await client.chat_postMessage(channel=to, text=upload.words)
        await send_file(client, upload, channel=str(opened["channel"]))
    except NO_ANSWER:
        logger.exception("file_was_not_sent")
        await say(respond, Words(NOT_SENT.format(what=upload.title)))
        return None
    return _There(str(opened["channel"]), str(opened["ts"]))
