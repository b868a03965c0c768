"""The documents say what the code does: README, manifest, Procfile."""

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml
from slack_bolt.async_app import AsyncApp

from bench.big_picture import PICTURE
from bench.cards import file_of
from bot.cli import COMMANDS
from bot.cli.checks.at_slack import ADDRESSES
from bot.domain.request import TRANSITIONS, State
from bot.sandbox.slack.methods import METHODS
from bot.settings import Settings
from bot.slack.forms.catalog import FORMS
from tests.gallery import ALL

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
MANIFEST = yaml.safe_load((ROOT / "manifest.yml").read_text())
BOT = [path for path in (ROOT / "bot").rglob("*.py") if "sandbox" not in path.parts]
HISTORY = {"channels:history", "groups:history"}
CHANNELS = {"channels:read", "groups:read"}
FILES_UPLOAD = ("files.getUploadURLExternal", "files.completeUploadExternal")
MANIFEST_KEYS = {
    "display_information": {"name", "description", "long_description", "background_color"},
    "features": {"app_home", "bot_user", "shortcuts", "slash_commands"},
    "oauth_config": {"scopes"},
    "settings": {
        "event_subscriptions", "interactivity", "org_deploy_enabled", "socket_mode_enabled",
        "token_rotation_enabled",
    },
    "_metadata": {"major_version", "minor_version"},
}  # fmt: skip


# README


@pytest.mark.parametrize("name", [name.upper() for name in Settings.model_fields])
def test_the_readme_names_every_setting(name):
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_readme_names_every_command(name):
    assert f"billing-bot {name}" in README


@pytest.mark.parametrize("name", ["make sandbox", "make test"])
def test_the_readme_names_how_to_begin(name):
    assert name in README


def test_the_readme_names_every_slash_command():
    for command in registered().commands:
        assert command.startswith("/"), f"@app.command({command}): write the command itself there"
        assert command in README, f"write a row for {command} into the table of README's commands"


def test_the_states_are_drawn_in_the_readme_as_the_program_has_them():
    (drawing,) = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", README, re.DOTALL)
    arrows = re.findall(r"^\s*(\w+)\s*-->\s*(\w+)", drawing, re.MULTILINE)

    assert len(arrows) == len(set(arrows))
    assert {(a, b) for a, b in arrows} == {
        (before.value, after.value) for before in State for after in TRANSITIONS[before]
    }


# What the app registers


class Registered:
    """Listens to what the code asks Bolt for; a form's command stands with the form."""

    def __init__(self):
        self.commands = {form.command.name for form in FORMS.values() if form.command}
        self.interactions = set()
        self.events = set()
        self.shortcuts = set()


def registered():
    """Every listener in the code, by the decorators of Bolt's app."""
    found = Registered()
    kinds = {
        "command": found.commands, "action": found.interactions, "view": found.interactions,
        "options": found.interactions, "event": found.events,
        "shortcut": found.shortcuts,
    }  # fmt: skip
    for path in BOT:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "app"
                and node.func.attr in kinds
                and not isinstance(node.args[0], ast.Attribute)  # a form's: among `commands`
            ):
                argument = node.args[0]
                named = (
                    argument.value if isinstance(argument, ast.Constant) else ast.unparse(argument)
                )
                kinds[node.func.attr].add(named)
    return found


def called_methods():
    """Every Web API method that the bot calls: attributes of the SDK's client with its names."""
    names = {name.replace(".", "_").lower(): name for name in METHODS}
    found = set[str]()
    for path in BOT:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                if node.attr == "files_upload_v2":
                    found.update(FILES_UPLOAD)
                elif node.attr.lower() in names:
                    found.add(names[node.attr.lower()])
    return found


def test_the_decorators_are_those_of_bolt():
    for kind in ("command", "action", "view", "event", "options", "shortcut"):
        assert hasattr(AsyncApp, kind)


def test_the_manifest_has_the_commands_that_the_app_registers():
    in_manifest = [command["command"] for command in MANIFEST["features"]["slash_commands"]]
    commands = registered().commands

    assert len(in_manifest) == len(set(in_manifest))
    if all(command.startswith("/") for command in commands):
        assert set(in_manifest) == commands, "manifest.yml: slash_commands"


async def test_the_app_answers_every_command_of_the_manifest(stage):
    """A command that nobody listens to is a 404 in Bolt and nothing at all on the screen."""
    for command in MANIFEST["features"]["slash_commands"]:
        ack = await stage.slack.slash("U0MARA", "C0BILLING", f"{command['command']} help")
        assert ack.ok
        assert command["command"] in ack.text


def test_the_manifest_has_the_shortcuts_that_the_app_registers():
    in_manifest = MANIFEST["features"]["shortcuts"]

    assert {shortcut["callback_id"] for shortcut in in_manifest} == registered().shortcuts
    for shortcut in in_manifest:
        assert set(shortcut) == {"name", "type", "callback_id", "description"}
        assert shortcut["type"] in ("global", "message")
        assert 0 < len(shortcut["name"]) <= 24
        assert 0 < len(shortcut["description"]) <= 150


def test_the_manifest_asks_for_exactly_the_scopes_of_the_methods_that_are_called():
    methods = called_methods()
    scopes = {scope for name in methods for scope in METHODS[name].scopes}
    if methods & {"conversations.history", "conversations.replies"}:
        scopes |= HISTORY
    if "conversations.info" in methods:
        scopes |= CHANNELS
    if "users.info" in methods:
        scopes.add(ADDRESSES)
    if registered().commands:
        scopes.add("commands")

    assert "chat.postMessage" in methods
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == scopes
    assert "user" not in MANIFEST["oauth_config"]["scopes"]


def test_interactivity_and_events_are_on_where_the_app_listens():
    settings = MANIFEST["settings"]

    assert settings["interactivity"]["is_enabled"] is bool(registered().interactions)
    subscribed = set((settings.get("event_subscriptions") or {}).get("bot_events") or [])
    assert subscribed == registered().events


# The manifest's own rules: section 2 of the notes on Slack


def test_the_manifest_has_no_unknown_key():
    assert set(MANIFEST) <= set(MANIFEST_KEYS)
    for part, keys in MANIFEST_KEYS.items():
        assert set(MANIFEST.get(part) or {}) <= keys
    assert set(MANIFEST["oauth_config"]["scopes"]) <= {"bot", "user"}
    for command in MANIFEST["features"]["slash_commands"]:
        assert set(command) <= {"command", "description", "usage_hint", "url", "should_escape"}


def test_the_manifest_keeps_to_the_lengths():
    display = MANIFEST["display_information"]
    assert 0 < len(display["name"]) <= 35
    assert len(display.get("description", "")) <= 140
    assert "long_description" not in display or 175 <= len(display["long_description"]) <= 4000
    assert re.fullmatch(r"#[0-9a-fA-F]{6}", display["background_color"])
    assert 0 < len(MANIFEST["features"]["bot_user"]["display_name"]) <= 80
    for command in MANIFEST["features"]["slash_commands"]:
        assert re.fullmatch(r"/[a-z0-9_-]{1,31}", command["command"])
        assert 0 < len(command["description"]) <= 2000
        assert len(command.get("usage_hint", "")) <= 1000


def test_what_slack_demands_together_stands_together():
    scopes = MANIFEST["oauth_config"]["scopes"]["bot"]
    addresses = {
        *(command["url"] for command in MANIFEST["features"]["slash_commands"]),
        MANIFEST["settings"]["interactivity"]["request_url"],
        MANIFEST["settings"]["event_subscriptions"]["request_url"],
    }

    assert "commands" in scopes
    assert len(scopes) == len(set(scopes))
    assert "bot_user" in MANIFEST["features"]
    assert MANIFEST["settings"]["socket_mode_enabled"] is True
    assert len(addresses) == 1
    assert all(re.fullmatch(r"https://[^/]+/slack/events", address) for address in addresses)


# The rest


def test_the_procfile_names_both_ways_of_running():
    lines = dict(
        line.split(": ")
        for name in ("Procfile", "deploy/Procfile.web")
        for line in (ROOT / name).read_text().splitlines()
    )

    assert lines == {"web": "billing-bot web", "worker": "billing-bot run"}


def test_the_script_is_the_program():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["name"] == "billing-bot"
    assert project["scripts"] == {"billing-bot": "bot.cli:main"}


def test_a_commit_is_checked_by_the_same_command_as_by_hand_and_ci_runs_the_whole():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())["jobs"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pythons = jobs["test"]["strategy"]["matrix"]["python"]

    assert [hook["entry"] for hook in hooks] == ["make check"]
    assert any(step.get("run", "").startswith("make test") for step in jobs["test"]["steps"])
    assert project["requires-python"] == f">={pythons[0]}"


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_what_a_document_links_to_is_there(name):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / name).read_text())

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "Makefile"])
def test_every_command_of_make_that_is_named_is_there(name):
    named = set(re.findall(r"\bmake ([a-z-]+)`", (ROOT / name).read_text()))
    there = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert named <= there


def texts():
    """Every source file and document of the project."""
    kinds = {
        ".py",
        ".md",
        ".yml",
        ".toml",
        ".txt",
        ".sh",
        ".js",
        ".css",
        ".html",
        ".conf",
        ".service",
    }
    for top in ("bot", "tests", "docs", "requirements", "deploy", ".ci", ".github"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.is_file() and (path.suffix in kinds or top == ".ci"):
                yield path
    for name in ("README.md", "CHANGELOG.md", "Makefile", "Procfile", "manifest.yml", "CONTRIBUTING.md",
                 "SECURITY.md", "Dockerfile", ".env.example", "policy.example.toml", "MANIFEST.in", ".editorconfig", ".pre-commit-config.yaml"):  # fmt: skip
        yield ROOT / name
    yield ROOT / "pyproject.toml"


def test_make_pictures_takes_every_picture_and_each_is_shown():
    """None is older than what it shows without anybody being able to take it anew."""
    images = ROOT / "docs" / "images"
    there = {str(path.relative_to(images)) for path in images.rglob("*") if path.is_file()}
    taken = re.findall(r'_take\(page, "(\w+)"\)', (ROOT / "bench" / "pictures.py").read_text())
    cards = {f"cards/{file_of(name)}-{width}.png" for name in ALL for width in (390, 1280)}

    measured = {PICTURE.name}  # of `python -m bench big`
    assert there == {f"{name}.png" for name in taken} | cards | measured
    shown = "".join(
        each.read_text() for each in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))
    )
    assert [name for name in there if name not in shown and "-1280" not in name] == []


def test_no_source_and_no_document_contains_the_path_of_a_machine():
    places = "work|home|root|Users|private|var/folders|tmp"
    machine = re.compile(rf"(?<![\w.:*}}>)~-])/(?:{places})/\w")

    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in texts()
        for line in path.read_text().splitlines()
        if machine.search(line) or str(ROOT) in line
    ]

    assert found == []


@pytest.mark.parametrize(
    "path", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], ids=lambda p: p.name
)
def test_every_link_to_a_file_leads_to_one(path):
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    linked = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text)

    assert [each for each in linked if not (path.parent / each).exists()] == []


STORY = (ROOT / "docs/architecture.md").read_text().split("## One request from front to back")[1]
STEPS = re.findall(r"^\| (?!Step|---)(.*?) \| (.*) \|$", STORY.split("\n## ")[0], re.MULTILINE)


def stands_in(name, path):
    """Whether a file is called so, or defines it: `move`, `OnRun.read`, `commands/forms`."""
    last = re.split(r"[./]", name)[-1]
    found = re.search(rf"^\s*(?:async def|def|class) {last}\b", path.read_text(), re.MULTILINE)
    return path.stem == last or found is not None


@pytest.mark.parametrize(("step", "where"), STEPS, ids=[step[:40] for step, _ in STEPS])
def test_the_story_of_one_mail_names_what_stands_there(step, where):
    linked = re.findall(r"\[`([^`]+)`\]\(\.\./([^)]+)\)", where)

    assert linked
    assert [name for name, path in linked if not stands_in(name, ROOT / path)] == []
    for name in re.findall(r"`(_\w+)`", step):
        assert any(stands_in(name, ROOT / path) for _, path in linked), name


def types_named(tree):
    """Names of the classes in a module, and of the types that it gives a name: `Facts = dict[str, Any]`."""
    yield from (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    for node in tree.body:
        names = node.targets if isinstance(node, ast.Assign) else []
        for name in names:
            if isinstance(name, ast.Name) and re.fullmatch(r"[A-Z]+[a-z]\w*", name.id):
                yield name.id


def test_no_two_types_of_the_bot_have_one_name():
    types = Counter(name for path in BOT for name in types_named(ast.parse(path.read_text())))

    assert "ZuoraRow" in types
    assert [name for name, times in types.items() if times > 1] == []


def test_request_is_always_a_number_in_the_fields_of_a_class():
    fields = [
        ast.unparse(field.annotation)
        for path in BOT
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        for field in node.body
        if isinstance(field, ast.AnnAssign) and ast.unparse(field.target) == "request"
    ]

    assert set(fields) == {"int", "int | None"}
