"""Reads the settings from the environment or `.env`, once; one message names everything that is wrong."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Literal, TypeVar

from dotenv import dotenv_values
from pydantic import (
    BaseModel,
    ValidationError,
)
from pydantic_core import ErrorDetails

from bot.settings.settings import (
    AloneSettings,
    AuditSettings,
    EvidenceSettings,
    PolicySettings,
    Settings,
)

Mode = Literal["run", "web"]
S = TypeVar("S", bound=BaseModel)


class SettingsError(Exception):
    """Settings are missing or wrong; the message names all of them, never a value."""


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
    "database_url": "an address such as sqlite:///billing-bot.db or postgresql://host/name",
    "backup_every": "a span of time such as 30m, 6h or 1d",
    "digest_time": "a time such as 08:30",
    "digest_days": "a list of days such as mon,tue,wed",
}
"""What each of these settings looks like, for messages."""

NEEDED: dict[Mode, tuple[str, ...]] = {
    "run": ("slack_app_token",),
    "web": ("slack_signing_secret",),
}


def read_settings(mode: Mode | None) -> Settings:
    """Read the settings for one way of running; if None, what only one way needs may be missing.

    Raises:
        SettingsError: Names everything that is missing or wrong.
    """
    return _right(*_read(Settings, mode))


def read_evidence_settings() -> EvidenceSettings:
    """Read the database's and Zuora's settings; Slack's may be missing.

    Raises:
        SettingsError: Names everything that is missing or wrong.
    """
    return _right(*_read(EvidenceSettings))


def read_alone_settings() -> AloneSettings:
    """Read the settings for evidence that is not compared with Zuora; all of them have defaults.

    Raises:
        SettingsError: Names everything that is wrong.
    """
    return _right(*_read(AloneSettings))


def read_policy_settings() -> PolicySettings:
    """Read the settings for explaining the policy; all of them have defaults.

    Raises:
        SettingsError: Names everything that is wrong.
    """
    return _right(*_read(PolicySettings))


def read_audit_settings() -> AuditSettings:
    """Read the settings for checking the history; all of them have defaults.

    Raises:
        SettingsError: Names everything that is wrong.
    """
    return _right(*_read(AuditSettings))


def misspelled() -> dict[str, str]:
    """Return names in `.env` and the environment that resemble a setting, each with the one probably meant.

    They have no effect on the bot.

    Raises:
        SettingsError: `.env` cannot be read.
    """
    known = {name.upper() for name in Settings.model_fields}
    given = sorted({name.upper() for name in _what_is_set()} - known)
    near = {name: get_close_matches(name, known, 1, cutoff=NEAR) for name in given}
    return {name: found[0] for name, found in near.items() if found}


def _what_is_set() -> dict[str, str]:
    """Return the values of `.env` and of the environment, which takes precedence; names in lower case.

    Values are literal: `${…}` in a secret is not a variable. Quotation marks around a value are removed, because
    `docker run --env-file` passes them on, while a shell, systemd and Compose remove them.

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
    """Return the settings, and what is wrong. The values given stay in here, because tracebacks can show locals."""
    given = _what_is_set()
    problems = _missing_for(mode, given) if mode else {}
    settings, wrong = _validated(kind, given)
    if empty := [name for name in wrong if given.get(name) == ""]:  # an empty value: not set
        settings, wrong = _validated(kind, {n: v for n, v in given.items() if n not in empty})
    return settings, problems | wrong


def _validated(kind: type[S], given: Mapping[str, str]) -> tuple[S | None, dict[str, str]]:
    try:
        return kind.model_validate(given), {}
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        return None, {str(each["loc"][0]): _in_words(each) for each in found}


def _in_words(problem: ErrorDetails) -> str:
    """Return what is wrong with a setting, without the pattern, which would mean nothing to people."""
    name, context = str(problem["loc"][0]), problem.get("ctx", {})
    if problem["type"] == "string_pattern_mismatch" and name in FORMS:
        return f"is not {FORMS[name]}"
    if words := WORDS.get(problem["type"]):
        return words.format(**context)
    return problem["msg"].removeprefix("Value error, ")


MISSPELLED = "is not a setting and does nothing; did you mean {}?"
NEAR = 0.8
"""How similar a name must be to a setting (0 to 1) to count as misspelled: `ZUORA_ENTITY_ID`, `DIGSET_TIME`."""

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
"""What is wrong, by pydantic's name for the problem."""


def _right(settings: S | None, problems: dict[str, str]) -> S:
    if problems or settings is None:
        listed = "\n".join(
            f"  {name}: {what}"
            for name, what in [
                *((name.upper(), what) for name, what in sorted(problems.items())),
                *((name, MISSPELLED.format(meant)) for name, meant in misspelled().items()),
            ]
        )
        msg = f"These settings are missing or wrong:\n{listed}"
        raise SettingsError(msg)
    return settings


def _missing_for(mode: Mode, given: dict[str, str]) -> dict[str, str]:
    """Return what is missing for this way of running, so that it is reported even if other settings are wrong."""
    return {
        name: f"is missing (billing-bot {mode} needs it)"
        for name in NEEDED[mode]
        if not given.get(name, "").strip()
    }
