"""The long form of the crash test: `make crash-test`. Its figures go into docs/reliability.md."""

import asyncio
import logging
import sys
import tempfile
from pathlib import Path

import click

from tests.crash.figures import in_words, names
from tests.crash.restored import Restored
from tests.crash.story import Outcome, Story

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->"


@click.command()
@click.option("--kills", default=360, show_default=True, help="How often the process dies in all.")
@click.option("--each", default=60, show_default=True, help="How often in each story.")
@click.option("--seed", default=1, show_default=True, help="The first story's seed.")
@click.option("--write/--no-write", default=False, help="Write the figures into the document.")
def main(kills: int, each: int, seed: int, *, write: bool) -> None:
    """Play stories of thirty requests until the process has died often enough."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # it reports every lost caller
    with tempfile.TemporaryDirectory(prefix="billing-bot-crash-") as folder:
        outcomes = asyncio.run(_play(Path(folder), kills, each, seed))
        words = in_words(outcomes, Path(folder))
        left = sorted(set(names(Path(folder), "seen")) - set(names(Path(folder), "hit")))
    click.echo(f"\n{words}")
    if left:
        click.echo(f"reached and not died at: {len(left)}\n  " + "\n  ".join(left))
    if write:
        write_figures(words)
    sys.exit(1 if any(each.reckoning.problems for each in outcomes) else 0)


async def _play(folder: Path, kills: int, each: int, seed: int) -> list[Outcome]:
    outcomes: list[Outcome] = []
    while sum(one.kills for one in outcomes) < kills:
        story = folder / f"story-{len(outcomes)}"
        story.mkdir()
        of_its_kind = Restored if len(outcomes) % 2 else Story
        played = of_its_kind(story, folder, seed=seed + len(outcomes), kills=each, thorough=True)
        outcomes.append(await played.play())
        problems = outcomes[-1].reckoning.problems
        click.echo(
            f"story {len(outcomes)}: {outcomes[-1].kills} kills in {outcomes[-1].seconds:.0f} s, "
            f"{len(problems)} problems"
        )
        for problem in problems:
            click.echo(f"  {problem}")
    return outcomes


def write_figures(words: str) -> None:
    """Put the figures between the two marks of the document."""
    head, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    listed = "".join(f"- {line}\n" for line in words.splitlines())
    DOCUMENT.write_text(f"{head}{BEGIN}{listed}{END}{tail}")


if __name__ == "__main__":
    main()
