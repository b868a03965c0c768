"""Mails heads to the people who check the history."""

import asyncio
import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from threading import Timer
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from bot.domain.history import Head
from bot.workflow.anchoring import NotLeftError
from bot.workflow.signing import text_of

STEP_SECONDS = 10.0
MOST_SECONDS = 60.0
"""After this the connection is cut, because a server that answers byte by byte never ends a step."""

PORTS = {"smtps": 465, "smtp": 587}
WHOLE_LINES = SMTP.clone(max_line_length=998)
"""Lines may have 998 characters (RFC 5322); a head is longer than the usual 78 and must not be cut in two."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address, and the server that takes mail for it.

    Attributes:
        to: The address.
        sender: The address that it comes from.
        server: `smtps://USER:PASSWORD@HOST:PORT`, or `smtp://` for one that begins without encryption. A
            password goes over an encrypted connection only.
    """

    to: str
    sender: str
    server: str = field(repr=False)

    @property
    def where(self) -> str:
        """Return its name in the history."""
        return "mail"

    async def leave(self, head: Head, signed: str) -> Mapping[str, Any]:
        """Mail a head, in a thread.

        Raises:
            NotLeftError: The server did not take it, or its last answer was lost.
        """
        mail = mail_of(head, signed, self.sender, self.to)
        await self._reached(lambda smtp: smtp.send_message(mail))
        return {"message": mail["Message-ID"].strip("<>").partition("@")[0]}

    async def look(self) -> None:
        """Check that the server lets the bot in, without mailing anything.

        Raises:
            NotLeftError: The server cannot be reached or refuses the login.
        """
        await self._reached(lambda _: None)

    async def _reached(self, use: Callable[[smtplib.SMTP], object]) -> None:
        try:
            await asyncio.to_thread(self._connected, use)
        except (OSError, ValueError) as error:
            msg = f"no mail to {self.to} by {urlsplit(self.server).hostname}: {_words(error)}"
            raise NotLeftError(msg) from error

    def _connected(self, use: Callable[[smtplib.SMTP], object]) -> None:
        place, context = urlsplit(self.server), ssl.create_default_context()
        smtp = (
            smtplib.SMTP_SSL(timeout=STEP_SECONDS, context=context)
            if place.scheme == "smtps"
            else smtplib.SMTP(timeout=STEP_SECONDS)
        )
        host = smtp._host = place.hostname or ""  # type: ignore[attr-defined] # noqa: SLF001 - whose certificate is checked
        cut = Timer(MOST_SECONDS, _cut, [smtp])
        cut.daemon = True
        cut.start()
        try:
            smtp.connect(host, place.port or PORTS[place.scheme])
            _enter(smtp, place, context)
            use(smtp)
            with suppress(OSError):  # what the server has accepted, it keeps
                smtp.quit()
        finally:
            cut.cancel()
            smtp.close()


def _enter(smtp: smtplib.SMTP, place: SplitResult, context: ssl.SSLContext) -> None:
    """Encrypt the connection if the server can, and log in if there is a name.

    Raises:
        SMTPException: The server refuses, or offers no encryption for a password.
    """
    smtp.ehlo()
    if place.scheme == "smtp" and smtp.has_extn("starttls"):
        smtp.starttls(context=context)
        smtp.ehlo()
    if place.username:
        if not isinstance(smtp.sock, ssl.SSLSocket):
            msg = "it offers no encryption, and a password goes over an encrypted connection only"
            raise smtplib.SMTPException(msg)
        smtp.login(unquote(place.username), unquote(place.password or ""))


def mail_of(head: Head, signed: str, sender: str, to: str) -> EmailMessage:
    """Return the mail of a head; saved as a file, `billing-bot verify --heads` reads it."""
    mail = EmailMessage(policy=WHOLE_LINES)
    mail["From"], mail["To"] = sender, to
    mail["Subject"] = f"Head of Billing Bot's history: row {head.sequence}"
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=sender.partition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    lines = [
        text_of(head),
        *([signed] if signed else []),
        "",
        "Keep this mail where nobody who runs the bot can change it. To check a database or a package of",
        "evidence against it, save it as a file and run: billing-bot verify --heads THIS.eml FILE",
        "",
    ]
    mail.set_content("\n".join(lines), cte="7bit")
    return mail


def _cut(smtp: smtplib.SMTP) -> None:
    if smtp.sock is not None:
        with suppress(OSError):
            smtp.sock.shutdown(socket.SHUT_RDWR)


def _words(error: Exception) -> str:
    """Return what went wrong in words, never with a password."""
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code < 0:
        return "it does not answer as a mail server does"
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        return f"{error.smtp_code} {text}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(
            f"{code} {said.decode(errors='replace')}" for code, said in error.recipients.values()
        )
    return str(error) or type(error).__name__
