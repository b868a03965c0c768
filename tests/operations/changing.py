"""Changing one fact at a time, whatever it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from bot.domain.check import Check, Result
from bot.domain.known import NotKnown
from bot.domain.mailing import ByItself
from bot.domain.money import Money

DAY = timedelta(days=1)


def changed_one_by_one(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each field, down to those of models in models and lists, with the model in which it differs."""
    for name, kind in _fields(type(model)).items():
        for path, value in _others(getattr(model, name), kind):
            other = (
                model.model_copy(update={name: value})
                if isinstance(model, BaseModel)
                else replace(model, **{name: value})
            )
            yield f"{prefix}{name}{path}", other


def never_filled(models: Sequence[BaseModel], prefix: str = "") -> Iterator[str]:
    """Each field that has its default in all of these, down to those of models in models and lists."""
    for name, each in type(models[0]).model_fields.items():
        values = [getattr(model, name) for model in models]
        if all(value == each.default for value in values):
            yield f"{prefix}{name}"
        lists = [value if isinstance(value, tuple) else (value,) for value in values]
        inner = [value for one in lists for value in one if isinstance(value, BaseModel)]
        if inner:
            yield from never_filled(inner, f"{prefix}{name}.")


def _fields(kind: Any) -> dict[str, Any]:
    """The fields of a model, or of a dataclass, with their types."""
    if issubclass(kind, BaseModel):
        return {name: each.annotation for name, each in kind.model_fields.items()}
    return {each.name: each.type for each in fields(kind)}


def _has_fields(value: Any) -> bool:
    whole = type(value) in (NotKnown, *MADE)
    return isinstance(value, BaseModel) or (is_dataclass(value) and not whole)


def _others(value: Any, kind: Any) -> Iterator[tuple[str, Any]]:
    """Other values of that type; none of a path means the field as a whole."""
    if _has_fields(value):
        for path, other in changed_one_by_one(value):
            yield f".{path}", other
    elif isinstance(value, tuple) and not isinstance(value, Money):
        yield from _lists(value, kind)
    elif words := [each for each in _words(kind) if each != value]:
        yield from (("", each) for each in words)
    else:
        yield "", _another(value, kind)


def _lists(value: tuple[Any, ...], kind: Any) -> Iterator[tuple[str, Any]]:
    if value and _has_fields(value[0]):
        for path, other in changed_one_by_one(value[0]):
            yield f"[].{path}", (other, *value[1:])
        yield "", value[1:]
    elif value:
        yield "", value[1:]
    else:
        yield "", made_of(kind)


def _another(value: Any, kind: Any) -> Any:
    match value:
        case None:
            return made_of(kind)
        case bool():
            return not value
        case Money():
            return Money(value.currency, value.amount + 1)
        case int() | Decimal():
            return value + 1
        case date():
            return value + DAY
        case _:
            return f"{value}x"


def _words(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


MADE: dict[Any, Any] = {
    str: "made", int: 7, bool: True, Decimal: Decimal(7), Money: Money("USD", Decimal(7)),
    date: date(2026, 1, 2), datetime: datetime.fromisoformat("2026-01-02T03:04:05+00:00"),
    ByItself: ByItself("BR-7", None), Check: Check("made", Result.PASSED, "made"),
}  # fmt: skip


def made_of(kind: Any) -> Any:
    """Any value of that type."""
    if get_origin(kind) in (Union, UnionType):
        return made_of(next(each for each in get_args(kind) if each is not NoneType))
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if get_origin(kind) is Mapping:
        return {made_of(each): made_of(other) for each, other in [get_args(kind)]}
    if get_origin(kind) is tuple:
        return (made_of(get_args(kind)[0]),)
    if kind in MADE:
        return MADE[kind]
    made = {name: made_of(each) for name, each in _fields(kind).items()}
    return kind.model_construct(**made) if issubclass(kind, BaseModel) else kind(**made)
