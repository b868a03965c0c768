"""The calls of the client that have effects: they mail, create, post and cancel."""

import hashlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.domain.kind import DocumentKind
from bot.zuora import calls
from bot.zuora.answers import Answer
from bot.zuora.caller import Caller
from bot.zuora.calls import EmailBody
from bot.zuora.wire import HttpCall


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call with an effect, ready to be sent. Awaiting it sends it, once."""

    call: HttpCall
    caller: Caller

    @property
    def content(self) -> str:
        """Return the SHA-256 (hex) of method, address and body; empty for a call without an idempotency key."""
        if not self.call.idempotency_key:
            return ""
        line = f"{self.call.method} {self.call.target}\n".encode()
        return hashlib.sha256(line + self.call.content).hexdigest()

    def __await__(self) -> Generator[Any, None, Answer]:
        """Send it.

        Raises:
            ZuoraRefused: A definite no.
            ZuoraBusy: Definitely not done; later perhaps.
            OutcomeUnknown: It may have been done.
        """
        return self.caller.effect(self.call).__await__()

    async def again(self) -> Answer:
        """Send it again under the same key, after its answer was lost.

        Raises:
            ZuoraRefused: A definite no of the service behind the gateway.
            ZuoraBusy: This try was not done; the one before it may have been.
            OutcomeUnknown: It may have been done, or is being done right now (409).
        """
        return await self.caller.effect(replace(self.call, repeat=True))


class Effects:
    """Calls with an effect, each prepared to be sent.

    All raise `ZuoraRefused` if the call breaks one of Zuora's rules for requests.

    Args:
        caller: Sends the calls.
        paths: For each kind of document its part of the path.
    """

    def __init__(self, caller: Caller, paths: Mapping[DocumentKind, str]) -> None:
        self._caller = caller
        self._paths = paths

    def email_bill_run(
        self, key: str, *, resend: bool, track_id: str, idempotency_key: str
    ) -> Prepared:
        """Have Zuora mail the invoices and credit memos of a posted bill run.

        Args:
            key: Id or number of the run.
            resend: True also mails what was mailed before. False, sent twice in quick succession,
            still mails twice.
            track_id: `Zuora-Track-Id`, at most 64 characters.
            idempotency_key: At most 255 characters; Zuora keeps it for 24 hours.
        """
        call = calls.email_bill_run(
            key, resend=resend, track_id=track_id, idempotency_key=idempotency_key
        )
        return Prepared(call, self._caller)

    def email_document(
        self, kind: DocumentKind, key: str, body: EmailBody, *, track_id: str, idempotency_key: str
    ) -> Prepared:
        """Have Zuora mail one posted document, by id or number."""
        call = calls.email_document(
            self._paths[kind], key, body, track_id=track_id, idempotency_key=idempotency_key
        )
        return Prepared(call, self._caller)

    def create_bill_run(
        self, body: Mapping[str, Any], *, track_id: str, idempotency_key: str
    ) -> Prepared:
        """Create a bill run; `data` of the answer has `id` and `billRunNumber`."""
        call = calls.create_bill_run(body, track_id=track_id, idempotency_key=idempotency_key)
        return Prepared(call, self._caller)

    def post_bill_run(
        self, bill_run_id: str, body: Mapping[str, Any], *, track_id: str
    ) -> Prepared:
        """Post a completed bill run; a PUT, for which Zuora keeps no key."""
        call = calls.post_bill_run(bill_run_id, body, track_id=track_id)
        return Prepared(call, self._caller)

    def cancel_bill_run(
        self, bill_run_id: str, body: Mapping[str, Any], *, track_id: str
    ) -> Prepared:
        """Cancel a bill run; a PUT, for which Zuora keeps no key."""
        call = calls.cancel_bill_run(bill_run_id, body, track_id=track_id)
        return Prepared(call, self._caller)

    def send_within(self, entity_ids: str, org_ids: str) -> None:
        """From now on, send every call to one entity and to these organizations."""
        self._caller = self._caller.within(entity_ids, org_ids)
