"""What must hold for everything that comes to be on a screen, whatever story it belongs to."""

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

MOST_FACTS = 8
DECIDES = ("approve", "reject", "record_sent", "record_not_sent")
AMOUNT = re.compile(r"[A-Z]{3} -?\d|not known|nothing due|no invoices|no documents")
NOBODY = re.compile("no documents|no invoices")
OF_AN_APPROVAL = "A note for the record"
"""The label of a field that only forms have in which somebody approves."""

INVISIBLE = re.compile("[\u2060\u2066-\u2069]")

GLOSSARY = (Path(__file__).parents[1] / "docs" / "glossary.md").read_text()
DROPPED = re.findall(r"^- (.+)$", GLOSSARY.partition("## Dropped")[2], re.MULTILINE)

Blocks = list[dict[str, Any]]


class Reader:
    """Reads everything that the local Slack shows, and keeps what is wrong with it.

    Args:
        customers: Names and numbers that a customer can be called by, as they are now.
    """

    def __init__(self, customers: Callable[[], Collection[str]]) -> None:
        self._customers = customers
        self._known: set[str] = set()
        self.offences: list[str] = []

    def read(self, text: str, blocks: Blocks) -> None:
        """Judge one message, view or home; the same one is judged once."""
        shown = repr((text, blocks))
        if shown not in self._known:
            self._known.add(shown)
            self.offences += judged(text, blocks, self._customers())


def judged(text: str, blocks: Blocks, customers: Collection[str]) -> list[str]:
    """What is wrong with a message: too many facts, an Approve without figures, a dropped word."""
    words = INVISIBLE.sub("", f"{text}\n{all_words(blocks)}")
    found = [f"{dropped!r} was dropped: {words[:200]}" for dropped in DROPPED if dropped in words]
    for title, facts, buttons in cards(blocks):
        if len(facts) > MOST_FACTS:
            found.append(f"{len(facts)} lines of facts: {title}\n  " + "\n  ".join(facts))
        found += _without_warning(title, facts)
        for button in buttons:
            if button.get("action_id") == "approve":
                found += _without_figures(title, facts, button, customers)
                if text and not AMOUNT.search(text):
                    found.append(f"a plain text without amounts: {text}")
    if any(each.get("label", {}).get("text") == OF_AN_APPROVAL for each in blocks):
        found += _form_without_figures(all_words(blocks), customers)
    return found


def _without_warning(title: str, facts: list[str]) -> Iterator[str]:
    """A check that found something, and nothing of it on the card."""
    checks = re.search(r"seen by the bot: (\d+) of (\d+) checks? passed(.*)", " ".join(facts))
    if checks is None:
        return
    unknown = len(re.split(", | and ", checks[3].partition("not known: ")[2])) * (
        "not known" in checks[3]
    )
    warned = title.startswith("⚠") or any(each.startswith(("⚠", "Also")) for each in facts)
    if int(checks[1]) + unknown < int(checks[2]) and not warned:
        yield f"a check that found something, without a warning: {title} {facts}"


def _form_without_figures(words: str, customers: Collection[str]) -> Iterator[str]:
    """The form of the largest tier, and every other in which somebody approves."""
    if not AMOUNT.search(words):
        yield f"a form without amounts: {words}"
    if not (NOBODY.search(words) or _names_customers(words, customers)):
        yield f"a form without customers: {words}"


def _without_figures(
    title: str, facts: list[str], button: dict[str, Any], customers: Collection[str]
) -> Iterator[str]:
    amount = next((each for each in facts if each.startswith("Amount")), "")
    if not AMOUNT.search(amount):
        yield f"an Approve without amounts: {title} {facts}"
    if NOBODY.search(amount):
        return  # it reaches nobody
    if not _names_customers(" ".join((title, *facts)), customers):
        yield f"an Approve without customers: {title} {facts}"
    asked = ((button.get("confirm") or {}).get("text") or {}).get("text")
    if asked is None:
        return
    if amount.removeprefix("Amount").partition(" · and ")[0].strip() not in asked:
        yield f"a confirmation without amounts: {asked}"
    if not _names_customers(asked, customers):
        yield f"a confirmation without customers: {asked}"


def _names_customers(words: str, customers: Collection[str]) -> bool:
    return "customer" in words.lower() or any(each in words for each in customers if each)


def cards(blocks: Blocks) -> Iterator[tuple[str, list[str], list[dict[str, Any]]]]:
    """Each row of buttons that decides something: the title above it, its facts, its buttons.

    Facts are the lines between the row and the nearest heading or quiet line above it.
    """
    title = ""
    facts: list[str] = []
    for block in blocks:
        match str(block["type"]):
            case "header":
                title, facts = block["text"]["text"], []
            case "context":
                title, facts = " ".join(facts) or title, []
            case "rich_text":
                facts = [*facts, *lines_of(block)]
            case "actions":
                if any(each.get("action_id") in DECIDES for each in block["elements"]):
                    yield title, facts, block["elements"]
                title, facts = "", []
            case _:
                pass


def lines_of(block: dict[str, Any]) -> list[str]:
    """The lines of a rich text block, each as its words."""
    return [all_words(section).strip() for section in block["elements"]]


def all_words(value: Any) -> str:
    """Everything that a reader sees of a block, in order."""
    if isinstance(value, list):
        return " ".join(filter(None, map(all_words, value)))
    if not isinstance(value, dict):
        return ""
    if value.get("type") == "rich_text_section":
        return "".join(map(all_words, value["elements"]))
    own = [value[key] for key in ("text", "fallback") if isinstance(value.get(key), str)]
    inner = [all_words(each) for each in value.values() if isinstance(each, dict | list)]
    return " ".join([*own, *filter(None, inner)])
