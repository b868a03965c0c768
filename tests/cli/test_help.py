"""Every command explains itself: what it does in whole sentences, each option, and how it is typed."""

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bot.cli import COMMANDS, main

ROOT = Path(__file__).parent.parent.parent


def every_command():
    """Each command that does something, by the words that are typed."""
    context = click.Context(main)
    found: dict[str, click.Command] = {}
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command
        if isinstance(command, click.Group):
            for inner in command.commands.values():
                found[f"{name} {inner.name}"] = inner
        found[name] = command
    return found


EVERY = every_command()
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TYPED = re.compile(r"billing-bot ((?:[a-z]+(?:-[a-z]+)*)(?: explain)?)([^`\n]*)")


@pytest.mark.parametrize("name", sorted(EVERY))
def test_the_help_of_a_command_says_what_it_does_and_shows_an_example(name):
    shown = CliRunner().invoke(main, [*name.split(), "--help"], prog_name="billing-bot")

    assert shown.exit_code == 0
    assert re.search(rf"Example:\n +.*billing-bot {name.split()[0]}", shown.output)
    assert EVERY[name].help.strip().splitlines()[0].endswith(".")
    assert "..." not in shown.output.replace("]...", "")  # but for what may be said several times


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_option_of_a_command_is_explained(name):
    options = [each for each in EVERY[name].params if isinstance(each, click.Option)]

    assert [each.name for each in options if not each.help] == []


def test_the_list_of_commands_has_whole_sentences_those_of_each_command_s_own_help():
    shown = CliRunner().invoke(main, ["--help"]).output

    assert "..." not in shown.replace("[ARGS]...", "")
    listed = " ".join(shown.split())
    for name in COMMANDS:
        own = CliRunner().invoke(main, [name, "--help"]).output.split("\n\n")[1]
        sentence = " ".join(own.split()).partition(". ")[0].removesuffix(".")
        assert f" {name} {sentence}." in listed


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_a_document_shows_is_there_with_its_options(path):
    for words, rest in TYPED.findall(path.read_text()):
        if words == "sandbox" or words in EVERY:
            options = {each for param in EVERY[words].params for each in param.opts}
            named = re.findall(
                r"(?<![\w-])--[a-z-]+", rest.partition("billing-bot ")[0].partition("#")[0]
            )
            assert set(named) <= options | {"--help"}, f"{words}{rest}"
        else:
            assert words.split()[0] in COMMANDS, f"billing-bot {words}{rest}"


def test_the_shell_completes_commands_and_options():
    """What click makes of `_BILLING_BOT_COMPLETE`, as docs/operate.md says."""
    complete = {"_BILLING_BOT_COMPLETE": "bash_complete", "COMP_CWORD": "1"}

    commands = CliRunner().invoke(
        main, env={**complete, "COMP_WORDS": "billing-bot re"}, prog_name="billing-bot"
    )
    options = CliRunner().invoke(
        main,
        env={**complete, "COMP_CWORD": "2", "COMP_WORDS": "billing-bot verify --ar"},
        prog_name="billing-bot",
    )

    assert commands.output.split() == ["plain,restore", "plain,resume-after-restore"]
    assert options.output.split() == ["plain,--archive"]
