"""The command line. START HERE: each command builds the parts it needs through `bot.wiring`."""

import click

from bot.cli.evidence import evidence
from bot.cli.export import export_month
from bot.cli.policy import policy
from bot.cli.sandbox import sandbox
from bot.cli.serve import run, web
from bot.cli.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="billing-bot")
def main() -> None:
    """Zuora bill runs and billing emails from Slack, each approved by a second person."""


main.add_command(run)
main.add_command(web)
main.add_command(sandbox)
main.add_command(policy)
main.add_command(verify)
main.add_command(evidence)
main.add_command(export_month)
