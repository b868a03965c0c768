"""Settings: all that is missing or wrong in one message, and no secret in any of it."""

import logging
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from bot.settings import Settings, SettingsError, read_settings
from tests.patient import LONGEST
from tests.processes import ENVIRONMENT

ROOT = Path(__file__).parent.parent
SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-very-secret-bot",
    "SLACK_APP_TOKEN": "xapp-very-secret-app",
    "SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef",
    "ZUORA_CLIENT_SECRET": "very-secret-zuora",
}
GOOD = SECRETS | {
    "BILLING_CHANNEL": "C0BILLING",
    "ZUORA_BASE_URL": "https://rest.apisandbox.zuora.com",
    "ZUORA_CLIENT_ID": "client-id",
}
NEEDED = {
    "SLACK_BOT_TOKEN", "BILLING_CHANNEL", "ZUORA_BASE_URL", "ZUORA_CLIENT_ID",
    "ZUORA_CLIENT_SECRET",
}  # fmt: skip


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """An environment that holds no setting, in an empty folder; returns what sets some."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)

    def put(values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return put


def command_line(folder, command, **environment):
    """The real command line with nothing in the environment but what is given."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "bot", command],
        cwd=folder, env={**ENVIRONMENT, **environment},
        capture_output=True, text=True, check=False, timeout=LONGEST,
    )  # fmt: skip


def named_in(text):
    """The settings that a message names, each once."""
    said = [line.split(":")[0].strip() for line in text.splitlines() if line.startswith("  ")]
    assert len(said) == len(set(said))
    return set(said)


@pytest.mark.parametrize(
    ("command", "token"), [("run", "SLACK_APP_TOKEN"), ("web", "SLACK_SIGNING_SECRET")]
)
def test_with_nothing_set_everything_that_is_missing_is_named_in_one_message(
    tmp_path, command, token
):
    ended = command_line(tmp_path, command)

    assert ended.returncode == 2
    assert named_in(ended.stderr) == NEEDED | {token}
    assert f"{token}: is missing (billing-bot {command} needs it)" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_missing_and_wrong_ones_are_named_together_and_no_value_is_shown(tmp_path):
    wrong = {
        "SLACK_BOT_TOKEN": SECRETS["SLACK_BOT_TOKEN"],
        "ZUORA_CLIENT_SECRET": SECRETS["ZUORA_CLIENT_SECRET"],
        "BILLING_CHANNEL": "#a-wrong-channel",
        "ZUORA_BASE_URL": "a-wrong-address",
        "ZUORA_VERSION": "a-wrong-version",
        "DATABASE_URL": "mysql://a-wrong-database",
        "POLL_SECONDS": "a-wrong-number",
        "PORT": "70000",
    }

    ended = command_line(tmp_path, "run", **wrong)

    assert ended.returncode == 2
    assert named_in(ended.stderr) == {
        "BILLING_CHANNEL", "ZUORA_BASE_URL", "ZUORA_VERSION", "DATABASE_URL", "POLL_SECONDS",
        "PORT", "SLACK_APP_TOKEN", "ZUORA_CLIENT_ID",
    }  # fmt: skip
    for value in wrong.values():
        assert value not in ended.stderr


def test_a_misspelled_one_is_named_beside_the_one_that_is_missing(tmp_path):
    ended = command_line(tmp_path, "run", SLACK_BOT_TOKN="xoxb-1")

    assert "SLACK_BOT_TOKEN: is missing" in ended.stderr
    assert (
        "SLACK_BOT_TOKN: is not a setting and does nothing; did you mean SLACK_BOT_TOKEN?"
        in ended.stderr
    )
    assert "xoxb-1" not in ended.stderr


def test_a_dotenv_file_is_read_and_the_environment_is_stronger(environment, tmp_path):
    lines = [f"{name}={value}" for name, value in GOOD.items()]
    (tmp_path / ".env").write_text("\n".join([*lines, "PORT=4000", "POLL_SECONDS=7"]))
    environment({"PORT": "5000"})

    settings = read_settings("run")

    assert settings.port == 5000
    assert settings.poll_seconds == 7
    assert settings.billing_channel == "C0BILLING"
    assert settings.slack_app_token.get_secret_value() == SECRETS["SLACK_APP_TOKEN"]


def test_the_command_line_reads_the_dotenv_file(tmp_path):
    (tmp_path / ".env").write_text(
        "\n".join(f"{name}={value}" for name, value in GOOD.items() if name != "BILLING_CHANNEL")
    )

    ended = command_line(tmp_path, "web")

    assert ended.returncode == 2
    assert named_in(ended.stderr) == {"BILLING_CHANNEL"}
    for secret in SECRETS.values():
        assert secret not in ended.stderr


def test_what_is_not_set_has_its_default(environment):
    environment(GOOD)

    settings = read_settings("run")

    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.zuora_version == "2025-08-12"
    assert settings.database_url == "sqlite:///billing-bot.db"
    assert settings.database_path == "billing-bot.db"
    assert settings.policy_file == "policy.toml"
    assert settings.poll_seconds == 5
    assert settings.zuora_entity_ids == settings.zuora_org_ids == ""


def test_entities_and_organizations_have_names_where_some_are_given(environment):
    environment(
        {**GOOD, "ZUORA_ENTITY_IDS": "Europe=e1, e2", "ZUORA_ORG_IDS": "Both=o1+o2,Retail=o1"}
    )

    places = read_settings("run").places

    assert [tuple(unit) for unit in places.entities] == [("e1", "Europe"), ("e2", "e2")]
    assert [tuple(unit) for unit in places.organizations] == [("o1,o2", "Both"), ("o1", "Retail")]


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("ZUORA_ENTITY_IDS", "Europe=e1, europe=e2", "lists a name or an id twice"),
        ("ZUORA_ENTITY_IDS", "Europe=e1, e1", "lists a name or an id twice"),
        ("ZUORA_ORG_IDS", "Retail=o1, Sales=o1", "lists a name or an id twice"),
        ("ZUORA_ENTITY_IDS", "Both=e1+e2", "a request acts in one"),
    ],
)
def test_entities_that_nobody_can_tell_apart_are_refused(environment, name, given, words):
    environment({**GOOD, name: given})

    with pytest.raises(SettingsError, match=words):
        read_settings("run")


@pytest.mark.parametrize("given", ["http://127.0.0.1:8321/api", "http://127.0.0.1:8321/api/"])
def test_the_address_of_slack_ends_with_one_slash(environment, given):
    environment({**GOOD, "SLACK_API_URL": given})

    assert read_settings("run").slack_api_url == "http://127.0.0.1:8321/api/"


@pytest.mark.parametrize("mode", ["run", "web"])
def test_a_mode_needs_only_its_own_token(environment, mode):
    other = {"run": "SLACK_SIGNING_SECRET", "web": "SLACK_APP_TOKEN"}[mode]
    environment({name: value for name, value in GOOD.items() if name != other})

    assert read_settings(mode).billing_channel == "C0BILLING"


@pytest.mark.parametrize("name", sorted(NEEDED | {"SLACK_APP_TOKEN"}))
def test_an_empty_setting_is_not_set(environment, name):
    environment({**GOOD, name: ""})

    with pytest.raises(SettingsError) as refused:
        read_settings("run")

    assert named_in(str(refused.value)) == {name}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POLL_SECONDS", "0"),
        ("POLL_SECONDS", "-1"),
        ("POLL_SECONDS", "nan"),
        ("ZUORA_BATCHES", "49"),
        ("ZUORA_BATCHES", "201"),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("DATABASE_URL", "sqlite:///"),
        ("BILLING_CHANNEL", "billing"),
        ("ZUORA_BASE_URL", "rest.zuora.com"),
        ("ZUORA_VERSION", "latest"),
    ],
)
def test_a_wrong_setting_is_named(environment, name, value):
    environment({**GOOD, name: value})

    with pytest.raises(SettingsError) as refused:
        read_settings("run")

    assert named_in(str(refused.value)) == {name}


def test_no_print_log_or_traceback_shows_a_secret(environment, caplog):
    environment(GOOD)
    settings = read_settings("run")

    def failing(settings):
        message = f"{settings!r}"
        raise RuntimeError(message, settings)

    shown = [repr(settings), str(settings), f"{settings}", str(settings.model_dump())]
    shown.append(settings.model_dump_json())
    with caplog.at_level(logging.INFO):
        logging.getLogger("bot").info("settings %s", settings, extra={"settings": settings})
    shown.append(caplog.text)
    try:
        failing(settings)
    except RuntimeError as error:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        shown.append("".join(report.format()))

    for text in shown:
        for secret in SECRETS.values():
            assert secret not in text
    assert len(shown) == 7


def test_a_refused_setting_shows_no_secret_in_its_traceback(environment):
    environment({**GOOD, "PORT": "x", "ZUORA_BASE_URL": SECRETS["ZUORA_CLIENT_SECRET"]})

    with pytest.raises(SettingsError) as refused:
        read_settings("run")

    error = traceback.TracebackException.from_exception(refused.value, capture_locals=True)
    text = "".join(error.format())
    for secret in SECRETS.values():
        assert secret not in text


def test_settings_cannot_be_changed_after_they_were_read(environment):
    environment(GOOD)
    settings = read_settings("run")

    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "port", 1)  # noqa: B010 - mypy knows already that it cannot be set


@pytest.mark.parametrize(
    ("name", "value"),
    [("DIGEST_TIME", "8:00"), ("DIGEST_TIME", "24:00"), ("DIGEST_ZONE", "Mars/Base"),
     ("DIGEST_ZONE", "../etc"), ("DIGEST_DAYS", "monday")],
)  # fmt: skip
def test_a_digest_that_cannot_be_posted_is_refused(environment, name, value):
    environment(GOOD | {name: value})

    with pytest.raises(SettingsError) as refused:
        read_settings("run")

    assert named_in(str(refused.value)) == {name}


def test_the_digest_is_posted_at_a_time_in_a_zone_on_days(environment):
    environment(
        GOOD | {"DIGEST_TIME": "08:30", "DIGEST_ZONE": "Europe/Berlin", "DIGEST_DAYS": "MON,Sat"}
    )

    found = read_settings("run")

    assert (found.digest_time, found.digest_zone, found.digest_days) == (
        "08:30", "Europe/Berlin", "mon,sat",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["ZUORA_BASE_URL", "SLACK_API_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "http://rest.na.zuora.com", "http://slack.com/api/", "http://10.0.0.1/x",
        "http://localhost.evil.example", "http://127.0.0.1.nip.io", "http://0.0.0.0", "http://[",
    ],
)  # fmt: skip
def test_an_address_that_is_not_encrypted_is_refused(environment, name, url):
    environment(GOOD | {name: url})

    with pytest.raises(SettingsError, match=name):
        read_settings("run")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8321", "http://localhost:9/x", "http://[::1]:9"])
def test_this_machine_needs_no_encryption(environment, url):
    environment(GOOD | {"ZUORA_BASE_URL": url})

    assert read_settings("run").zuora_base_url == url


@pytest.mark.parametrize("name", ["ZUORA_ORG_IDS", "ZUORA_ENTITY_IDS"])
@pytest.mark.parametrize("ids", ["ö", "a\nb", "a b", ","])
def test_ids_that_no_header_can_carry_are_named_at_the_start(environment, name, ids):
    environment(GOOD | {name: ids})

    with pytest.raises(SettingsError, match=name):
        read_settings("run")


def test_the_line_break_at_the_end_of_ids_is_no_part_of_them(environment):
    environment(GOOD | {"ZUORA_ORG_IDS": " o-1, o-2\n", "ZUORA_ENTITY_IDS": "\n"})

    settings = read_settings("run")

    assert (settings.zuora_org_ids, settings.zuora_entity_ids) == ("o-1, o-2", "")


def test_ids_that_are_wrong_end_the_program_with_a_sentence(tmp_path):
    done = command_line(tmp_path, "run", **GOOD, ZUORA_ORG_IDS="ö")

    assert done.returncode == 2
    assert "ZUORA_ORG_IDS: is not a list of ids" in done.stderr


@pytest.mark.parametrize("around", ["{}\n", " {}", "{}\r\n", "\t{} "])
def test_the_audit_key_is_trimmed_like_every_other_secret(environment, around):
    key = "k" * 40
    environment(GOOD | {"AUDIT_KEY": around.format(key)})

    assert read_settings("run").audit_key.get_secret_value() == key


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "SLACK_SIGNING_SECRET",
            "0123456789abcdef012",
            "is too short to be Slack's signing secret",
        ),
        ("AUDIT_KEY", "0123456789abcdef0123456789abcde", "is shorter than 32 characters"),
        ("AUDIT_KEY", "short" + " " * 40, "is shorter than 32 characters"),
    ],
)
def test_a_secret_that_can_be_guessed_is_refused_and_not_shown(tmp_path, name, value, words):
    ended = command_line(tmp_path, "web", **(GOOD | {name: value}))

    assert ended.returncode == 2
    assert f"{name}: {words}" in ended.stderr
    assert value not in ended.stderr


# In plain words


@pytest.mark.parametrize("name", [name.upper() for name in Settings.model_fields])
def test_an_empty_setting_is_one_that_is_not_set(environment, name):
    environment({**GOOD, name: ""})

    settings, refused = tried()

    if name in NEEDED | {"SLACK_APP_TOKEN"}:
        assert f"  {name}: is missing" in refused
    else:
        default = Settings.model_fields[name.lower()].default
        assert getattr(settings, name.lower()) in (default, "")


def tried():
    """The settings, or how they are refused."""
    try:
        return read_settings("run"), ""
    except SettingsError as error:
        return None, str(error)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("AUDIT_KEY", " " * 40, "holds nothing but spaces"),
        ("SLACK_SIGNING_SECRET", "\t \n", "holds nothing but spaces"),
        ("ZUORA_TENANT_ID", "abc", "is not the number of a tenant, such as 12270"),
        ("ZUORA_TENANT_ID", "12270a", "is not the number of a tenant, such as 12270"),
        ("SLACK_BOT_TOKEN", "xapp-1-A-1", "which belongs in SLACK_APP_TOKEN"),
        ("SLACK_BOT_TOKEN", "xoxp-1", "it is a person's token"),
        ("SLACK_APP_TOKEN", "xoxb-1-1", "which belongs in SLACK_BOT_TOKEN"),
        ("SLACK_SIGNING_SECRET", "xoxb-0123456789abcdef0123", "which belongs in SLACK_BOT_TOKEN"),
        ("ZUORA_BASE_URL", "https://rest.na.zuora.com/v1", "ends in /v1"),
        ("ZUORA_BASE_URL", "https://rest.na.zuora.com/v1/", "ends in /v1/"),
        ("ZUORA_BASE_URL", "https://rest.na.zuora.com/oauth/token", "ends in /oauth/token"),
        ("ZUORA_BASE_URL", "https://www.zuora.com/platform/apps", "ends in /platform/apps"),
        ("PORT", "many", "is not a whole number"),
        ("PORT", "3000.5", "is not a whole number"),
        ("PORT", "70000", "is more than 65535"),
        ("ZUORA_BATCHES", "10", "is less than 50"),
        ("POLL_SECONDS", "0", "is not more than 0"),
        ("POLL_SECONDS", "soon", "is not a number"),
        ("ZUORA_GZIP", "perhaps", "is neither yes nor no"),
        ("REPEAT_LOST", "maybe", "is not 'yes' or 'no'"),
        ("BACKUP_EVERY", "often", "is not a span of time such as 30m, 6h or 1d"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(environment, name, given, words):
    environment({**GOOD, name: given})

    with pytest.raises(SettingsError) as refused:
        read_settings("run")

    assert named_in(str(refused.value)) == {name}
    assert words in str(refused.value)


@pytest.mark.parametrize("given", ["?", "\u200b", "-1", "1e999", "x" * 3000, "yes\nno", "{}"])
@pytest.mark.parametrize("name", [name.upper() for name in Settings.model_fields])
def test_no_setting_is_refused_in_the_words_of_a_library(environment, name, given):
    environment({**GOOD, name: given})

    _, refused = tried()

    for word in ("Input", "String should", "parse", "pattern", "literal", "unable"):
        assert word not in refused
