"""Heads are mailed to an address, and checked with the mail as a mailbox saves it.

The mail server is a real one on loopback: it speaks SMTP line by line, with and without encryption.
"""

import asyncio
import base64
import shutil
import ssl
import zipfile
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.cli.checks import at_mail, here
from bot.cli.checks.noticed import Grade
from bot.domain.history import Head, What
from bot.metrics import HEADS_NOT_LEFT
from bot.settings import Settings
from bot.workflow.anchor_mail import Mailbox
from bot.workflow.anchoring import NotLeftError
from tests import isolated
from tests.audit.test_anchors import begun, key, of, openssl, rebuilt
from tests.audit.test_evidence import checked, entries, made, read
from tests.audit.test_verify import Tampering

TO, SENDER = "audit@example.com", "billing-bot@example.com"
PASSWORD = "with a / and an @"


class Server:
    """Takes mail on loopback; what it answers otherwise than it should stands in `answers`, by the command."""

    def __init__(self, context=None, *, begins_encrypted=False, asks_for_a_name=False):
        self.context, self.begins_encrypted, self.asks = context, begins_encrypted, asks_for_a_name
        self.mails, self.answers, self.commands, self.encrypted = [], {}, [], []

    @asynccontextmanager
    async def open(self):
        first = self.context if self.begins_encrypted else None
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=first)
        scheme, name = "smtps" if self.begins_encrypted else "smtp", ""
        if self.asks:
            name = "bot:with%20a%20%2F%20and%20an%20%40@"
        yield f"{scheme}://{name}127.0.0.1:{server.sockets[0].getsockname()[1]}"
        server.close()

    async def _serve(self, reader, writer):
        talk = _Talk(self, reader, writer)
        try:
            while line := await reader.readline():
                verb, _, rest = line.decode().strip().partition(" ")
                self.commands.append(verb.upper())
                if answer := self.answers.get(verb.upper()):
                    talk.say(answer)
                else:
                    await getattr(talk, verb.lower(), talk.other)(rest)
        except ConnectionError:
            pass  # who asked has gone
        writer.close()


class _Talk:
    """One connection: what is answered to each command."""

    def __init__(self, server, reader, writer):
        self.server, self.reader, self.writer = server, reader, writer
        self.encrypted, self.let_in = server.begins_encrypted, not server.asks
        self.say("220 local")

    def say(self, *lines):
        self.writer.writelines(f"{line}\r\n".encode() for line in lines)

    async def ehlo(self, _):
        is_plain = self.server.context and not self.encrypted
        offers = ["STARTTLS"] * bool(is_plain) + ["AUTH PLAIN"] * self.server.asks
        self.say("250-local", *(f"250-{each}" for each in offers), "250 8BITMIME")

    async def starttls(self, _):
        self.say("220 go on")
        await self.writer.start_tls(self.server.context)
        self.encrypted = True

    async def auth(self, rest):
        self.let_in = base64.b64decode(rest.split()[1]) == b"\0bot\0" + PASSWORD.encode()
        self.say("235 in" if self.let_in else "535 no")

    async def data(self, _):
        self.say("354 go on")
        mail = b""
        while (part := await self.reader.readline()) != b".\r\n":
            mail += part
        answer = self.server.answers.get(".", "250 taken")
        if answer.startswith("250"):
            self.server.mails.append(mail)
            self.server.encrypted.append(self.encrypted)
        self.say(answer)

    async def other(self, _):
        self.say("250 ok" if self.let_in else "530 who are you?")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1, and a context for a server that has it."""
    folder = tmp_path_factory.mktemp("certificate")
    openssl(
        folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=local", "-addext",
        "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem", "-days", "9000",
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return folder / "cert.pem", context


def mailing(address):
    return {
        "anchor_mail_to": TO,
        "anchor_mail_from": SENDER,
        "smtp_url": SecretStr(address),
    }


async def test_a_head_is_mailed_and_the_saved_mail_checks_database_and_package(stage, tmp_path):
    server = Server()
    async with server.open() as address:
        await begun(stage, audit_signing_key=key(1), **mailing(address))
        await stage.until(lambda: of(stage, What.ANCHORED))
    saved = tmp_path / "head.eml"
    saved.write_bytes(server.mails[0])
    mail = message_from_bytes(server.mails[0], policy=policy.default)
    (head,) = of(stage, What.HEAD)
    data = head.entry.data
    _, out = await made(stage, tmp_path)

    assert (mail["To"], mail["From"]) == (TO, SENDER)
    assert f"billing-bot head {data['sequence']}:{data['hash']}" in mail.get_content()
    assert data["signature"] in mail.get_content()
    kept = of(stage, What.ANCHORED)[0].entry.data
    assert kept["where"] == "mail"
    assert mail["Message-ID"] == f"<{kept['message']}@example.com>"
    for path in (stage.settings().database_path, out):
        for heads in (saved, tmp_path):
            result = checked(path, "--heads", str(heads))
            assert result.exit_code == 0, result.output
            assert "no head was noted" not in result.output


@pytest.mark.parametrize("how", ["quoted-printable", "base64", "attached", "html", "mailbox"])
async def test_a_mail_is_read_however_a_mailbox_saves_it(stage, tmp_path, how):
    await begun(stage, anchor_folder=str(tmp_path))
    await stage.until(lambda: of(stage, What.ANCHORED))
    data = of(stage, What.HEAD)[0].entry.data
    _, out = await made(stage, tmp_path)
    true, false = (
        f"billing-bot head {data['sequence']}:{each}" for each in (data["hash"], "ab" * 32)
    )
    for text, status in ((true, 0), (false, 18)):
        mail = EmailMessage()
        if how == "html":
            mail.set_content(f"<p>{text}</p>", subtype="html", cte="quoted-printable")
        else:
            mail.set_content(
                text, cte="base64" if how in {"base64", "mailbox"} else "quoted-printable"
            )
        if how == "attached":
            inner, mail = mail, EmailMessage()
            mail.set_content("See the mail that is attached.")
            mail.add_attachment(inner)
        saved = tmp_path / "saved.eml"
        saved.write_bytes(in_a_mailbox(bytes(mail)) if how == "mailbox" else bytes(mail))
        assert text.encode() not in saved.read_bytes() or how == "attached"

        assert checked(out, "--heads", str(saved)).exit_code == status
        assert alone(out, saved).returncode == status


def in_a_mailbox(mail):
    """What a mail program exports: one mail after the other."""
    other = EmailMessage()
    other.set_content("Nothing of importance.", cte="base64")
    return b"".join(
        b"From someone@example.com Sat Nov 21 10:00:00 2026\n" + each + b"\n"
        for each in (bytes(other), mail, bytes(other))
    )


def alone(out, *words):
    """What the package's own `verify.py` says."""
    script = out.with_name("verify.py")
    with zipfile.ZipFile(out) as archive:
        archive.extract("verify.py", out.parent)
    return isolated.run(script, str(out), *map(str, words))


async def test_what_is_rebuilt_is_shown_by_a_mail(stage, tmp_path):
    server = Server()
    async with server.open() as address:
        await begun(stage, **mailing(address))
        await stage.until(lambda: of(stage, What.ANCHORED))
    await stage.stop()
    (tmp_path / "head.eml").write_bytes(server.mails[0])
    path = Path(shutil.copy(stage.settings().database_path, tmp_path / "copy.db"))
    with Tampering(path) as tampering:
        tampering.execute("UPDATE history SET team = 'T0X' WHERE sequence = 1")
        rebuilt(tampering)

    assert checked(path).exit_code == 0
    assert checked(path, "--heads", str(tmp_path / "head.eml")).exit_code == 18


@pytest.mark.parametrize("begins_encrypted", [True, False])
async def test_a_password_goes_over_an_encrypted_connection(
    certificate, monkeypatch, begins_encrypted
):
    file, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    server = Server(context, begins_encrypted=begins_encrypted, asks_for_a_name=True)
    async with server.open() as address:
        await Mailbox(TO, SENDER, address).leave(Head(3, "ab" * 32), "")

    assert server.encrypted == [True]
    assert b"billing-bot head 3:" + b"ab" * 32 in server.mails[0]


async def test_a_server_with_another_certificate_gets_no_password(certificate):
    server = Server(certificate[1], asks_for_a_name=True)
    async with server.open() as address:
        with pytest.raises(NotLeftError, match="certificate"):
            await Mailbox(TO, SENDER, address).leave(Head(3, "ab" * 32), "")

    assert "AUTH" not in server.commands


REFUSALS = {
    "sender": ({"MAIL": "550 not from you"}, "550 not from you"),
    "recipient": ({"RCPT": "550 nobody here"}, "550 nobody here"),
    "text": ({".": "554 spam"}, "554 spam"),
    "later": ({"RCPT": "451 come again"}, "451 come again"),
    "no SMTP": ({"MAIL": "hello"}, "does not answer as a mail server does"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_a_mail_that_is_refused_says_why_and_no_password(case):
    server = Server()
    server.answers, words = REFUSALS[case]
    async with server.open() as address:
        with pytest.raises(NotLeftError, match=words):
            await Mailbox(TO, SENDER, address).leave(Head(3, "ab" * 32), "")
    assert server.mails == []


async def test_no_password_is_sent_or_shown_where_nothing_is_encrypted():
    server = Server(asks_for_a_name=True)
    async with server.open() as address:
        mailbox = Mailbox(TO, SENDER, address)
        with pytest.raises(NotLeftError, match="offers no encryption") as refused:
            await mailbox.leave(Head(3, "ab" * 32), "")

    assert "AUTH" not in server.commands
    for text in (str(refused.value), repr(mailbox)):
        assert "with%20a" not in text


async def test_a_server_that_fails_is_asked_again_and_holds_up_no_other_place(
    stage, tmp_path, caplog
):
    server = Server()
    server.answers["RCPT"] = "451 come again"
    async with server.open() as address:
        await begun(stage, anchor_folder=str(tmp_path), **mailing(address))
        await stage.until(lambda: "451 come again" in caplog.text)
        assert [each.entry.data["where"] for each in of(stage, What.ANCHORED)] == ["folder"]
        await stage.until(lambda: HEADS_NOT_LEFT._value.get() == 1)
        server.answers.clear()
        await stage.pass_time(minutes=1)
        await stage.until(lambda: len(of(stage, What.ANCHORED)) == 2)
        await stage.until(lambda: HEADS_NOT_LEFT._value.get() == 0)


async def test_what_the_bot_says_of_itself_is_not_masked(stage, tmp_path):
    server = Server()
    async with server.open() as address:
        await begun(stage, **mailing(address))
        await stage.until(lambda: of(stage, What.ANCHORED))
    _, out = await made(stage, tmp_path, "--redact")

    assert read(out, "chain.json")["masked"]
    for name in ("starts.jsonl", "heads.jsonl"):
        rows = entries(out, name)
        assert rows
        assert not any(each["masked"] for each in rows)
    assert checked(out).exit_code == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"anchor_mail_to": TO}, "set together"),
        ({"smtp_url": "smtp://mail.example.com"}, "set together"),
        ({"anchor_mail_to": "nobody", "anchor_mail_from": SENDER}, "pattern"),
        ({"anchor_mail_to": f"{TO}\nBcc: x@example.com"}, "pattern"),
        (
            {"anchor_mail_to": TO, "smtp_url": "https://mail.example.com"},
            "not the address of a mail",
        ),
        ({"anchor_mail_to": TO, "smtp_url": "smtp://h/x"}, "not the address of a mail"),
        ({"anchor_mail_to": TO, "smtp_url": "smtp://h:port"}, "not the address of a mail"),
    ],
)
def test_a_mailbox_that_is_half_set_is_named_at_the_start(changes, words):
    with pytest.raises(ValueError, match=words):
        Settings.model_validate(changes)


async def test_check_says_where_heads_go_and_whether_the_mail_server_lets_the_bot_in(
    stage, tmp_path
):
    (nowhere,) = here.anchors(stage.settings())
    assert (nowhere.grade, "none is set" in nowhere.found) == (Grade.WARNING, True)
    gone = stage.settings().model_copy(update={"anchor_folder": str(tmp_path / "gone")})
    assert [each.grade for each in here.anchors(gone)] == [Grade.GOOD, Grade.WRONG]
    server = Server()
    async with server.open() as address:
        found = stage.settings().model_copy(update=mailing(address))
        assert [each.found async for each in at_mail.look(found)] == [
            f"the server lets the bot in; heads go to {TO}"
        ]
        assert "a mailbox" in next(here.anchors(found)).found
    assert server.mails == []
    (finding,) = [each async for each in at_mail.look(found)]
    assert (finding.grade, "127.0.0.1" in finding.found) == (Grade.PASSES, True)


async def test_a_start_records_the_mail_server_and_no_password(stage):
    changes = mailing("smtps://bot:with%20a%20%2F@mail.example.com")
    shown = stage.settings().model_copy(update=changes).shown()

    assert shown["SMTP_URL"] == "mail.example.com, with the rest left out"
    assert "with%20a" not in str(shown)
