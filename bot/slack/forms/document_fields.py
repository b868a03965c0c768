"""The fields for documents' numbers and ids: as many as 500 of them need. No I/O."""

from bot.cards.blocks import Block
from bot.domain.key import tokens
from bot.operations.operation import Values
from bot.slack.forms import fields

LISTS = (
    "documents",
    "more_documents",
    "still_more_documents",
    *(f"documents_{place}" for place in range(4, 9)),
)
"""Fields for numbers: Slack takes 3,000 characters in one. 500 numbers are twice that, and 500 ids
with their kinds before them (`INV:` and 32 or 36 characters) seven times."""

ROOM, FOR_NUMBERS, FOR_IDS = "room", "numbers", "ids"
FIELDS_FOR = {FOR_NUMBERS: 3, FOR_IDS: len(LISTS)}

FIELD_LIMIT = 3000


def document_fields(values: Values) -> list[Block]:
    """As many fields as were asked for, and one more than there are with something in them.

    Slack keeps what stands in a field that is there before and after a change of the form, so
    nothing is moved from one field to another, and none is taken away that has something in it.
    """
    texts = _texts(values)
    filled = max((place for place, text in enumerate(texts, 1) if text), default=0)
    room = FIELDS_FOR.get(str(values.get(ROOM)), FIELDS_FOR[FOR_NUMBERS])
    shown = min(len(LISTS), max(room, filled + 1))
    typed = dict(zip(LISTS, texts, strict=False))
    how_many = fields.radio(
        ROOM,
        "Room for",
        values,
        [
            (FOR_NUMBERS, "Numbers", "Three fields take 500 of them."),
            (FOR_IDS, "Ids, or long numbers", "Eight fields take 500 of them."),
        ],
        changes_form=True,
    )
    return [_list(name, position, typed) for position, name in enumerate(LISTS[:shown])] + [
        how_many
    ]


def _list(name: str, position: int, typed: Values) -> Block:
    labels = ("Documents", "More documents", "Still more documents")
    hints = (
        (
            "Numbers like INV00000012, DM00000003, CM00000004, separated by spaces, commas or "
            "lines; 500 at most in all. Ids and any other numbers are looked up in Zuora; one with "
            "spaces or commas in it stands in quotation marks."
        ),
        "A field takes 3,000 characters, some 250 numbers or 75 ids; the others go here.",
        "And here.",
    )
    last = len(labels) - 1
    return fields.text(
        name,
        labels[min(position, last)],
        typed,
        hint=hints[min(position, last)],
        placeholder="INV00000012" if position == 0 else "",
        multiline=True,
        max_length=FIELD_LIMIT,
        optional=position > 0,
    )


def typed_documents(values: Values) -> str:
    """Everything that stands in the fields. No I/O."""
    return "\n".join(text for name in LISTS if isinstance(text := values.get(name), str) and text)


def _texts(values: Values) -> list[str]:
    """What stands in each field; a text that one field does not take is spread over several."""
    texts = [text if isinstance(text := values.get(name), str) else "" for name in LISTS]
    return (
        texts
        if all(len(text) <= FIELD_LIMIT for text in texts)
        else _spread(typed_documents(values))
    )


def _spread(text: str) -> list[str]:
    """The text itself if one field takes it, else its parts spread over as many as it needs."""
    if len(text) <= FIELD_LIMIT:
        return [text]
    texts = [""]
    for part in tokens(text):
        if len(texts[-1]) + 1 + len(part) > FIELD_LIMIT:
            texts.append("")
        texts[-1] = f"{texts[-1]} {part}".strip()
    last = len(LISTS) - 1
    return [*texts[:last], " ".join(texts[last:])]  # the field says what does not fit in it
