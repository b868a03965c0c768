"""The half of the client that does something: mails, creates, posts, cancels."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bot.zuora import calls
from bot.zuora.answers import Answer
from bot.zuora.caller import Caller
from bot.zuora.calls import DocumentKind, EmailBody
from bot.zuora.documents import as_row
from bot.zuora.errors import ZuoraRejected
from bot.zuora.wire import CallError, HttpCall


@contextmanager
def checked() -> Iterator[None]:
    """A call that may not be sent is a definite no."""
    try:
        yield
    except CallError as error:
        raise ZuoraRejected(f"Not sent: {error}.") from None


class Effects:
    """Calls that do something, each sent once.

    All raise `ZuoraRejected` or `ZuoraBusy` (both: not done) or `OutcomeUnknown`.

    Args:
        caller: Sends the calls.
        paths: For each kind of document its part of the path.
    """

    def __init__(self, caller: Caller, paths: Mapping[DocumentKind, str]) -> None:
        self._caller = caller
        self._paths = paths

    async def email_bill_run(
        self, key: str, *, resend: bool, track_id: str, idempotency_key: str, repeat: bool = False
    ) -> Answer:
        """Have Zuora mail the invoices and credit memos of a posted bill run.

        Args:
            key: Id or number of the run.
            resend: True also mails what was mailed before. False twice in quick succession mails
                twice all the same.
            track_id: `Zuora-Track-Id`, at most 64 characters.
            idempotency_key: At most 255 characters; Zuora keeps it for 24 hours.
            repeat: True when this key was sent before and its answer was lost: a 409 is then no
                "not done" but `OutcomeUnknown`, as the first call may still be at work.
        """
        return await self._effect(
            lambda: calls.email_bill_run(
                key, resend=resend, track_id=track_id, idempotency_key=idempotency_key
            ),
            repeat=repeat,
        )

    async def email_document(
        self,
        kind: DocumentKind,
        key: str,
        body: EmailBody,
        *,
        track_id: str,
        idempotency_key: str,
        repeat: bool = False,
    ) -> Answer:
        """Have Zuora mail one posted document, by id or number; `repeat` as above."""
        return await self._effect(
            lambda: calls.email_document(
                self._paths[kind], key, body, track_id=track_id, idempotency_key=idempotency_key
            ),
            repeat=repeat,
        )

    async def create_bill_run(
        self,
        body: Mapping[str, Any],
        *,
        track_id: str,
        idempotency_key: str,
        repeat: bool = False,
    ) -> Answer:
        """Create a bill run; `data` of the answer has `id` and `billRunNumber`."""
        return await self._effect(
            lambda: calls.create_bill_run(body, track_id=track_id, idempotency_key=idempotency_key),
            repeat=repeat,
        )

    async def post_bill_run(
        self, bill_run_id: str, body: Mapping[str, Any], *, track_id: str
    ) -> Answer:
        """Post a completed bill run; a PUT, for which Zuora keeps no key."""
        return await self._effect(lambda: calls.post_bill_run(bill_run_id, body, track_id=track_id))

    async def cancel_bill_run(
        self, bill_run_id: str, body: Mapping[str, Any], *, track_id: str
    ) -> Answer:
        """Cancel a bill run; a PUT, for which Zuora keeps no key."""
        return await self._effect(
            lambda: calls.cancel_bill_run(bill_run_id, body, track_id=track_id)
        )

    def send_within(self, entity_ids: str, org_ids: str) -> None:
        """Send every call from now on to one entity and to these organizations."""
        self._caller = self._caller.within(entity_ids, org_ids)

    async def _effect(self, make: Callable[[], HttpCall], *, repeat: bool = False) -> Answer:
        with checked():
            call = make()
            answer = await self._caller.effect(replace(call, repeat=True) if repeat else call)
        return replace(answer, data=as_row(answer.data))
