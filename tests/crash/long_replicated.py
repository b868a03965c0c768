"""The long form of the story of three replicas. Its figures go into docs/reliability.md."""

import asyncio
import logging
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click

from tests.crash.replicated import Replicated
from tests.crash.story import Outcome
from tests.postgres_tcp import TcpServer

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- replicas -->\n", "<!-- end of replicas -->"


@click.command()
@click.option(
    "--seconds", default=120, show_default=True, help="How long something happens each second."
)
@click.option("--seed", default=1, show_default=True, help="Decides what happens to whom.")
@click.option("--write/--no-write", default=False, help="Write the figures into the document.")
def main(seconds: int, seed: int, *, write: bool) -> None:
    """Play the story on three replicas, and compare what was done with what was asked."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # it logs every lost caller
    with tempfile.TemporaryDirectory(prefix="billing-bot-replicas-") as folder:
        story, outcome = asyncio.run(_play(Path(folder), seconds, seed))
    lines = in_words(story, outcome, seconds)
    click.echo("\n".join((*lines, *outcome.reckoning.problems)))
    if write:
        head, _, rest = DOCUMENT.read_text().partition(BEGIN)
        _, _, tail = rest.partition(END)
        DOCUMENT.write_text(
            f"{head}{BEGIN}" + "".join(f"- {each}\n" for each in lines) + END + tail
        )
    sys.exit(1 if outcome.reckoning.problems else 0)


async def _play(folder: Path, seconds: int, seed: int) -> tuple[Replicated, Outcome]:
    server = TcpServer()
    server.open()
    try:
        story = Replicated(folder, folder, server, seed=seed, seconds=seconds)
        return story, await story.play()
    finally:
        server.close()


def in_words(story: Replicated, outcome: Outcome, seconds: int) -> list[str]:
    """A few lines for the console and for the document."""
    found = outcome.reckoning
    happened = ", ".join(f"{times} {how}" for how, times in sorted(story.done.items()))
    ends = ", ".join(f"{times} {state}" for state, times in sorted(found.states.items()))
    exits = sum((each.ends for each in story.replicas), Counter[int]())
    wrong = (found.lost, found.doubled, found.out_of_order, found.untrue)
    return [
        f"in {seconds} s: {happened}; the server restarted {story.restarts} time in the middle",
        f"starts: {exits.total()}, of which {exits[80]} ended because they had lost the work lock",
        f"requests: {sum(found.states.values())} ({ends}); {found.pairs} runs beside one of their documents",
        f"commands, clicks and forms: {outcome.pressed}, of which {outcome.unanswered} got no answer and were repeated",
        (
            f"calls that took effect in Zuora: {found.effects}, mails: {found.mails}, to {found.customers} customers; "
            f"{found.repeated} sent again under their own keys"
        ),
        f"lost / doubled / out of order / not as decided: {' / '.join(str(len(each)) for each in wrong)}",
    ]


if __name__ == "__main__":
    main()
