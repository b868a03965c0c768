"""Management's explanations of what Zuora shows and the bot did not do; each is signed with a button."""

from typing import NamedTuple

from bot.domain.authority import Person, listed
from bot.domain.clock import Clock
from bot.domain.history import Entry, What
from bot.domain.policy import Policy
from bot.store.store import Store
from bot.workflow.groups import note as note_groups
from bot.workflow.receipts import give

LONGEST = 1000


def may_explain(person: Person, policy: Policy) -> bool:
    """Return whether somebody may sign explanations; everybody may who decides under any rule."""
    return not person.barred and listed(person, policy.deciders)


class About(NamedTuple):
    """A bill run or a document: its number, and its entity (`entity_part`) if there are several."""

    number: str
    entity: str = ""


def write(store: Store, clock: Clock, person: Person, about: About, words: str) -> int:
    """Record somebody's explanation of a bill run or a document; return its row, for the button that signs it.

    Raises:
        CouldNotRecordError: Nothing was written.
    """
    with store.transaction():
        entity = {"entity": about.entity} if about.entity else {}
        data = {"number": about.number, **entity, "words": words[:LONGEST], **person.called}
        entry = Entry(what=What.EXPLANATION, who=person.user_id, team=person.team_id, data=data)
        return store.record(entry, clock.now()).sequence


def sign(store: Store, clock: Clock, person: Person, row: str) -> str:
    """Sign the explanation in a row; return the number that it is about, or an empty text if the row holds none.

    Raises:
        CouldNotRecordError: Nothing was written.
    """
    with store.transaction():
        written = store.history.since(0, What.EXPLANATION)
        found = next((each for each in written if str(each.sequence) == row), None)
        if found is None:
            return ""
        members = {name: sorted(each) for name, each in person.members.items()}
        note_groups(store, members, clock.now(), listed=True)
        data = {
            "row": found.sequence,
            "number": found.entry.data["number"],
            **{name: value for name, value in found.entry.data.items() if name == "entity"},
            "words": found.entry.data["words"],
            "written_by": found.entry.who,
            **person.called,
        }
        entry = Entry(what=What.EXPLAINED, who=person.user_id, team=person.team_id, data=data)
        signed = store.record(entry, clock.now())
        give(store, person.user_id, signed, clock.now())
    return str(data["number"])
