"""What is stored of an order: what was asked for, and what Zuora said about it."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, Field

from bot.domain.check import Check


class Body(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """What was asked for: everything that takes effect, valid and frozen.

    Validators of bodies and facts are built at their first use, because a bot at rest needs none.
    """


class Remembering(BaseModel, frozen=True):
    """Values with results that are computed once (`cached_property`); a copy computes them again."""

    def __copy__(self) -> Self:
        """Copy only the values, because the copy may change them."""
        copied = super().__copy__()
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


class Facts(Remembering, frozen=True, extra="forbid", defer_build=True):
    """What an approver must know, as Zuora gave it at one moment.

    Attributes:
        apart: SHA-256 (hex) of each part that is stored apart, before packing. It is the first
            field, so that a stored text shows that there are such parts
            (`bot.domain.request.APART`).
        checked: What the bot checked; stored with the facts, and empty in older requests.
    """

    apart: tuple[str, ...] = Field(default=(), exclude_if=lambda apart: not apart)
    checked: tuple[Check, ...] = ()

    def to_store(self) -> tuple[str, tuple[bytes, ...]]:
        """Return the JSON that is stored in the request, and the parts that are stored apart."""
        return self.model_dump_json(), ()

    def beside(self) -> str | None:
        """Return a text that is stored beside the JSON for auditors, of which the facts hold the SHA-256; None for none."""
        return None

    @classmethod
    def stored(cls, text: str, _packed: Sequence[bytes] = (), /) -> Self:
        """Read what `to_store` made, in any version.

        Raises:
            ValidationError: Another version of the bot has written it.
        """
        return cls.model_validate_json(text)
