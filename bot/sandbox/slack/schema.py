"""Small checkers from which the Block Kit rules are built; each yields Slack-like messages."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Check = Callable[[Any, str], Iterator[str]]


def error(text: str, pointer: str) -> str:
    """Return one message as Slack writes it."""
    return f"[ERROR] {text} [json-pointer:{pointer}]"


def string(longest: int | None = None, shortest: int = 1) -> Check:
    """Check a string of ``shortest`` to ``longest`` characters."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield error("must provide a string", at)
        elif len(value) < shortest:
            yield error(f"must be more than {shortest - 1} characters", at)
        elif longest is not None and len(value) > longest:
            yield error(f"must be less than {longest + 1} characters", at)

    return check


def boolean(value: Any, at: str) -> Iterator[str]:
    """Check a boolean."""
    if not isinstance(value, bool):
        yield error("must provide a boolean", at)


def integer(lowest: int, highest: int) -> Check:
    """Check a whole number."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield error("must provide a number", at)
        elif not lowest <= value <= highest:
            yield error(f"must be between {lowest} and {highest}", at)

    return check


def choice(*allowed: str) -> Check:
    """Check a string out of ``allowed``."""

    def check(value: Any, at: str) -> Iterator[str]:
        if value not in allowed:
            yield error(f"must be a valid enum value: {', '.join(allowed)}", at)

    return check


def anything(_value: Any, _at: str) -> Iterator[str]:
    """Accept everything."""
    yield from ()


def array(of: Check, most: int, least: int = 1) -> Check:
    """Check a list and each of its items."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield error("must provide an array", at)
            return
        if len(value) > most:
            yield error(f"no more than {most} items allowed", at)
        if len(value) < least:
            yield error(f"no fewer than {least} items allowed", at)
        for index, item in enumerate(value):
            yield from of(item, f"{at}/{index}")

    return check


@dataclass(frozen=True)
class Shape:
    """An object's fields; ``rule`` checks what several fields say together."""

    required: Mapping[str, Check]
    optional: Mapping[str, Check]
    rule: Check = anything

    def __call__(self, value: Any, at: str) -> Iterator[str]:
        """Check an object."""
        if not isinstance(value, dict):
            yield error("must provide an object", at)
            return
        for name in self.required:
            if value.get(name) is None:
                yield error(f"missing required field: {name}", at)
        fields = {**self.required, **self.optional}
        for name, part in value.items():
            if name == "type":
                continue
            if name not in fields:
                yield error(f"invalid additional property: {name}", at)
            elif part is not None:
                yield from fields[name](part, f"{at}/{name}")
        yield from self.rule(value, at)


def typed(shapes: Mapping[str, Check], allowed: Collection[str] | None = None) -> Check:
    """Check an object by its ``type``, which must be one of ``allowed``."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield error("must provide an object", at)
            return
        kind = value.get("type")
        if not isinstance(kind, str):
            yield error("missing required field: type", at)
        elif kind not in shapes or (allowed is not None and kind not in allowed):
            yield error(f"unsupported type: {kind}", f"{at}/type")
        else:
            yield from shapes[kind](value, at)

    return check


def text(longest: int, *kinds: str) -> Check:
    """Check a text object of one of ``kinds`` (both when none is named)."""
    allowed = kinds or ("plain_text", "mrkdwn")
    shapes = {
        "plain_text": Shape({"text": string(longest)}, {"emoji": boolean}),
        "mrkdwn": Shape({"text": string(longest)}, {"verbatim": boolean}),
    }
    inner = typed(shapes, allowed)

    def check(value: Any, at: str) -> Iterator[str]:
        problems = list(inner(value, at))
        if problems:
            yield error("failed to match all allowed schemas", at)
            yield from problems

    return check


def plain(longest: int) -> Check:
    """Check a plain_text object."""
    return text(longest, "plain_text")
