"""How commands explain themselves: whole sentences in lists, and an example at the end."""

import click

LONGEST_SENTENCE = 1000


def example(*lines: str) -> str:
    """The lines as they are typed, which are never wrapped."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


class Group(click.Group):
    """A group whose list has each command's first sentence whole."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click does, without cutting a sentence off."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, command.get_short_help_str(limit=LONGEST_SENTENCE))
                    for name in self.list_commands(ctx)
                    if (command := self.get_command(ctx, name))
                ]
            )
