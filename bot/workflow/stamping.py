"""Has heads stamped by an authority for time stamps.

Only a bot that has an authority imports this: it takes 11 MB of memory.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    decode_timestamp_response,
)

from bot.domain.history import Head
from bot.workflow.anchoring import NotLeftError
from bot.workflow.signing import text_of

GRANTED = 0
LARGEST_ANSWER = 65_536
"""Bytes; a token with its certificates has about 6,000."""
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority for time stamps (RFC 3161).

    Attributes:
        address: The address that takes requests.
    """

    address: str

    @property
    def where(self) -> str:
        """Return its name in the history."""
        return "time stamp"

    async def leave(self, head: Head, _signed: str, /) -> Mapping[str, Any]:
        """Have the head's text stamped; the answer is kept whole for `openssl ts -verify`.

        Raises:
            NotLeftError: The authority did not answer, or stamped something else.
        """
        text = text_of(head).encode()
        request = TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build()
        try:
            answer = await self._asked(request.as_bytes())
            stamp = decode_timestamp_response(answer)
            about = stamp.tst_info
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, VerificationError) as error:
            msg = f"{self.address} gave no time stamp: {error!r}"
            raise NotLeftError(msg) from error
        same = about.message_imprint.message == hashlib.sha256(text).digest()
        if stamp.status != GRANTED or not same or about.nonce != request.nonce:
            msg = f"{self.address} stamped something else, or refused: {stamp.status_string}"
            raise NotLeftError(msg)
        return {
            "authority": self.address,
            "time": about.gen_time.isoformat(),
            "token": base64.b64encode(answer).decode(),
        }

    async def _asked(self, request: bytes) -> bytes:
        headers = {"Content-Type": "application/timestamp-query"}
        async with (
            httpx2.AsyncClient(timeout=SECONDS) as http,
            http.stream("POST", self.address, content=request, headers=headers) as answer,
        ):
            answer.raise_for_status()
            found = b""
            async for part in answer.aiter_bytes():
                found += part
                if len(found) > LARGEST_ANSWER:
                    msg = "its answer is too long"
                    raise ValueError(msg)
            return found
