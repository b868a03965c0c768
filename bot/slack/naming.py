"""Asks Zuora what numbers name, for forms and commands."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from bot.domain.place import Place
from bot.domain.words import listed
from bot.operations.operation import Problems
from bot.slack.forms.ask_form import AskForm
from bot.slack.payloads import Values
from bot.workflow.tenancy import Tenancy
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraError, ZuoraNotFound, unanswered
from bot.zuora.named import Found

logger = logging.getLogger(__name__)

T = TypeVar("T")
NO_VALUES: Values = {}


async def found_or_none(tenancy: Tenancy, keys: Sequence[str], chosen: Values) -> Found | None:
    """What the keys name; None where Zuora cannot be read, or where is not chosen yet."""
    places = tenancy.places.matching(chosen)
    if len(places) != 1:
        return None
    try:
        return await tenancy.zuora_in(places[0].key).what_are(keys)
    except ZuoraError as error:
        logger.info("numbers_were_not_looked_up", extra={"error": type(error).__name__})
        return None


async def with_kinds(tenancy: Tenancy, form: AskForm, values: Values) -> Values | Problems:
    """What was typed with what Zuora knows about its numbers, or what has to be typed instead."""
    unclear = form.unclear(values)
    place, nowhere = tenancy.places.read(values)
    if not unclear or nowhere:  # what is wrong with the place is said with all that is wrong
        return Problems(nowhere) if nowhere else values
    try:
        found = await tenancy.zuora_in(place.key).what_are(unclear)
    except ZuoraError as error:
        field = "bill_run" if "bill_run" in values else "documents"
        words = unanswered(error, "Nothing was saved. Please try again.")
        return Problems({field: words})
    return form.cleared(values, found)


async def found_in(
    tenancy: Tenancy, chosen: Values, read: Callable[[ZuoraClient], Awaitable[T]]
) -> list[tuple[Place, T]]:
    """What reading gives in each place that fits what was chosen; none where there is no such thing.

    Raises:
        ZuoraError: A place could not be read, so that it is not known what is there.
    """

    async def one(place: Place) -> tuple[Place, T] | None:
        try:
            return place, await read(tenancy.zuora_in(place.key))
        except ZuoraNotFound:
            return None

    found = await asyncio.gather(
        *(one(place) for place in tenancy.places.matching(chosen)),
        return_exceptions=True,
    )
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return [each for each in found if each is not None and not isinstance(each, BaseException)]


def which_place(key: str, command: str, found: Sequence[tuple[Place, Any]]) -> str:
    """What to type where a number is there in several places."""
    words = [place.words for place, _ in found]
    unit = next(unit for unit in found[0][0].values)
    name = found[0][0].names[unit]
    return f'{key} is there in {listed(words)}. Type which one: {command} {key} {unit}="{name}"'
