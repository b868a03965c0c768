"""Very many documents of a request, packed in parts, both in the database and in memory."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import overload
from zlib import compress, decompress

from pydantic import TypeAdapter

from bot.domain.parts_of import parts_of
from bot.operations.email_documents.document import MailDocument

IN_A_PART = 500
"""How many documents one part has, which takes a few milliseconds; longer lists are stored apart."""

DOCUMENTS = TypeAdapter(tuple[MailDocument, ...])


def packed_in_parts(
    documents: Sequence[MailDocument],
) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    """Return the SHA-256 (hex) of the JSON of each part, and each part packed."""
    hashes, packed = [], []
    for part in parts_of(documents, IN_A_PART):
        text = DOCUMENTS.dump_json(tuple(part))
        hashes.append(sha256(text).hexdigest())
        packed.append(compress(text))
    return tuple(hashes), tuple(packed)


class Apart(Sequence[MailDocument]):
    """Documents that stay packed; a reader unpacks one part at a time.

    Args:
        packed: The parts that `packed_in_parts` made.
        number: How many documents they hold.
    """

    def __init__(self, packed: Sequence[bytes], number: int) -> None:
        self._packed = packed
        self._number = number

    def part(self, place: int) -> tuple[MailDocument, ...]:
        """Return the documents of one part."""
        return DOCUMENTS.validate_json(decompress(self._packed[place]))

    def __len__(self) -> int:
        """Return how many there are, without reading them."""
        return self._number

    def __iter__(self) -> Iterator[MailDocument]:
        """Read one part after the other."""
        for place in range(len(self._packed)):
            yield from self.part(place)

    @overload
    def __getitem__(self, place: int) -> MailDocument: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[MailDocument]: ...
    def __getitem__(self, place: int | slice) -> MailDocument | Sequence[MailDocument]:
        """Return one or some of the documents; this reads all of them."""
        return tuple(self)[place]


class ByNumber(Mapping[str, MailDocument]):
    """The documents by number; it remembers which part each is in, and reads that part anew."""

    def __init__(self, documents: Apart) -> None:
        self._documents = documents
        self._place = {each.number: place // IN_A_PART for place, each in enumerate(documents)}

    def __getitem__(self, number: str) -> MailDocument:
        """Return the document of that number."""
        part = self._documents.part(self._place[number])
        return next(each for each in part if each.number == number)

    def __iter__(self) -> Iterator[str]:
        """Yield the numbers."""
        return iter(self._place)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._place)
