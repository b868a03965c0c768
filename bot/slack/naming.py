"""Asks Zuora what numbers name, for forms and commands."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from bot.domain.place import Place
from bot.domain.quotes import in_quotes
from bot.domain.words import listed
from bot.operations.typed import Problems, Values
from bot.slack.forms.ask_form import AskForm
from bot.workflow.tenancy import Tenancy
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraError, ZuoraNotFound, unanswered, what_next
from bot.zuora.named import Found

logger = logging.getLogger(__name__)

T = TypeVar("T")
NO_VALUES: Values = {}


async def found_or_none(tenancy: Tenancy, keys: Sequence[str], chosen: Values) -> Found | None:
    """Return what the keys name; None if Zuora cannot be read or no place is chosen yet."""
    places = tenancy.places.matching(chosen)
    if len(places) != 1:
        return None
    try:
        return await tenancy.zuora_in(places[0].key).what_are(keys)
    except ZuoraError as error:
        logger.info("numbers_were_not_looked_up", extra={"error": type(error).__name__})
        return None


async def with_kinds(tenancy: Tenancy, form: AskForm, values: Values) -> Values | Problems:
    """Return what was typed with what Zuora knows about its numbers, or what must be typed instead."""
    unclear = await asyncio.to_thread(form.unclear, values)
    place, nowhere = tenancy.places.read(values)
    if not unclear or nowhere:  # a problem with the place is shown with all other problems
        return Problems(nowhere) if nowhere else values
    try:
        found = await tenancy.zuora_in(place.key).what_are(unclear)
    except ZuoraError as error:
        field = "bill_run" if "bill_run" in values else "documents"
        words = unanswered(error, f"Nothing was saved. {what_next(error)}")
        return Problems({field: words})
    cleared = await asyncio.to_thread(form.cleared, values, found)
    if not isinstance(cleared, Problems):
        return cleared
    wanted = form.wanted(values)  # problems of the other fields are shown as well
    others = wanted.by_field if isinstance(wanted, Problems) else {}
    return replace(cleared, by_field={**others, **cleared.by_field})


async def found_in(
    tenancy: Tenancy, chosen: Values, read: Callable[[ZuoraClient], Awaitable[T]]
) -> list[tuple[Place, T]]:
    """Return what reading gives in each place that fits the choice, without places where the thing does not exist.

    Raises:
        ZuoraError: A place could not be read, so it is not known what is there.
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


def which_place(
    typed: str, command: str, found: Sequence[tuple[Place, Any]], said: str = ""
) -> str:
    """Return in which places a number exists, and what to type for one of them."""
    said = said or f"{typed} exists in {listed([place.words for place, _ in found])}."
    choice = " ".join(f"{unit}={in_quotes(name)}" for unit, name in found[0][0].names.items())
    return f"{said} Type which one: {command} {typed} {choice}"
