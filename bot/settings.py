"""The settings: environment or `.env`, read once, everything wrong named in one message."""

import base64
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails

from bot.domain.place import Places, plain_ids, units_of

Mode = Literal["run", "web"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
SLACK = "https://slack.com/api/"
SHORTEST_KEY = 32
SHORTEST_SECRET = 20
SIGNING_KEY = bytes.fromhex("302e020100300506032b657004220420")
"""How the DER text of an Ed25519 key begins (RFC 8410); the 32 bytes of the key follow."""
ADDRESS = r"^https?://[^\s/@]+(/[^\s@]*)?$"
"""A host and perhaps a path; a name and a password have no place in it."""

MAIL = r"^([^\s@<>,;:\"()\[\]\\]+@[A-Za-z0-9.-]+)?$"
"""One mail address, as it stands between angle brackets."""

_ID = re.compile(r"[0-9A-Za-z_.-]+", re.ASCII)

S = TypeVar("S", bound=BaseModel)


def _sendable(secret: SecretStr) -> SecretStr:
    """Without the white space around it; what a header cannot carry is reported now, not at a call."""
    text = _trimmed(secret).get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        msg = "holds characters that no token or secret has"
        raise ValueError(msg)
    return SecretStr(text)


def _trimmed(secret: SecretStr) -> SecretStr:
    """Without the white space around it; of nothing but that, somebody believes that it is a secret."""
    given = secret.get_secret_value()
    if given and not given.strip():
        msg = "holds nothing but spaces"
        raise ValueError(msg)
    return SecretStr(given.strip())


def _encrypted(url: str) -> str:
    """Nobody on the way reads a token or a customer's invoice: http:// is for this machine alone."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not _is_this_machine(parts.hostname or ""):
        msg = "begins with http://, which everybody on the way can read; use https://"
        raise ValueError(msg)
    return url


def _of_a_server(url: str) -> str:
    """Every call brings its own path, so that one of the address would stand in it twice."""
    path = urlsplit(url).path
    if _OF_CALLS.search(path):
        msg = f"ends in {path}, which each call brings itself: give the address of the server alone"
        raise ValueError(msg)
    return url


_OF_CALLS = re.compile(r"/(v\d+|oauth|apps|platform|object-query|query)(/|$)")

_OF_OTHERS = {
    "slack_bot_token": {"xapp-": "an app-level token, which belongs in SLACK_APP_TOKEN", "xoxp-": "a person's token"},
    "slack_app_token": {"xoxb-": "a bot's token, which belongs in SLACK_BOT_TOKEN", "xoxp-": "a person's token"},
    "slack_signing_secret": {
        "xoxb-": "a bot's token, which belongs in SLACK_BOT_TOKEN",
        "xapp-": "an app-level token, which belongs in SLACK_APP_TOKEN",
    },
}  # fmt: skip
"""By setting: how the secret of another one begins, and what that is."""


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _listed_ids(text: str) -> str:
    """Ids as a header carries them, each with a name where one is given; others are named now."""
    units = units_of(text)
    ids = [each for unit in units for each in unit.id.split(",")]
    if text.strip() and not (ids and all(_ID.fullmatch(each) for each in ids)):
        msg = "is not a list of ids with commas between, such as 11e6ba62-b31d-7c1d-b237-00163e0000"
        raise ValueError(msg)
    return text.strip()


def _signs(secret: SecretStr) -> SecretStr:
    """As `openssl genpkey -algorithm ed25519 -outform DER | base64` writes it; in one line."""
    text = "".join(secret.get_secret_value().split())
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        found = b""
    if text and (not found.startswith(SIGNING_KEY) or len(found) != len(SIGNING_KEY) + 32):
        msg = "is no key that `openssl genpkey -algorithm ed25519 -outform DER | base64` makes"
        raise ValueError(msg)
    return SecretStr(text)


def _takes_mail(secret: SecretStr) -> SecretStr:
    """The address of a mail server, with a name and a password in it where it asks for them."""
    text = secret.get_secret_value().strip()
    try:
        place = urlsplit(text)
        rest = (place.path.strip("/"), place.query, place.fragment)
        is_one = place.scheme in {"smtp", "smtps"} and place.hostname and place.port != 0
        is_one = is_one and not any(rest)
    except ValueError:
        is_one = False
    if text and not is_one:
        msg = "is no address of a mail server such as smtps://name:password@smtp.example.com"
        raise ValueError(msg)
    return SecretStr(text)


def _given(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value():
        msg = "is missing"
        raise ValueError(msg)
    return secret


Address = Annotated[Text, StringConstraints(pattern=ADDRESS), AfterValidator(_encrypted)]
Ids = Annotated[str, AfterValidator(_listed_ids)]
SigningKey = Annotated[SecretStr, AfterValidator(_signs)]
Secret = Annotated[SecretStr, AfterValidator(_sendable)]


def _zone(name: str) -> str:
    """The name of a zone of the IANA database that this machine knows."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = "is no time zone such as Europe/Berlin that this machine knows"
        raise ValueError(msg) from None
    return name


def _upper(text: object) -> object:
    return text.strip().upper() if isinstance(text, str) else text


def _lower(text: object) -> object:
    return text.strip().lower() if isinstance(text, str) else text


class SettingsError(Exception):
    """Settings are missing or wrong; the message names all of them, never a value."""


class AuditSettings(BaseModel):
    """What it takes to check the history: the file, and the key where one is set."""

    model_config = ConfigDict(
        extra="ignore", hide_input_in_errors=True, frozen=True, validate_default=True,
        defer_build=True,  # a command builds what it reads, and no other
    )  # fmt: skip

    database_url: Annotated[Text, StringConstraints(pattern=r"^sqlite:///.+")] = (
        "sqlite:///billing-bot.db"
    )
    audit_key: Annotated[SecretStr, AfterValidator(_trimmed)] = SecretStr("")

    @field_validator("database_url")
    @classmethod
    def _is_a_file(cls, url: str) -> str:
        """What is kept in memory is gone with the process, and with it what was approved and sent.

        SQLite's own spellings of that are no names of files here, however they are written.
        """
        named = unquote(url).lower().removeprefix("sqlite:///").strip("/ ")
        if not named or named.startswith((":", "file:")) or "?" in named or ":memory:" in named:
            msg = "names no file that lasts; write it like sqlite:///billing-bot.db"
            raise ValueError(msg)
        return url

    @field_validator("audit_key")
    @classmethod
    def _long_enough(cls, key: SecretStr) -> SecretStr:
        """A key that can be guessed protects nothing, since the file shows what it makes."""
        if key.get_secret_value() and len(key.get_secret_value().strip()) < SHORTEST_KEY:
            msg = f"is shorter than {SHORTEST_KEY} characters"
            raise ValueError(msg)
        return key

    @property
    def database_path(self) -> str:
        """The file behind `DATABASE_URL`."""
        return self.database_url.removeprefix("sqlite:///")


class PolicySettings(BaseModel):
    """What it takes to explain the policy: the file, and Slack to ask who is in its groups."""

    model_config = ConfigDict(
        extra="ignore", hide_input_in_errors=True, frozen=True, defer_build=True
    )

    policy_file: Text = "policy.toml"
    slack_bot_token: Secret = SecretStr("")
    slack_api_url: Address = SLACK


class EvidenceSettings(AuditSettings):
    """What evidence takes: the history, and Zuora to compare it with; Slack where its token is set."""

    slack_bot_token: Secret = SecretStr("")
    slack_api_url: Address = SLACK
    zuora_base_url: Annotated[Address, AfterValidator(_of_a_server)]
    zuora_client_id: Text
    zuora_client_secret: Annotated[Secret, AfterValidator(_given)]
    zuora_tenant_id: Annotated[
        str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]*$")
    ] = ""
    zuora_entity_ids: Ids = ""
    zuora_org_ids: Ids = ""
    zuora_gzip: bool = False
    zuora_link: Annotated[str, StringConstraints(pattern=r"^(https?://\S*\{number\}\S*)?$")] = ""
    show_customers: bool = True
    zuora_version: Annotated[Text, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$|^\d+\.\d+$")] = (
        "2025-08-12"
    )
    zuora_debit_memo_path: Literal["debitmemos", "debit-memos"] = "debitmemos"
    zuora_batches: int = Field(default=50, ge=50, le=200)
    zuora_time_zone: Annotated[str, StringConstraints(strip_whitespace=True)] = ""

    @field_validator("zuora_time_zone", "digest_zone", check_fields=False)
    @classmethod
    def _is_a_zone_or_none(cls, name: str) -> str:
        """Names of the IANA database, like Europe/Berlin.

        Without one for Zuora the bot relies on what Zuora gives, and takes no time for certain otherwise.
        """
        return _zone(name) if name else name

    @field_validator("zuora_entity_ids", "zuora_org_ids")
    @classmethod
    def _told_apart(cls, text: str, about: ValidationInfo) -> str:
        """Names and ids that two units share would let nobody say which one is meant."""
        units = units_of(text)
        names = [each for one in units for each in {one.name.lower(), plain_ids(one.id)}]
        if len(set(names)) < len(names):
            msg = "lists a name or an id twice"
            raise ValueError(msg)
        if about.field_name == "zuora_entity_ids" and any("," in unit.id for unit in units):
            msg = "has entities joined by a plus: a request acts in one"
            raise ValueError(msg)
        return text

    @property
    def places(self) -> Places:
        """The entities and organizations that requests act in."""
        return Places(units_of(self.zuora_entity_ids), units_of(self.zuora_org_ids))


class Settings(EvidenceSettings):
    """Every setting of the bot. README.md explains each; a test compares the two."""

    slack_bot_token: Annotated[Secret, AfterValidator(_given)]
    slack_app_token: Secret = SecretStr("")
    slack_signing_secret: Secret = SecretStr("")
    slack_api_url: Address = SLACK
    slack_team_id: Annotated[
        str, StringConstraints(strip_whitespace=True, pattern=r"^(T[A-Z0-9]+)?$")
    ] = ""
    allow_shared_channel: Literal["yes", "no"] = "no"
    billing_channel: Annotated[Text, StringConstraints(pattern=r"^[CG][A-Z0-9]+$")]
    audit_channel: Annotated[str, StringConstraints(pattern=r"^([CG][A-Z0-9]+)?$")] = ""
    audit_signing_key: SigningKey = SecretStr("")
    audit_signing_key_before: SigningKey = SecretStr("")
    timestamp_url: Annotated[
        str, StringConstraints(strip_whitespace=True, pattern=r"^(https?://[^\s/@]+(/[^\s@]*)?)?$")
    ] = ""
    anchor_folder: Annotated[str, StringConstraints(strip_whitespace=True)] = ""
    anchor_mail_to: Annotated[str, StringConstraints(strip_whitespace=True, pattern=MAIL)] = ""
    anchor_mail_from: Annotated[str, StringConstraints(strip_whitespace=True, pattern=MAIL)] = ""
    smtp_url: Annotated[SecretStr, AfterValidator(_takes_mail)] = SecretStr("")
    anchor_rows: int = Field(default=1000, ge=1)
    policy_changes: Literal["tell", "confirm"] = "tell"
    clock_limit_seconds: int = Field(default=60, ge=5, le=3600)
    policy_file: Text = "policy.toml"
    resend_guard_minutes: int = Field(default=60, ge=0, le=24 * 60)
    repeat_lost: Literal["yes", "no"] = "yes"
    backup_dir: Annotated[str, StringConstraints(strip_whitespace=True)] = ""
    backup_every: Annotated[str, StringConstraints(pattern=r"^[1-9]\d{0,3}[mhd]$")] = "6h"
    backup_keep: int = Field(default=28, ge=1, le=10_000)
    poll_seconds: float = Field(default=5.0, gt=0, le=3600)
    port: int = Field(default=3000, ge=0, le=65535)
    health_port: int | None = Field(default=None, ge=1, le=65535)
    health_host: Text = "127.0.0.1"
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = (
        "INFO"
    )
    log_format: Annotated[Literal["", "text", "json"], BeforeValidator(_lower)] = ""
    digest_time: Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")] = (
        "08:30"
    )
    digest_zone: Annotated[str, StringConstraints(strip_whitespace=True)] = ""
    digest_days: Annotated[
        str,
        StringConstraints(
            to_lower=True,
            pattern=r"(?i)^(mon|tue|wed|thu|fri|sat|sun)(,(mon|tue|wed|thu|fri|sat|sun))*$",
        ),
    ] = "mon,tue,wed,thu,fri"

    def secrets(self) -> list[str]:
        """The value of every secret that is set: what no log may show."""
        found = (getattr(self, name) for name in type(self).model_fields)
        return [each.get_secret_value() for each in found if isinstance(each, SecretStr)]

    def shown(self) -> dict[str, Any]:
        """Every setting that is no secret, by its name in the environment."""
        secret = {
            name for name in type(self).model_fields if isinstance(getattr(self, name), SecretStr)
        }
        found = self.model_dump(mode="json", exclude=secret)
        if server := urlsplit(self.smtp_url.get_secret_value()).hostname:
            found["smtp_url"] = f"{server}, with the rest left out"
        return {name.upper(): str(value) for name, value in found.items()}

    @property
    def backups_apart(self) -> timedelta:
        """The time between two copies of the database."""
        unit = {"m": "minutes", "h": "hours", "d": "days"}[self.backup_every[-1]]
        return timedelta(**{unit: int(self.backup_every[:-1])})

    @property
    def not_anchored(self) -> str:
        """That nothing outside the database holds its history's end, in a sentence; empty if something does."""
        if self.audit_channel or self.timestamp_url or self.anchor_folder or self.anchor_mail_to:
            return ""
        return (
            "Nothing outside the database holds the end of its history: whoever can write the file can "
            "rebuild it unseen. Set AUDIT_CHANNEL, TIMESTAMP_URL, ANCHOR_FOLDER or ANCHOR_MAIL_TO."
        )

    @field_validator("slack_bot_token", "slack_app_token", "slack_signing_secret")
    @classmethod
    def _is_its_own(cls, secret: SecretStr, about: ValidationInfo) -> SecretStr:
        """Two that were exchanged are named as that, by how they begin."""
        for beginning, what in _OF_OTHERS[str(about.field_name)].items():
            if secret.get_secret_value().startswith(beginning):
                msg = f"begins with {beginning}, so it is {what}"
                raise ValueError(msg)
        return secret

    @field_validator("slack_signing_secret")
    @classmethod
    def _cannot_be_guessed(cls, secret: SecretStr) -> SecretStr:
        """Slack's have 32 characters."""
        if 0 < len(secret.get_secret_value()) < SHORTEST_SECRET:
            msg = "is too short to be Slack's signing secret"
            raise ValueError(msg)
        return secret

    @field_validator("smtp_url")
    @classmethod
    def _all_of_a_mail(cls, url: SecretStr, about: ValidationInfo) -> SecretStr:
        """A mail needs an address, a sender and a server."""
        rest = [about.data.get(name, "wrong") for name in ("anchor_mail_to", "anchor_mail_from")]
        given = [bool(each) for each in (*rest, url.get_secret_value())]
        if any(given) and not all(given):
            msg = (
                "is one of three that are set together: ANCHOR_MAIL_TO, ANCHOR_MAIL_FROM, SMTP_URL"
            )
            raise ValueError(msg)
        return url

    @field_validator("slack_api_url")
    @classmethod
    def _ends_with_a_slash(cls, url: str) -> str:
        """Slack's SDK appends the method's name to it."""
        return url if url.endswith("/") else url + "/"


FORMS = {
    "slack_api_url": "an address such as https://slack.com/api/",
    "slack_team_id": "the id of a workspace, such as T0123ABCD",
    "billing_channel": "the id of a channel, such as C0123ABCD",
    "audit_channel": "the id of a channel, such as C0123ABCD",
    "timestamp_url": "an address such as https://timestamp.example.com",
    "anchor_mail_to": "a mail address such as audit@example.com",
    "anchor_mail_from": "a mail address such as billing-bot@example.com",
    "zuora_base_url": "an address such as https://rest.na.zuora.com",
    "zuora_link": "an address with {number} in it, such as https://www.zuora.com/platform/apps/search?searchTerm={number}",
    "zuora_tenant_id": "the number of a tenant, such as 12270",
    "zuora_version": "a version such as 2025-08-12",
    "database_url": "an address such as sqlite:///billing-bot.db",
    "backup_every": "a span of time such as 30m, 6h or 1d",
    "digest_time": "a time such as 08:30",
    "digest_days": "a list of days such as mon,tue,wed",
}
"""What a setting looks like, by its name."""

NEEDED: dict[Mode, tuple[str, ...]] = {
    "run": ("slack_app_token",),
    "web": ("slack_signing_secret",),
}


def read_settings(mode: Mode | None) -> Settings:
    """Read the settings for one way of running; for neither, what only one of them needs may be missing.

    Raises:
        SettingsError: Names everything that is missing or wrong.
    """
    return _right(*_read(Settings, mode))


def read_evidence_settings() -> EvidenceSettings:
    """Read the database's and Zuora's settings; those of Slack may be missing.

    Raises:
        SettingsError: Names everything that is missing or wrong.
    """
    return _right(*_read(EvidenceSettings))


def read_policy_settings() -> PolicySettings:
    """Read what it takes to explain the policy; everything has a default.

    Raises:
        SettingsError: Names everything that is wrong.
    """
    return _right(*_read(PolicySettings))


def read_audit_settings() -> AuditSettings:
    """Read what it takes to check the history; everything has a default.

    Raises:
        SettingsError: Names everything that is wrong.
    """
    return _right(*_read(AuditSettings))


def _what_is_set() -> dict[str, str]:
    """The file `.env` and the environment, which is the stronger one; names in lower case.

    A value means what it says: `${…}` in a secret is no variable. Quotation marks around one are none of it,
    although `docker run --env-file` hands them on, where a shell, systemd and Compose take them off.

    Raises:
        SettingsError: The file is not UTF-8.
    """
    try:
        file = dotenv_values(".env", interpolate=False)
    except UnicodeDecodeError:
        msg = "The file .env cannot be read: it is not UTF-8."
        raise SettingsError(msg) from None
    found = {name.lower(): value for name, value in file.items() if value is not None}
    return found | {name.lower(): _unquoted(value) for name, value in os.environ.items()}


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if is_quoted else value


def _read(kind: type[S], mode: Mode | None = None) -> tuple[S | None, dict[str, str]]:
    """The settings, and what is wrong. What was given stays in here: tracebacks can show locals."""
    given = _what_is_set()
    problems = _missing_for(mode, given) if mode else {}
    settings, wrong = _validated(kind, given)
    if empty := [name for name in wrong if given.get(name) == ""]:  # which is no value: not set
        settings, wrong = _validated(kind, {n: v for n, v in given.items() if n not in empty})
    return settings, problems | wrong


def _validated(kind: type[S], given: Mapping[str, str]) -> tuple[S | None, dict[str, str]]:
    try:
        return kind.model_validate(given), {}
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        return None, {str(each["loc"][0]): _in_words(each) for each in found}


def _in_words(problem: ErrorDetails) -> str:
    """What is wrong with a setting, for people; a pattern says nothing to them."""
    name, context = str(problem["loc"][0]), problem.get("ctx", {})
    if problem["type"] == "string_pattern_mismatch" and name in FORMS:
        return f"is not {FORMS[name]}"
    if words := WORDS.get(problem["type"]):
        return words.format(**context)
    return problem["msg"].removeprefix("Value error, ")


WORDS = {
    "missing": "is missing",
    "string_too_short": "is missing",
    "bool_parsing": "is neither yes nor no",
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "float_parsing": "is not a number",
    "finite_number": "is not a number",
    "literal_error": "is not {expected}",
    "greater_than": "is not more than {gt}",
    "greater_than_equal": "is less than {ge}",
    "less_than_equal": "is more than {le}",
}
"""By pydantic's name of what is wrong."""


def _right(settings: S | None, problems: dict[str, str]) -> S:
    if problems or settings is None:
        told = "\n".join(f"  {name.upper()}: {what}" for name, what in sorted(problems.items()))
        msg = f"These settings are missing or wrong:\n{told}"
        raise SettingsError(msg)
    return settings


def _missing_for(mode: Mode, given: dict[str, str]) -> dict[str, str]:
    """What only one way of running needs, reported even where other settings are wrong."""
    return {
        name: f"is missing (billing-bot {mode} needs it)"
        for name in NEEDED[mode]
        if not given.get(name, "").strip()
    }
