"""The fields for documents' numbers and ids: enough for 500 of them, and a file. No I/O."""

from collections.abc import Sequence

from bot.cards.blocks import Block, context
from bot.domain.key import tokens
from bot.domain.words import count
from bot.operations.typed import Values
from bot.slack.forms import fields

LISTS = (
    "documents",
    "more_documents",
    "still_more_documents",
    *(f"documents_{place}" for place in range(4, 9)),
)
"""The fields for numbers. Slack takes 3,000 characters in one field.

500 numbers need twice that, and 500 ids with their kinds (`INV:` and 32 or 36 characters) seven times.
"""

ROOM, FOR_NUMBERS, FOR_IDS = "room", "numbers", "ids"
FIELDS_FOR = {FOR_NUMBERS: 3, FOR_IDS: len(LISTS)}

FIELD_LIMIT = 3000
MOST_SHOWN = FIELD_LIMIT * len(LISTS)
"""How many characters of a list are shown in fields; the form carries a longer list unseen."""

FILE = "file"
KEPT_FILE = "kept_file"
"""A file that was added to an earlier view of the form, or to a message."""

LISTED = "listed"
"""The content of the file after it was read, a `ListFile`."""

NOTE = "note"
"""A note for the person about a request that was saved."""

TYPES = ("csv", "txt", "text", "tsv", "tab")


def list_fields(values: Values, *, takes_files: bool) -> list[Block]:
    """Return the fields of a list, or a line for a list that is too long for them, and a field for a file."""
    text = typed_documents(values)
    blocks = (
        document_fields(values, optional=takes_files)
        if len(text) <= MOST_SHOWN
        else [context(f"{count(_how_many(text), 'document')} in a list that is too long to show.")]
    )
    if not takes_files:
        return blocks
    if values.get(KEPT_FILE):
        blocks.append(context("A file was added already; one that you add here replaces it."))
    field = fields.file(
        FILE,
        "Or a file with their numbers",
        types=TYPES,
        hint="CSV or text, up to 50,000 documents: one a line, or a column called Invoice Number.",
    )
    return [*blocks, field]


def _how_many(text: str) -> int:
    """Return how many items a text has: one a line, or in one line separated by spaces."""
    return text.count("\n") + 1 if "\n" in text else len(text.split())


def chosen_file(values: Values) -> str:
    """Return Slack's id of the file that was added; empty for none."""
    chosen = values.get(FILE) or values.get(KEPT_FILE) or ()
    return next((each for each in chosen if isinstance(each, str)), "")


def typed_list(typed: Sequence[str]) -> str:
    """Return documents as one types them, one a line if they are too many for the fields."""
    text = " ".join(typed)
    return text if len(text) <= MOST_SHOWN else "\n".join(typed)


def document_fields(values: Values, *, optional: bool) -> list[Block]:
    """Return as many fields as were asked for, and at least one more than are filled.

    Slack keeps the content of a field that exists before and after a change of the form, so nothing is moved between
    fields, and no filled field is removed.
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
    lists = [
        _list(name, position, typed, optional=optional)
        for position, name in enumerate(LISTS[:shown])
    ]
    return [*lists, how_many]


def _list(name: str, position: int, typed: Values, *, optional: bool) -> Block:
    labels = ("Documents", "More documents", "Still more documents")
    hints = (
        (
            "Numbers like INV00000012, DM00000003, CM00000004, separated by spaces, commas or "
            "lines. The bot looks up ids and any other numbers in Zuora; put one with "
            "spaces or commas in quotation marks."
        ),
        "A field holds 3,000 characters, about 250 numbers or 75 ids; put the rest here.",
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
        optional=optional or position > 0,
    )


def typed_documents(values: Values) -> str:
    """Return everything typed into the fields. No I/O."""
    return "\n".join(text for name in LISTS if isinstance(text := values.get(name), str) and text)


def _texts(values: Values) -> list[str]:
    """Return the content of each field; a text that is too long for one field is spread over several."""
    texts = [text if isinstance(text := values.get(name), str) else "" for name in LISTS]
    return (
        texts
        if all(len(text) <= FIELD_LIMIT for text in texts)
        else _spread(typed_documents(values))
    )


def _spread(text: str) -> list[str]:
    """Return the text itself if it fits into one field, else its parts spread over several."""
    if len(text) <= FIELD_LIMIT:
        return [text]
    texts = [""]
    for part in tokens(text):
        if len(texts[-1]) + 1 + len(part) > FIELD_LIMIT:
            texts.append("")
        texts[-1] = f"{texts[-1]} {part}".strip()
    last = len(LISTS) - 1
    return [*texts[:last], " ".join(texts[last:])]  # the field shows what does not fit in it
