"""The kinds of values that a setting may have, each with a check that says in words what is wrong."""

import base64
import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    SecretStr,
    StringConstraints,
)

from bot.domain.place import units_of

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
SLACK = "https://slack.com/api/"
SHORTEST_KEY = 32
SHORTEST_SECRET = 20
SIGNING_KEY = bytes.fromhex("302e020100300506032b657004220420")
"""The first bytes of an Ed25519 key in DER (RFC 8410); the key's 32 bytes follow."""
ADDRESS = r"^https?://[^\s/@]+(/[^\s@]*)?$"
"""A host and perhaps a path; a name and a password do not belong in it."""

MAIL = r"^([^\s@<>,;:\"()\[\]\\]+@[A-Za-z0-9.-]+)?$"
"""One mail address, as between angle brackets."""

_ID = re.compile(r"[0-9A-Za-z_.-]+", re.ASCII)


def _sendable(secret: SecretStr) -> SecretStr:
    """Return the secret without white space around it; refuse now what a header could not carry later."""
    text = trimmed(secret).get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        msg = "holds characters that no token or secret has"
        raise ValueError(msg)
    return SecretStr(text)


def trimmed(secret: SecretStr) -> SecretStr:
    """Return the secret without white space around it; refuse one that is only white space."""
    given = secret.get_secret_value()
    if given and not given.strip():
        msg = "holds nothing but spaces"
        raise ValueError(msg)
    return SecretStr(given.strip())


def _encrypted(url: str) -> str:
    """Refuse http:// except for this machine, so that nobody on the way reads a token or a customer's invoice."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not _is_this_machine(parts.hostname or ""):
        msg = "begins with http://, which everybody on the way can read; use https://"
        raise ValueError(msg)
    return url


def of_a_server(url: str) -> str:
    """Refuse a path, because every call adds its own."""
    path = urlsplit(url).path
    if _OF_CALLS.search(path):
        msg = f"ends in {path}, which each call brings itself: give the address of the server alone"
        raise ValueError(msg)
    return url


_OF_CALLS = re.compile(r"/(v\d+|oauth|apps|platform|object-query|query)(/|$)")

OF_OTHERS = {
    "slack_bot_token": {"xapp-": "an app-level token, which belongs in SLACK_APP_TOKEN", "xoxp-": "a person's token"},
    "slack_app_token": {"xoxb-": "a bot's token, which belongs in SLACK_BOT_TOKEN", "xoxp-": "a person's token"},
    "slack_signing_secret": {
        "xoxb-": "a bot's token, which belongs in SLACK_BOT_TOKEN",
        "xapp-": "an app-level token, which belongs in SLACK_APP_TOKEN",
    },
}  # fmt: skip
"""For each setting, how secrets that belong elsewhere begin, and what they are."""


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _listed_ids(text: str) -> str:
    """Return a list of ids, each perhaps with a name (`Europe=id`); refuse anything else."""
    units = units_of(text)
    ids = [each for unit in units for each in unit.id.split(",")]
    if text.strip() and not (ids and all(_ID.fullmatch(each) for each in ids)):
        msg = "is not a list of ids with commas between, such as 11e6ba62-b31d-7c1d-b237-00163e0000"
        raise ValueError(msg)
    return text.strip()


def _signs(secret: SecretStr) -> SecretStr:
    """Return a key from `openssl genpkey -algorithm ed25519 -outform DER | base64` in one line; refuse any other."""
    text = "".join(secret.get_secret_value().split())
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        found = b""
    if text and (not found.startswith(SIGNING_KEY) or len(found) != len(SIGNING_KEY) + 32):
        msg = "is not a key that `openssl genpkey -algorithm ed25519 -outform DER | base64` makes"
        raise ValueError(msg)
    return SecretStr(text)


def takes_mail(secret: SecretStr) -> SecretStr:
    """Return the address of a mail server, perhaps with name and password; refuse anything else."""
    text = secret.get_secret_value().strip()
    try:
        place = urlsplit(text)
        rest = (place.path.strip("/"), place.query, place.fragment)
        is_one = place.scheme in {"smtp", "smtps"} and place.hostname and place.port != 0
        is_one = is_one and not any(rest)
    except ValueError:
        is_one = False
    if text and not is_one:
        msg = "is not the address of a mail server such as smtps://name:password@smtp.example.com"
        raise ValueError(msg)
    return SecretStr(text)


def given(secret: SecretStr) -> SecretStr:
    """Return the secret; refuse an empty one."""
    if not secret.get_secret_value():
        msg = "is missing"
        raise ValueError(msg)
    return secret


Address = Annotated[Text, StringConstraints(pattern=ADDRESS), AfterValidator(_encrypted)]
Ids = Annotated[str, AfterValidator(_listed_ids)]
SigningKey = Annotated[SecretStr, AfterValidator(_signs)]
Secret = Annotated[SecretStr, AfterValidator(_sendable)]


def zone(name: str) -> str:
    """Return the name of a time zone; refuse one that this machine does not know."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = "is not a time zone that this machine knows, such as Europe/Berlin"
        raise ValueError(msg) from None
    return name


def upper(text: object) -> object:
    """Return the text in capital letters, without spaces around it."""
    return text.strip().upper() if isinstance(text, str) else text


def lower(text: object) -> object:
    """Return the text in small letters, without spaces around it."""
    return text.strip().lower() if isinstance(text, str) else text
