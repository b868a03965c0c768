"""`billing-bot verify`: checks a history, or an evidence file, without the bot."""

import re
import sys
import zipfile
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from bot.audit.evidence.check import follows, verify_evidence
from bot.audit.evidence.package import DAMAGED
from bot.audit.finding import Flaw
from bot.audit.rows import noted_in
from bot.audit.verify import Verified, refuse_damage, verify_archive, verify_database
from bot.cli.checked import say_findings
from bot.cli.exits import MEND_FIRST, NOT_READABLE
from bot.cli.help import example
from bot.cli.progress import checking
from bot.domain.history import Head
from bot.settings import SettingsError, read_audit_settings
from bot.store.engine import without_password
from bot.store.errors import StoreError
from bot.store.snapshot import as_file
from bot.workflow.installed import this_program

CODES = {
    Flaw.EDITED: 10,
    Flaw.DELETED: 11,
    Flaw.INSERTED: 12,
    Flaw.REORDERED: 13,
    Flaw.TAIL_CUT: 14,
    Flaw.GONE: 15,
    Flaw.TRIGGER: 16,
    Flaw.KEY: 17,
    Flaw.REBUILT: 18,
    Flaw.UNSUPPORTED: 19,
    Flaw.MANIFEST: 20,
    Flaw.NUMBERS: 21,
    Flaw.CLOCK: 22,
    Flaw.CONTROL: 23,
    Flaw.NOT_COMPARED: 24,
    Flaw.SIGNATURE: 25,
    Flaw.DAMAGED: 27,
}
HELP = """Check that the history is whole, and that it records everything else.

FILE is a database or a file that `billing-bot evidence` made; without it, DATABASE_URL's. It is
only read, and the bot may be running. AUDIT_KEY is needed where the history is made with one.

\b
Exit status:
   0  whole
   2  a setting or an option is wrong
   3  not readable: no such file, damaged, or not of Billing Bot
  10  a row was edited
  11  rows were deleted
  12  rows were inserted
  13  rows were reordered
  14  the tail was cut off
  15  the whole log is gone
  16  a trigger that protects the tables is missing or changed
  17  AUDIT_KEY is not the key that the history was made with
  18  the history was rebuilt (the key, --head or --known shows it)
  19  a request, approval, call or file of the evidence is not as the history records
  20  a file of the evidence is missing, new or changed
  21  the number of a request is missing
  22  a row is of an earlier time than the one before it, or Slack's clock says otherwise
  23  the control did not hold: performed again, an approval does not count or is missing
  24  what --head, --heads or --before gives could not be compared; a package names none before it; a new
      signing key is not endorsed; or a package is not signed, though heads are
  25  a head is not signed with the key that was in force
  27  a row of the history is damaged: nobody can read its data or its time

Of several, the first of 15, 17, 10 to 13, 18, 14, 27, 19, 20, 23, 25, 21, 22, 24, 16 is given; all
are printed.
"""


class _HeadType(click.ParamType[Head]):
    """The option type `SEQUENCE:HASH`, as in the audit channel."""

    name = "SEQUENCE:HASH"

    def convert(
        self, value: str | Head, param: click.Parameter | None, ctx: click.Context | None
    ) -> Head:
        if isinstance(value, Head):
            return value
        sequence, _, hashed = value.strip().partition(":")
        hashed = hashed.lower()
        if (
            not sequence.isascii()
            or not sequence.isdigit()
            or len(hashed) != len("0" * 64)
            or set(hashed) - set("0123456789abcdef")
        ):
            self.fail("write it as in the audit channel: 4711:0f3a… (64 digits)", param, ctx)
        return Head(int(sequence), hashed)


def _known(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> list[Head]:
    """Return each as a head of no row."""
    for each in values:
        if not re.fullmatch("[0-9a-f]{64}", each.strip().lower()):
            raise click.BadParameter("write the 64 digits (0-9, a-f) as they were noted")
    return [Head(0, each.strip().lower()) for each in values]


@click.command(
    help=HELP,
    epilog=example("billing-bot verify", "billing-bot verify --head 4711:0f3a… q3.zip"),
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--head", "noted", type=_HeadType(), help="A head from the audit channel.")
@click.option(
    "--heads",
    "listed",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="A text in which heads stand (messages copied from the channel), a mail saved as a file, a folder of those kept, or another package; may repeat.",
)
@click.option(
    "--before",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The package before: that FILE goes on from it is compared, with its keys, open exceptions and first number.",
)
@click.option(
    "--known",
    multiple=True,
    type=click.UNPROCESSED,
    callback=_known,
    help="A public key that signs heads, or the SHA-256 of a package's manifest, as you noted it; may repeat.",
)
@click.option(
    "--authority",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Certificates (PEM) of the authority whose time stamps are checked.",
)
@click.option(
    "--archive",
    "archives",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of `billing-bot archive`, checked by itself and against the chain; may repeat.",
)
def verify(file: Path | None, noted: Head | None, known: list[Head], **options: Any) -> None:
    """Check that the history is whole, and that it records everything else."""
    heads = [[each] for each in ([noted] if noted else []) + known]
    before = options["before"]
    if before and not _is_package(file):
        raise click.UsageError("--before compares a package, and this is none.")
    if before and not _is_package(before):
        raise click.UsageError(f"--before takes a package, and {before} is none, or is damaged.")
    listed = [*options["listed"], *([before] if before else [])]
    sys.exit(_verified(file, heads, listed, before, options["authority"], options["archives"]))


def _verified(
    file: Path | None,
    heads: list[list[Head]],
    listed: list[Path],
    before: Path | None,
    authority: Path | None,
    archives: tuple[Path, ...],
) -> int:
    try:
        settings = read_audit_settings()
        with nullcontext(file) if file else as_file(settings.database_path) as path:
            key = settings.audit_key.get_secret_value()
            is_evidence = _is_package(path)
            check = (
                partial(
                    verify_evidence,
                    program=this_program().files,
                    given=[each for each in listed if _is_package(each)],
                )
                if is_evidence
                else verify_database
            )
            heads = [*heads, *map(_listed, listed)]
            roots = authority.read_bytes() if authority else b""
            with checking(path):
                if not is_evidence:
                    refuse_damage(path)
                verified = check(path, key=key, noted=heads, authority=roots)
                if before and not verified.flaw:
                    verified = replace(verified, findings=(*follows(path, before),))
                checked = [(each, verify_archive(each, path, key=key)) for each in archives]
    except SettingsError as error:
        click.echo(str(error), err=True)
        return MEND_FIRST
    except (StoreError, OSError, ValueError) as error:
        click.echo(f"not readable: {error}", err=True)
        return NOT_READABLE
    codes = [_print(str(file or without_password(settings.database_path)), verified)]
    codes += [_print(str(archive), found) for archive, found in checked]
    return next(filter(None, codes), 0)


def _is_package(path: Path | None) -> bool:
    return path is not None and path.is_file() and zipfile.is_zipfile(path)


def _listed(path: Path) -> list[Head]:
    """Return every head in a text, or in the files of a folder.

    Raises:
        StoreError: It is a package that is damaged, or another zip.
        ValueError: There is none.
    """
    try:
        return [Head(*each) for each in noted_in(str(path))]
    except DAMAGED as error:
        if not _is_package(path):
            raise
        raise StoreError(f"{path} is no evidence, or is damaged: {error!r}.") from error


def _print(what: str, verified: Verified) -> int:
    say_findings(verified)
    for note in verified.notes:
        click.echo(f"note: {note}")
    flaw = verified.flaw
    if flaw is not None:
        return CODES[flaw]
    how = "made with the key" if verified.keyed else "made without a key"
    click.echo(
        f"{what}: whole. {verified.entries:,} rows, {how}; the head is "
        f"{verified.last.sequence}:{verified.last.hash}"
    )
    return 0
