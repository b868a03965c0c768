"""`billing-bot evidence`: the evidence that auditors need for a period, in one file."""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from bot.audit.elsewhere import NOT_COMPARED, apart
from bot.audit.evidence import archive
from bot.audit.evidence.archive import Before, Scope
from bot.audit.evidence.in_slack import Sent
from bot.audit.evidence.lights import Shade, slack_light
from bot.audit.evidence.mask import Mask, NoMask
from bot.audit.evidence.own import Period
from bot.audit.evidence.reconcile import outside
from bot.audit.verify import Verified, verify_database
from bot.cli import in_zuora, slack_cards
from bot.cli.checked import say_findings
from bot.cli.clock import SystemClock
from bot.cli.exits import MEND_FIRST, NOT_DONE, NOT_READABLE
from bot.cli.help import example
from bot.cli.typed import Day
from bot.cli.verify import CODES
from bot.domain.words import count, some
from bot.settings import (
    AloneSettings,
    EvidenceSettings,
    SettingsError,
    read_alone_settings,
    read_evidence_settings,
)
from bot.store.engine import without_password
from bot.store.errors import StoreError
from bot.store.file import evidence as stored
from bot.store.file.cards import (
    Cards,
    card_ts,
    heads_not_taken,
    is_waiting,
    last_id,
    newest_message,
    sent,
    workspace,
)
from bot.store.file.reading import DatabaseFile, open_read_only
from bot.store.private import replaced
from bot.store.snapshot import as_file
from bot.store.snapshot import newest_message as newest_message_now
from bot.store.times import to_text
from bot.workflow.installed import surroundings
from bot.workflow.signing import Signer

MOST_NAMED = 20
DAMAGED = "{} of the history {} damaged ({}): what rests on {} is in the package as not compared"


class _Zone(click.ParamType[ZoneInfo]):
    """A name from the IANA database, like Europe/Berlin."""

    name = "ZONE"

    def convert(
        self, value: str | ZoneInfo, param: click.Parameter | None, ctx: click.Context | None
    ) -> ZoneInfo:
        if isinstance(value, ZoneInfo):
            return value
        try:
            return ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(f"{value!r} is not a time zone; write it like Europe/Berlin", param, ctx)


@click.command(
    epilog=example(
        "billing-bot evidence --from 2026-07-01 --to 2026-09-30 --after q2.zip --out q3.zip"
    )
)
@click.option("--from", "first", type=Day(), required=True, help="First day of the period.")
@click.option("--to", "last", type=Day(), required=True, help="Last day of it.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The package to write.",
)
@click.option(
    "--after",
    "previous",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The previous package: this one begins with the row after its last, so that no row is left out.",
)
@click.option(
    "--zone", type=_Zone(), default="UTC", help="Time zone of these days; UTC by default."
)
@click.option(
    "--sample",
    type=click.IntRange(0),
    default=0,
    help="Draw this many requests at random, by --seed.",
)
@click.option("--seed", default="", help="Any text chosen by the auditor, for --sample.")
@click.option(
    "--without-zuora",
    is_flag=True,
    help="Do not ask Zuora, where nobody can any more; the package says so, and the exit status is 26.",
)
@click.option("--redact", is_flag=True, help="Mask customers' names and mail addresses.")
def evidence(first: datetime, last: datetime, **options: Any) -> None:
    """Write the evidence for a period: every request, decision, call and refusal, with its chain.

    It reads the database, Zuora's lists of bill runs and invoices, and Slack where SLACK_BOT_TOKEN is set.
    In it, 00-report.html and evidence.xlsx are for people. The exit status is 0,
    or that of `billing-bot verify` if the history is not whole, or 26 where Zuora could not be read
    or compared, or Slack could not be read although its token is set: the file is written all the same and says so.
    """
    if last < first:
        raise click.UsageError("--to is before --from.")
    try:
        is_alone = options["without_zuora"]
        settings = read_alone_settings() if is_alone else read_evidence_settings()
        period = _period(first.date(), last.date(), options["zone"])
        before = archive.before_of(options["previous"]) if options["previous"] else None
        verified, compared = _make(settings, period, before, options)
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(MEND_FIRST)
    except (StoreError, OSError) as error:
        click.echo(f"not readable or not writable: {error}", err=True)
        sys.exit(NOT_READABLE)
    say_findings(verified)
    if verified.flaw:
        sys.exit(CODES[verified.flaw])
    sys.exit(0 if compared else NOT_DONE)


def _period(first: date, last: date, zone: ZoneInfo) -> Period:
    return Period(
        datetime.combine(first, time(), zone).astimezone(UTC),
        datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC),
    )


def _make(
    settings: AloneSettings,
    period: Period,
    before: Before | None,
    options: Mapping[str, Any],
) -> tuple[Verified, bool]:
    with as_file(settings.database_path) as path:
        return _made(path, settings, period, before, options)


def _made(
    path: Path,
    settings: AloneSettings,
    period: Period,
    before: Before | None,
    options: Mapping[str, Any],
) -> tuple[Verified, bool]:
    out, previous = Path(options["out"]), options["previous"]
    key = settings.audit_key.get_secret_value()
    verified = verify_database(path, key=key, noted=[[before.last]] if before else [])
    with open_read_only(path) as file:
        damaged = stored.made_readable(file, hide=options["redact"])
        compared = in_zuora.read(settings, period, file)
        signer = _signer(settings, file)
        public = signer.public if signer else ""
        scope = Scope(
            period=period,
            made_at=SystemClock().now(),
            key=key.encode() if verified.keyed else b"",
            mask=Mask() if options["redact"] else NoMask(),
            before=before,
            verified=_findings(verified) | _by_whom(settings),
            sample=(options["seed"], options["sample"]),
            forward=in_zuora.forward(settings, previous, file) if previous else (),
            signature=lambda text: (
                {"public": public, "signature": signer.sign(text)} if signer else None
            ),
        )
        stored.made_ready(file)
        cards = Cards(file, archive.span_of(file, scope))
        scope = replace(
            scope,
            verified={**scope.verified, "heads_not_taken": heads_not_taken(file)},
            slack=asyncio.run(
                slack_cards.read(
                    settings, cards, _Sent(file, settings.database_path), workspace(file)
                )
            ),
        )
        packets = archive.size(file, scope)
        with (
            replaced(out, database=path) as unfinished,
            click.progressbar(
                length=archive.STEPS * packets, label=count(packets, "request")
            ) as bar,
        ):
            manifest = archive.write(unfinished, file, scope, compared, lambda: bar.update(1))
    for words in _unfinished(scope):
        click.echo(words, err=True)
    if damaged:
        are, them = ("is", "it") if len(damaged) == 1 else ("are", "them")
        click.echo(
            DAMAGED.format(
                count(len(damaged), "row"), are, some([*map(str, damaged)], MOST_NAMED), them
            ),
            err=True,
        )
    click.echo(f"{out}: {count(packets, 'request')}. Manifest's SHA-256: {manifest}")
    done = compared["status"] == "done"
    exceptions = sum(each["what"] != NOT_COMPARED for each in outside(compared["things"]))
    if done or exceptions:
        click.echo(f"Done outside the bot: {exceptions} (exceptions.jsonl)")
    if not done:
        click.echo(f"Reconciliation not done: {compared['why']}", err=True)
    light = slack_light(scope.slack)
    click.echo(f"Slack, {light.shade}: {light.words}", err=light.shade is not Shade.GOOD)
    read = scope.slack["status"] == "done" or not settings.slack_bot_token.get_secret_value()
    return verified, done and read


def _signer(settings: AloneSettings, file: DatabaseFile) -> Signer | None:
    """Return what signs the manifest: the key that signs the heads, if it is set here."""
    key = settings.audit_signing_key.get_secret_value()
    signer, keys = Signer(key) if key else None, file.signing_keys()
    if keys and (signer is None or signer.public != keys[-1]["public"]):
        click.echo(NOT_SIGNED.format(keys[-1]["row"], keys[-1]["public"]), err=True)
        return None
    return signer if keys else None


NOT_SIGNED = (
    "The package is not signed: heads are signed from row {0} on with the key {1}, and AUDIT_SIGNING_KEY is not set to "
    "that key here. verify says so (24) unless it gets the manifest's SHA-256 below, or the next package."
)


class _Sent:
    """The bot's messages in the database."""

    def __init__(self, file: DatabaseFile, database: str) -> None:
        self._file = file
        self._database = database
        self._id = last_id(file)
        self._newest = newest_message(file)

    def sent(self, request: int) -> Mapping[str, Sent]:
        return {
            ts: Sent(number, text, blocks) for ts, number, text, blocks in sent(self._file, request)
        }

    def has_card(self, request: int, ts: str) -> bool:
        return card_ts(self._file, request) == ts

    def is_later(self, number: int, database: object) -> bool:
        if database != self._id:
            return False  # it was sent before an older copy was put back, or by another database
        if number <= self._newest:
            return is_waiting(self._file, number)
        return number <= newest_message_now(self._database)

    def hash_of(self, row: int) -> str:
        found = self._file.row(row)
        return found.hash if found else ""


def _unfinished(scope: Scope) -> Iterator[str]:
    if scope.made_at < scope.period.end:
        yield "The period is not over: make the evidence again after its last day."
    if scope.before is None:
        yield (
            "No package before it was named (--after): what was recorded late, for a day of an earlier "
            "period, may be in none."
        )
    elif words := apart(scope.before.about, to_text(scope.period.start)):
        yield f"{words[0].upper()}{words[1:]}: begin it where that one ends (--from)."


def _by_whom(settings: AloneSettings) -> dict[str, str]:
    """Return who makes this, with which program and on which machine."""
    about = surroundings({}, {})
    return {
        "made_at": to_text(SystemClock().now()),
        **{name: about[name] for name in ("user", "host", "version", "files")},
        "database": without_password(settings.database_path),
        "zuora": settings.zuora_base_url if isinstance(settings, EvidenceSettings) else "",
    }


def _findings(verified: Verified) -> dict[str, Any]:
    return {
        "whole": verified.flaw is None,
        "rows": verified.entries,
        "last": verified.last._asdict(),
        "made_with_a_key": verified.keyed,
        "findings": [
            {"what": each.flaw.value, "row": each.sequence, "words": each.words}
            for each in verified.findings
        ],
    }
