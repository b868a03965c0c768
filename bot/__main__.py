"""`python -m bot` is the same as `billing-bot`."""

from bot.cli import main

main(prog_name="billing-bot")
