"""The settings, grouped by what needs them; nothing is read here."""

from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from bot.domain.place import Places, plain_ids, units_of
from bot.settings.fields import (
    MAIL,
    OF_OTHERS,
    SHORTEST_KEY,
    SHORTEST_SECRET,
    SLACK,
    Address,
    Ids,
    Secret,
    SigningKey,
    Text,
    given,
    lower,
    of_a_server,
    takes_mail,
    trimmed,
    upper,
    zone,
)


class AuditSettings(BaseModel):
    """What checking the history takes: the database, and the key if one is set."""

    model_config = ConfigDict(
        extra="ignore", hide_input_in_errors=True, frozen=True, validate_default=True,
        defer_build=True,  # a command builds what it reads, and nothing else
    )  # fmt: skip

    database_url: Annotated[
        Text, StringConstraints(pattern=r"^(sqlite:///|postgres(ql)?://).+")
    ] = "sqlite:///billing-bot.db"
    audit_key: Annotated[SecretStr, AfterValidator(trimmed)] = SecretStr("")

    @field_validator("database_url")
    @classmethod
    def _is_a_file(cls, url: str) -> str:
        """Refuse a database in memory, in every spelling that SQLite has for one.

        It would be gone with the process, and with it everything that was approved.
        """
        if not url.startswith("sqlite:///"):
            return url
        named = unquote(url).lower().removeprefix("sqlite:///").strip("/ ")
        if not named or named.startswith((":", "file:")) or "?" in named or ":memory:" in named:
            msg = "names no file that lasts; write it like sqlite:///billing-bot.db"
            raise ValueError(msg)
        return url

    @field_validator("audit_key")
    @classmethod
    def _long_enough(cls, key: SecretStr) -> SecretStr:
        """Refuse a key that can be guessed; the file shows its results, so it would protect nothing."""
        if key.get_secret_value() and len(key.get_secret_value().strip()) < SHORTEST_KEY:
            msg = f"is shorter than {SHORTEST_KEY} characters"
            raise ValueError(msg)
        return key

    @property
    def database_path(self) -> str:
        """Return the file behind `DATABASE_URL`, or the address of a database on a server."""
        return self.database_url.removeprefix("sqlite:///")


class PolicySettings(BaseModel):
    """What explaining the policy takes: the file, and Slack to ask who is in its groups."""

    model_config = ConfigDict(
        extra="ignore", hide_input_in_errors=True, frozen=True, defer_build=True
    )

    policy_file: Text = "policy.toml"
    slack_bot_token: Secret = SecretStr("")
    slack_api_url: Address = SLACK


class AloneSettings(AuditSettings):
    """What evidence takes if Zuora is not asked: the history, the places that it names, and Slack if its token is set."""

    audit_signing_key: SigningKey = SecretStr("")
    slack_bot_token: Secret = SecretStr("")
    slack_api_url: Address = SLACK
    zuora_entity_ids: Ids = ""
    zuora_org_ids: Ids = ""

    @field_validator("zuora_entity_ids", "zuora_org_ids")
    @classmethod
    def _told_apart(cls, text: str, about: ValidationInfo) -> str:
        """Refuse names and ids that two units share, because nobody could say which one is meant."""
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
        """Return the entities and organizations that requests act in."""
        return Places(units_of(self.zuora_entity_ids), units_of(self.zuora_org_ids))


class EvidenceSettings(AloneSettings):
    """What evidence takes: the history, Slack if its token is set, and Zuora to compare the history with."""

    zuora_base_url: Annotated[Address, AfterValidator(of_a_server)]
    zuora_client_id: Text
    zuora_client_secret: Annotated[Secret, AfterValidator(given)]
    zuora_tenant_id: Annotated[
        str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]*$")
    ] = ""
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
        """Accept a name of the IANA database, like Europe/Berlin, or nothing.

        Without a zone for Zuora, a time that Zuora gives without one counts as not known.
        """
        return zone(name) if name else name


class Settings(EvidenceSettings):
    """Every setting of the bot. README.md explains each; a test compares the two."""

    slack_bot_token: Annotated[Secret, AfterValidator(given)]
    slack_app_token: Secret = SecretStr("")
    slack_signing_secret: Secret = SecretStr("")
    slack_api_url: Address = SLACK
    slack_team_id: Annotated[
        str, StringConstraints(strip_whitespace=True, pattern=r"^(T[A-Z0-9]+)?$")
    ] = ""
    allow_shared_channel: Literal["yes", "no"] = "no"
    billing_channel: Annotated[Text, StringConstraints(pattern=r"^[CG][A-Z0-9]+$")]
    audit_channel: Annotated[str, StringConstraints(pattern=r"^([CG][A-Z0-9]+)?$")] = ""
    audit_signing_key_before: SigningKey = SecretStr("")
    timestamp_url: Annotated[
        str, StringConstraints(strip_whitespace=True, pattern=r"^(https?://[^\s/@]+(/[^\s@]*)?)?$")
    ] = ""
    anchor_folder: Annotated[str, StringConstraints(strip_whitespace=True)] = ""
    anchor_mail_to: Annotated[str, StringConstraints(strip_whitespace=True, pattern=MAIL)] = ""
    anchor_mail_from: Annotated[str, StringConstraints(strip_whitespace=True, pattern=MAIL)] = ""
    smtp_url: Annotated[SecretStr, AfterValidator(takes_mail)] = SecretStr("")
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
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(upper)] = (
        "INFO"
    )
    log_format: Annotated[Literal["", "text", "json"], BeforeValidator(lower)] = ""
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
        """Return the value of every secret that is set, which no log may show."""
        found = (getattr(self, name) for name in type(self).model_fields)
        return [each.get_secret_value() for each in found if isinstance(each, SecretStr)]

    def shown(self) -> dict[str, Any]:
        """Return every setting that is not a secret, by its name in the environment."""
        secret = {
            name for name in type(self).model_fields if isinstance(getattr(self, name), SecretStr)
        }
        found = self.model_dump(mode="json", exclude=secret)
        if server := urlsplit(self.smtp_url.get_secret_value()).hostname:
            found["smtp_url"] = f"{server}, with the rest left out"
        return {name.upper(): str(value) for name, value in found.items()}

    @property
    def backups_apart(self) -> timedelta:
        """Return the time between two copies of the database."""
        unit = {"m": "minutes", "h": "hours", "d": "days"}[self.backup_every[-1]]
        return timedelta(**{unit: int(self.backup_every[:-1])})

    @property
    def not_anchored(self) -> str:
        """Return a sentence if nothing outside the database holds the end of its history; else empty."""
        if self.audit_channel or self.timestamp_url or self.anchor_folder or self.anchor_mail_to:
            return ""
        return (
            "Nothing outside the database holds the end of its history: whoever can write the file can "
            "rebuild it unseen. Set AUDIT_CHANNEL, TIMESTAMP_URL, ANCHOR_FOLDER or ANCHOR_MAIL_TO."
        )

    @field_validator("slack_bot_token", "slack_app_token", "slack_signing_secret")
    @classmethod
    def _is_its_own(cls, secret: SecretStr, about: ValidationInfo) -> SecretStr:
        """Refuse a secret that begins like one of another setting, and name that setting."""
        for beginning, what in OF_OTHERS[str(about.field_name)].items():
            if secret.get_secret_value().startswith(beginning):
                msg = f"begins with {beginning}, so it is {what}"
                raise ValueError(msg)
        return secret

    @field_validator("slack_signing_secret")
    @classmethod
    def _cannot_be_guessed(cls, secret: SecretStr) -> SecretStr:
        """Refuse a secret that can be guessed; Slack's have 32 characters."""
        if 0 < len(secret.get_secret_value()) < SHORTEST_SECRET:
            msg = "is too short to be Slack's signing secret"
            raise ValueError(msg)
        return secret

    @field_validator("smtp_url")
    @classmethod
    def _all_of_a_mail(cls, url: SecretStr, about: ValidationInfo) -> SecretStr:
        """Require address, sender and server together, because a mail needs all three."""
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
        """Return the address with a slash at its end, because Slack's SDK appends the method's name."""
        return url if url.endswith("/") else url + "/"
