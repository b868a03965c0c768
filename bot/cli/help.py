"""The layout of commands' help: complete sentences in lists, and an example at the end."""

import click

LONGEST_SENTENCE = 1000


def example(*lines: str) -> str:
    """Return an example's lines, which are never wrapped."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


class Group(click.Group):
    """A group whose list shows each command's complete first sentence."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands as click does, without cutting a sentence off."""
        names = self.list_commands(ctx)
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.first_sentence(ctx, name)) for name in names])

    def first_sentence(self, ctx: click.Context, name: str) -> str:
        """Return what a command of this group does."""
        command = self.get_command(ctx, name)
        return first_sentence(command.help or "") if command else ""


def first_sentence(text: str) -> str:
    """Return the first sentence of a docstring, in one line."""
    return click.Command(None, help=text).get_short_help_str(limit=LONGEST_SENTENCE)
