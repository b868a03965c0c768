"""Limits answers: how many bytes, also unpacked, and how many are read at the same time."""

import asyncio
import zlib
from typing import Final

import aiohttp
import httpx2

MOST_BYTES: Final = 32 * 1024 * 1024
"""Bytes of the longest answer, unpacked. A page of 50 documents takes about 200 KB."""

_PIECE: Final = 64 * 1024
_GZIP: Final = 31  # zlib's word for a header and an end like gzip's
_PLAIN: Final = frozenset({"", "identity"})
_PACKED: Final = frozenset({"gzip", "x-gzip"})


class UnreadableAnswer(httpx2.RemoteProtocolError):
    """The answer is too long, or packed in an unexpected or broken way."""


async def content_of(response: aiohttp.ClientResponse) -> bytes:
    """Return the body of an answer, unpacked piece by piece, so that others need not wait for all of it.

    Raises:
        UnreadableAnswer: It is too long, or cannot be unpacked.
        aiohttp.ClientError: It did not come whole.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _PLAIN | _PACKED:
        raise UnreadableAnswer(f"Zuora's answer is packed as {encoding[:20]!r}")
    found, unpacker = bytearray(), _Unpacker() if encoding in _PACKED else None
    async for piece in response.content.iter_chunked(_PIECE):
        rest = piece
        while rest:
            some, rest = (rest, b"") if unpacker is None else unpacker.some(rest)
            found += some
            if len(found) > MOST_BYTES:
                raise UnreadableAnswer(f"Zuora's answer is longer than {MOST_BYTES >> 20} MiB")
            if rest:
                await asyncio.sleep(0)
    if unpacker is not None and unpacker.is_cut_off:
        raise UnreadableAnswer("Zuora's answer is packed and was cut off")
    return bytes(found)


class _Unpacker:
    """Unpacks gzip, several members too, some bytes at a time."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._has_begun = False

    def some(self, packed: bytes) -> tuple[bytes, bytes]:
        """Return some bytes unpacked, and what is still packed.

        Raises:
            UnreadableAnswer: It is no gzip.
        """
        if self._member.eof:
            self._member = zlib.decompressobj(_GZIP)
        self._has_begun = True
        try:
            found = self._member.decompress(packed, 4 * _PIECE)
        except zlib.error:
            raise UnreadableAnswer("Zuora's answer cannot be unpacked") from None
        return found, self._member.unconsumed_tail or self._member.unused_data

    @property
    def is_cut_off(self) -> bool:
        """Return whether the last member has no end."""
        return self._has_begun and not self._member.eof
