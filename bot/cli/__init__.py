"""The command line. START HERE: each command builds the parts it needs through `bot.wiring`."""

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click
from typing_extensions import override

from bot.cli.help import Group, first_sentence

COMMANDS = {
    "run": "bot.cli.serve:run",
    "web": "bot.cli.serve:web",
    "check": "bot.cli.check:check",
    "sandbox": "bot.cli.sandbox:sandbox",
    "policy": "bot.cli.policy:policy",
    "verify": "bot.cli.verify:verify",
    "backup": "bot.cli.backup:backup",
    "restore": "bot.cli.restore:restore",
    "archive": "bot.cli.archive:archive_command",
    "copy": "bot.cli.copy:copy_command",
    "evidence": "bot.cli.evidence:evidence",
    "resume-after-restore": "bot.cli.resume:resume",
    "export": "bot.cli.export:export_month",
}
"""Every command, with the module that holds it and its name there."""


class _LoadedOnUse(Group):
    """Imports a command when it is used, so that a running bot does not load what other commands need."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    @override
    def first_sentence(self, ctx: click.Context, name: str) -> str:
        """Return what a command does, read from its source: `--help` imports none of them."""
        module, _, function = COMMANDS[name].partition(":")
        found = find_spec(module)
        source = Path(found.origin).read_text() if found and found.origin else ""
        return next(
            first_sentence(ast.get_docstring(each) or "")
            for each in ast.parse(source).body
            if isinstance(each, ast.FunctionDef) and each.name == function
        )


@click.group(cls=_LoadedOnUse, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="billing-bot")
def main() -> None:
    """Zuora bill runs and billing emails from Slack, each approved by a second person.

    Settings come from the environment or from .env in this folder; README.md lists them. `billing-bot COMMAND --help`
    says what a command does.
    """
