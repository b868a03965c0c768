"""Asks Zuora what numbers name, for forms and commands."""

import logging
from collections.abc import Sequence

from bot.operations.operation import Problems
from bot.slack.answering import Answering
from bot.slack.forms.ask_form import AskForm
from bot.slack.payloads import Values
from bot.zuora.errors import ZuoraError
from bot.zuora.named import Found

logger = logging.getLogger(__name__)


async def found_or_none(answering: Answering, keys: Sequence[str]) -> Found | None:
    """What the keys name; None where Zuora cannot be read."""
    try:
        return await answering.parts.zuora.what_are(keys)
    except ZuoraError as error:
        logger.info("numbers_were_not_looked_up", extra={"error": str(error)})
        return None


async def with_kinds(answering: Answering, form: AskForm, values: Values) -> Values | Problems:
    """What was typed with what Zuora knows about its numbers, or what has to be typed instead."""
    unclear = form.unclear(values)
    if not unclear:
        return values
    try:
        found = await answering.parts.zuora.what_are(unclear)
    except ZuoraError as error:
        field = "bill_run" if "bill_run" in values else "documents"
        words = f"Zuora could not be read: {error} Nothing was saved; try again."
        return Problems({field: words})
    return form.cleared(values, found)
