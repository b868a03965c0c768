"""The settings: environment or `.env`, read once, everything wrong named in one message."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Mode = Literal["run", "web"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
SLACK = "https://slack.com/api/"


class SettingsError(Exception):
    """Settings are missing or wrong; the message names all of them, never a value."""


class Settings(BaseSettings):
    """Every setting of the bot. README.md explains each; a test compares the two."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", hide_input_in_errors=True, frozen=True
    )

    slack_bot_token: SecretStr = Field(min_length=1)
    slack_app_token: SecretStr = SecretStr("")
    slack_signing_secret: SecretStr = SecretStr("")
    slack_api_url: Text = SLACK
    billing_channel: Annotated[Text, StringConstraints(pattern=r"^[CG][A-Z0-9]+$")]
    zuora_base_url: Annotated[Text, StringConstraints(pattern=r"^https?://")]
    zuora_client_id: Text
    zuora_client_secret: SecretStr = Field(min_length=1)
    zuora_entity_ids: str = ""
    zuora_org_ids: str = ""
    zuora_version: Annotated[Text, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$|^\d+\.\d+$")] = (
        "2025-08-12"
    )
    database_url: Annotated[Text, StringConstraints(pattern=r"^sqlite:///.+")] = (
        "sqlite:///billing-bot.db"
    )
    policy_file: Text = "policy.toml"
    poll_seconds: float = Field(default=5.0, gt=0, le=3600)
    port: int = Field(default=3000, ge=0, le=65535)

    @field_validator("slack_api_url")
    @classmethod
    def _ends_with_a_slash(cls, url: str) -> str:
        """Slack's SDK appends the method's name to it."""
        return url if url.endswith("/") else url + "/"

    @property
    def database_path(self) -> str:
        """The file behind `DATABASE_URL`."""
        return self.database_url.removeprefix("sqlite:///")


NEEDED: dict[Mode, tuple[str, ...]] = {
    "run": ("slack_app_token",),
    "web": ("slack_signing_secret",),
}


def read_settings(mode: Mode) -> Settings:
    """Read the settings for one way of running.

    Raises:
        SettingsError: Names everything that is missing or wrong.
    """
    problems: dict[str, str] = {}
    settings: Settings | None = None
    try:
        settings = Settings()
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False):
            name = str(each["loc"][0])
            problems[name] = "is missing" if each["type"] == "missing" else each["msg"]
    problems |= _missing_for(mode, settings)
    if problems or settings is None:
        told = "\n".join(f"  {name.upper()}: {what}" for name, what in sorted(problems.items()))
        msg = f"These settings are missing or wrong:\n{told}"
        raise SettingsError(msg)
    return settings


class _Tokens(BaseSettings):
    """What only one way of running needs, read even where other settings are wrong."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore")

    slack_app_token: SecretStr = SecretStr("")
    slack_signing_secret: SecretStr = SecretStr("")


def _missing_for(mode: Mode, settings: Settings | None) -> dict[str, str]:
    source = settings or _Tokens()
    return {
        name: f"is missing (billing-bot {mode} needs it)"
        for name in NEEDED[mode]
        if not getattr(source, name).get_secret_value()
    }
