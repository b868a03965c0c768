"""Checks of this machine: settings, policy, database file, and who else works on it."""

import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.cli.checks.noticed import Noticed, good, passes, warning, wrong
from bot.cli.clock import SystemClock
from bot.domain.policy import Policy
from bot.domain.words import count
from bot.health.processes import others_on
from bot.policy.file import PolicyError, read_policy
from bot.settings import MISSPELLED, Settings, misspelled
from bot.store import serving
from bot.store.engine import is_postgres
from bot.store.errors import StoreError
from bot.store.file.reading import open_read_only

LEAST_FREE = 1_000_000_000
"""Bytes: enough for some years of a team's work and a backup."""

_SIGNING_SECRET = re.compile(r"[0-9a-f]{32}")
_MODES = (
    ("slack_app_token", "billing-bot run (Socket Mode)"),
    ("slack_signing_secret", "billing-bot web (signed HTTP)"),
)


def settings(found: Settings) -> Iterator[Noticed]:
    """Yield the findings from the settings alone."""
    ways = [words for name, words in _MODES if getattr(found, name).get_secret_value()]
    if ways:
        yield good("settings", f"complete for {' and '.join(ways)}")
    else:
        yield wrong(
            "SLACK_APP_TOKEN, SLACK_SIGNING_SECRET",
            "neither is set",
            "set the first for billing-bot run, or the second for billing-bot web",
        )
    for name, start in (("slack_bot_token", "xoxb-"), ("slack_app_token", "xapp-")):
        token = getattr(found, name).get_secret_value()
        if token and not token.startswith(start):
            yield wrong(
                name.upper(),
                f"does not begin with {start}",
                "take the token of that kind; are two swapped?",
            )
    secret = found.slack_signing_secret.get_secret_value()
    if secret and not _SIGNING_SECRET.fullmatch(secret):
        yield warning(
            "SLACK_SIGNING_SECRET",
            "is not 32 hexadecimal digits",
            "copy it from Basic Information, Signing Secret",
        )
    if not found.audit_key.get_secret_value():
        yield warning(
            "AUDIT_KEY", "is not set: whoever can write the database can rebuild its history",
            "set a random text of at least 32 characters; it can never be changed",
        )  # fmt: skip
    yield from _given()
    yield from anchors(found)


def _given() -> Iterator[Noticed]:
    """Yield unknown settings, and a file of secrets that everybody can read."""
    for name, meant in misspelled().items():
        yield warning(name, MISSPELLED.format(meant), "write it as .env.example does")
    file = Path(".env")
    if file.exists() and file.stat().st_mode & stat.S_IROTH:
        yield warning(
            ".env", "can be read by every user of this machine", "chmod 600 .env: it holds secrets"
        )


def anchors(found: Settings) -> Iterator[Noticed]:
    """Yield the places outside the database that heads are noted at, and whether that works."""
    names = "AUDIT_CHANNEL, TIMESTAMP_URL, ANCHOR_FOLDER, ANCHOR_MAIL_TO"
    if found.not_anchored:
        yield warning(
            names,
            "none is set: whoever can write the database can rebuild it unseen",
            "set one of them",
        )
        return
    places = {
        "a channel": found.audit_channel, "time stamps": found.timestamp_url, "a folder": found.anchor_folder,
        "a mailbox": found.anchor_mail_to,
    }  # fmt: skip
    yield good(
        names,
        f"heads of the history go to {', '.join(name for name, is_set in places.items() if is_set)}",
    )
    folder = Path(found.anchor_folder)
    if found.anchor_folder and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        yield wrong(
            "ANCHOR_FOLDER",
            f"{folder} is not a folder that can be written to",
            "make it, or change its owner",
        )


def policy(found: Settings) -> tuple[list[Noticed], Policy | None]:
    """Return the findings about the policy, and the policy if it can be used."""
    try:
        read = read_policy(Path(found.policy_file), found.places)
    except PolicyError as error:
        return [wrong("POLICY_FILE", str(error), "mend the file")], None
    words = f"{count(len(read.tiers), 'rule')}, requesters {', '.join(read.requesters)}"
    return [good("POLICY_FILE", words)], read


def same_policy(found: Settings, policy: Policy) -> Iterator[Noticed]:
    """Yield a finding if processes on the database use another policy than this machine's file."""
    path = found.database_path
    try:
        if not others_on(path, SystemClock()):
            return
        if is_postgres(path):
            latest = serving.policy_read_last(path)
        else:
            with open_read_only(Path(path)) as file:
                latest = file.policy_read_last()
    except (OSError, StoreError):  # another check reports it
        return
    if latest and latest != policy.hash:
        yield warning(
            "POLICY_FILE", "is not the policy that a process on this database has read last",
            "put the same file on every machine, and send each process SIGHUP",
        )  # fmt: skip


def database(found: Settings) -> Iterator[Noticed]:
    """Yield the findings about the file: complete, of this version, the bot's own, with room, and in use by whom."""
    if is_postgres(found.database_path):
        yield from _server(found)
        yield from _others(found)
        return
    about, path = "DATABASE_URL", Path(found.database_path)
    if not path.exists():
        yield _no_file_yet(about, path)
        return
    try:
        with open_read_only(path) as file:
            damage, pending = file.quick_damage(), file.pending()
    except StoreError as error:
        yield wrong(about, str(error), "start the version that wrote it, or name another file")
        return
    if damage:
        yield wrong(about, f"{path} is damaged ({damage})", "billing-bot restore a backup")
        return
    version = f"{len(pending)} steps older than this version" if pending else "of this version"
    yield good(about, f"{path} is whole, {path.stat().st_size:,} bytes, {version}")
    if path.stat().st_uid != os.geteuid():
        yield warning(
            about, f"{path} belongs to another user", "run as that user, or change its owner"
        )
    yield from room(found)
    yield from _others(found)


def _server(found: Settings) -> Iterator[Noticed]:
    """Yield the findings about a server: of this version, with every rule, and how durable a commit is."""
    about = "DATABASE_URL"
    try:
        server = serving.asked(found.database_path)
        missing = (
            serving.missing(found.database_path) if server.is_made and not server.pending else []
        )
    except StoreError as error:
        yield wrong(about, str(error), "start the server, mend the address, or do as it says")
        return
    version = (
        f"{server.pending} steps older than this version" if server.pending else "of this version"
    )
    version = version if server.is_made else "begun at the first start"
    yield good(about, f"PostgreSQL {server.version}, {server.size:,} bytes, {version}")
    if missing:
        yield _gone(missing)
    for words, remedy in server.weak:
        yield warning(about, words, remedy)


def rules(found: Settings) -> Iterator[Noticed]:
    """Yield the triggers that a server's database has lost; called at each start, in any thread."""
    if not is_postgres(found.database_path):
        return
    try:
        missing = serving.missing(found.database_path)
    except StoreError:  # a server that is away says so elsewhere
        return
    if missing:
        yield _gone(missing)


def _gone(missing: Sequence[str]) -> Noticed:
    """Return a sentence about triggers that somebody has dropped, switched off or changed."""
    words = f"rules of the database are gone: {', '.join(missing)}"
    return wrong("DATABASE_URL", words, "find out who took them away")


def _no_file_yet(about: str, path: Path) -> Noticed:
    folder = path.resolve().parent
    if not os.access(folder, os.W_OK | os.X_OK):
        return wrong(
            about, f"{folder} cannot be written to", "make the folder, or change its owner"
        )
    return good(about, f"{path} is begun at the first start")


def room(found: Settings) -> Iterator[Noticed]:
    """Yield whether the disk has room; a server's disk is not checked."""
    if is_postgres(found.database_path):
        return
    free = shutil.disk_usage(Path(found.database_path).resolve().parent).free
    words = f"{free / 1e9:,.1f} GB are free"
    if free < LEAST_FREE:
        yield passes(
            "disk", words, "make room: on a full disk nothing is recorded, so nothing is done"
        )
    else:
        yield good("disk", words)


def _others(found: Settings) -> Iterator[Noticed]:
    try:
        others = others_on(found.database_path, SystemClock())
    except OSError as error:
        yield warning("processes", f"cannot be seen: {error}", "run as the bot's user")
        return
    for each in others:
        does = "works" if each.works else "stands by"
        if each.is_frozen:
            yield wrong(
                "processes", f"process {each.name} {does} and has not turned for {each.quiet:.0f} s",
                "resume it or end it: Slack may give it clicks",
            )  # fmt: skip
        else:
            yield good("processes", f"process {each.name} {does} on this database")
    if not others:
        yield good("processes", "none works on this database")
