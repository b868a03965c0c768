"""Reads Zuora for the evidence, place by place, and compares it with what the bot did."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from bot.audit.evidence import brought_forward
from bot.audit.evidence.own import ABOUT_RUNS, Own, Period, Read
from bot.audit.evidence.reconcile import entities_of, explained, reconciled_everywhere
from bot.audit.evidence.runs import not_done
from bot.cli.clock import SystemClock
from bot.settings import AloneSettings, EvidenceSettings
from bot.store.file import by_the_bot
from bot.store.file.reading import DatabaseFile
from bot.store.times import to_text
from bot.wiring.clients import zuora_client
from bot.zuora.client import http_client

READ_SECONDS = 60.0
A_MONTH = timedelta(days=31)
"""The longest that a mail may precede the period in which it shows: Zuora marks some mails late."""
NOT_ASKED = "Zuora was not asked (--without-zuora)"


def forward(settings: AloneSettings, previous: Path, file: DatabaseFile) -> list[dict[str, Any]]:
    """Return the exceptions that the package before leaves open, with what was signed of them since."""
    signed, entities = by_the_bot.explanations(file), entities_of(settings.places)
    return brought_forward.read(previous, signed, entities)


def read(settings: AloneSettings, period: Period, file: DatabaseFile) -> dict[str, Any]:
    """Return the result of comparing with Zuora, or "not compared" if Zuora is not asked or cannot be read."""
    if not isinstance(settings, EvidenceSettings):
        return not_done(NOT_ASKED)
    click.echo("Reading Zuora's list of bill runs")
    return asyncio.run(_reconciled(settings, period, file))


async def _reconciled(
    settings: EvidenceSettings, period: Period, file: DatabaseFile
) -> dict[str, Any]:
    since = to_text(period.start - A_MONTH)
    own = Own(
        Read(lambda: by_the_bot.done(file, ABOUT_RUNS)),
        Read(lambda: by_the_bot.mailed(file, since)),
    )
    http = http_client()
    try:
        zuora = zuora_client(settings, SystemClock(), http, read_seconds=READ_SECONDS)
        now = SystemClock().now()
        found = await reconciled_everywhere(zuora, settings.places, period, own, now)
        return explained(found, by_the_bot.explanations(file), settings.places)
    finally:
        await http.aclose()
