"""`/billstatus explain NUMBER words`, and the button that signs it."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards import blocks
from bot.domain import quotes
from bot.domain.authority import Person
from bot.domain.key import unquoted
from bot.domain.place import ENTITY, entity_part, parted
from bot.domain.words import Part
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.looking import click_of_viewer
from bot.workflow.explanations import About, may_explain, sign, write

WORD = "explain"
SIGN = "exception:sign"
HOW = "Write the number and then the explanation: `/billstatus explain BR-00000007 posted by hand while the bot was down`."
IN_WHICH = "Each of them has this number, so add `entity=Europe`, for example."
NOT_YOU = "Only approvers can sign explanations for the evidence. Nothing was recorded."


async def explain(answering: Answering, ack: AsyncAck, command: payloads.Command) -> None:
    """Record an explanation, and show it with the button that signs it."""
    parts, places = answering.parts, answering.parts.tenancy.places
    person = await _person(answering, command.actor)
    text, chosen = parted(command.text)
    number, words = _said(text)
    entities = {entity_part(place.key) for place in places.matching(chosen)}
    if not may_explain(person, parts.rules.policy):
        await ack(text=NOT_YOU)
    elif not words:
        await ack(text=HOW)
    elif len(entities) != 1:
        nowhere = places.unlisted(chosen) or places.read({})[1][ENTITY]
        await ack(text=blocks.escaped(f"{nowhere} {IN_WHICH}"))
    else:
        about = About(number, entities.pop())
        row = write(parts.store, parts.clock, person, about, words)
        said: tuple[Part, ...] = (f"For the evidence, about {number}: {words}",)
        button = blocks.button(
            "Sign", action_id=SIGN, value=str(row), style="primary", spoken=f"Sign the explanation of {number}"
        )  # fmt: skip
        shown = [blocks.paragraph(*said), blocks.actions(f"explain-{row}", button)]
        await ack(text=blocks.as_text(said), blocks=shown)


def _said(text: str) -> tuple[str, str]:
    """Return the number after the word `explain`, and the words about it; both empty if one is missing."""
    cut = list(quotes.pieces(text, ""))
    if len(cut) < 3:  # noqa: PLR2004 - the command's word, a number, a word about it
        return "", ""
    return unquoted(text[cut[1].start : cut[1].end]), text[cut[1].end :].strip()


def register(app: AsyncApp, answering: Answering) -> None:
    """Connect the button."""

    @app.action(SIGN)
    async def signed(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        click = await click_of_viewer(answering, body, "sign an explanation")
        if click is None:
            return
        parts = answering.parts
        person = await _person(answering, click.actor)
        words = NOT_YOU
        if may_explain(person, parts.rules.policy):
            number = sign(parts.store, parts.clock, person, click.value)
            words = f"Signed. The evidence shows it beside {number}." if number else HOW
        await answering.say(click.channel, click.actor, words)


async def _person(answering: Answering, actor: payloads.Actor) -> Person:
    return await answering.people.person(actor, answering.parts.rules.policy.deciders)
