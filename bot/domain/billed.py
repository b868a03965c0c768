"""Which accounts a bill run bills, so that a second run over the same accounts is noticed before it is made."""

from dataclasses import dataclass

from bot.domain.words import some

ALL = "AllBatches"
SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """The accounts of one run: those of batches, one account, or subscriptions of one.

    Attributes:
        batches: Names of batches, `AllBatches` among them for every account.
        bill_cycle_day: With batches: `1` to `31`, or anything else for every day.
        account: Zuora's id of the one account.
        account_number: Its number, for people.
        in_batch: The batch of the one account; empty if not known.
        own_day: Its bill cycle day; empty if not known.
        subscriptions: Their numbers; empty for all of the account's.
    """

    batches: frozenset[str] = frozenset()
    bill_cycle_day: str = ""
    account: str = ""
    account_number: str = ""
    in_batch: str = ""
    own_day: str = ""
    subscriptions: frozenset[str] = frozenset()

    @property
    def words(self) -> str:
        """Return `Batch1 and Batch2`, `all batches`, `A00000001`, `S-1 of A00000001`."""
        if ALL in self.batches:
            return "all batches"
        if self.batches:
            return some(sorted(self.batches), SHOWN)
        if self.subscriptions:
            return f"{some(sorted(self.subscriptions), SHOWN)} of {self.account_number}"
        return self.account_number

    def overlaps(self, other: "Billed") -> bool:
        """Return whether both may bill something of the same account; what is not known may be the same."""
        if self.batches and other.batches:
            same_day = _same_day(self.bill_cycle_day, other.bill_cycle_day)
            every = ALL in self.batches | other.batches
            return same_day and (every or bool(self.batches & other.batches))
        if self.batches:
            return self.covers(other)
        if other.batches:
            return other.covers(self)
        if self.account != other.account:
            return False
        both = self.subscriptions and other.subscriptions
        return not both or bool(self.subscriptions & other.subscriptions)

    def covers(self, one: "Billed") -> bool:
        """Return whether the account of the other run may be in these batches and of their bill cycle day."""
        inside = ALL in self.batches or not one.in_batch or one.in_batch in self.batches
        return inside and _same_day(self.bill_cycle_day, one.own_day)


def _same_day(one: str, other: str) -> bool:
    """Return whether two bill cycle days may be the same; only two different numbers surely are not."""
    both = (one, other)
    are_numbers = all(each.isascii() and each.isdigit() for each in both)
    return not are_numbers or one.lstrip("0") == other.lstrip("0")
