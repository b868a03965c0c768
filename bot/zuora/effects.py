"""The calls of the client that have effects: they mail, create, post and cancel."""

import hashlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.domain.kind import DocumentKind
from bot.zuora.answers import Answer
from bot.zuora.caller import Caller
from bot.zuora.wire import CallError, HttpCall, path


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailBody:
    """The body of a mail of one document (pages *Email an invoice*, *Email a debit memo*).

    Attributes:
        email_addresses: Sent as one comma-separated string; Zuora ignores it with
            `use_email_template_setting`. With neither, only the bill-to contact gets the mail.
        include_additional_email_addresses: Also the additional addresses of the account.
        use_email_template_setting: The template's *To Email* decides.
        pdf_file_id: 32-digit id of the PDF to attach; memos only.
    """

    email_addresses: tuple[str, ...] = ()
    include_additional_email_addresses: bool = False
    use_email_template_setting: bool = False
    pdf_file_id: str = ""

    def wire(self) -> dict[str, Any]:
        """Return the JSON object, without the fields that are not set."""
        fields = {
            "emailAddresses": ",".join(self.email_addresses),
            "includeAdditionalEmailAddresses": self.include_additional_email_addresses,
            "useEmailTemplateSetting": self.use_email_template_setting,
            "pdfFileId": self.pdf_file_id,
        }
        return {name: value for name, value in fields.items() if value}


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
            still mails twice. A JSON boolean, never a string.
            track_id: `Zuora-Track-Id`, at most 64 characters.
            idempotency_key: At most 255 characters; Zuora keeps it for 24 hours.
        """
        where = path("v1", "bill-runs", key, "emails")
        return self._post(where, {"resend": resend}, track_id, idempotency_key)

    def email_document(
        self, kind: DocumentKind, key: str, body: EmailBody, *, track_id: str, idempotency_key: str
    ) -> Prepared:
        """Have Zuora mail one posted document, by id or number.

        Raises:
            CallError: A PDF id for an invoice, whose page has no such field.
        """
        if kind == "invoice" and body.pdf_file_id:
            raise CallError("an invoice mail takes no PDF file id")
        where = path("v1", self._paths[kind], key, "emails")
        return self._post(where, body.wire(), track_id, idempotency_key)

    def create_bill_run(
        self, body: Mapping[str, Any], *, track_id: str, idempotency_key: str
    ) -> Prepared:
        """Create an ad-hoc or a scheduled bill run; `data` of the answer has `id` and `billRunNumber`."""
        return self._post(path("v1", "bill-runs"), body, track_id, idempotency_key)

    def post_bill_run(
        self, bill_run_id: str, body: Mapping[str, Any], *, track_id: str
    ) -> Prepared:
        """Post a completed bill run."""
        return self._put(path("v1", "bill-runs", bill_run_id, "post"), body, track_id)

    def cancel_bill_run(
        self, bill_run_id: str, body: Mapping[str, Any], *, track_id: str
    ) -> Prepared:
        """Cancel a bill run."""
        return self._put(path("v1", "bill-runs", bill_run_id, "cancel"), body, track_id)

    def send_within(self, entity_ids: str, org_ids: str) -> None:
        """From now on, send every call to one entity and to these organizations."""
        self._caller = self._caller.within(entity_ids, org_ids)

    def _post(
        self, where: str, body: Mapping[str, Any], track_id: str, idempotency_key: str
    ) -> Prepared:
        call = HttpCall(
            method="POST",
            path=where,
            body=dict(body),
            effect=True,
            track_id=track_id,
            idempotency_key=idempotency_key,
        )
        return Prepared(call, self._caller)

    def _put(self, where: str, body: Mapping[str, Any], track_id: str) -> Prepared:
        """Return a call by PUT, for which Zuora keeps no key."""
        call = HttpCall(method="PUT", path=where, body=dict(body), effect=True, track_id=track_id)
        return Prepared(call, self._caller)
