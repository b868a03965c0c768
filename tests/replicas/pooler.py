"""A pooler between a bot and its server, as PgBouncer is one: it makes up the session's number that libpq is given."""

import socket
import struct
import threading
from contextlib import ExitStack, suppress
from typing import Any

_NO = {80877103, 80877104}
"""What asks for encryption instead of beginning."""


class Pooler:
    """Listens in separate threads.

    Args:
        port: The server's.
        shares: Whether all clients get one session of the server by turns, each for a transaction (PgBouncer:
            `pool_mode = transaction`), instead of each its own for as long as it stays (`session`).
    """

    def __init__(self, port: int, *, shares: bool) -> None:
        self._server = ("127.0.0.1", port)
        self._shares = shares
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._is_in_use = threading.Lock()
        self._shared: _Stream | None = None
        self._greeting = b""
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Listen no more, and end the session of the server that clients have shared."""
        self._listening.close()
        if self._shared is not None:
            self._shared.socket.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=[_Stream(client)], daemon=True).start()

    def _serve(self, client: "_Stream") -> None:
        with suppress(OSError, EOFError), client.socket:
            begin = client.begun()
            if self._shares:
                with self._is_in_use:
                    if self._shared is None:
                        self._shared, self._greeting = self._greeted(begin)
                client.send(self._greeting)
                self._take_turns(client, self._shared)
                return
            server, greeting = self._greeted(begin)
            with server.socket:
                client.send(greeting)
                threading.Thread(target=_pass_on, args=[server, client], daemon=True).start()
                _pass_on(client, server)

    def _greeted(self, begin: bytes) -> tuple["_Stream", bytes]:
        """A session of the server, and what it says first, with another number."""
        server, greeting = _Stream(socket.create_connection(self._server)), b""
        with ExitStack() as unless_greeted:
            unless_greeted.enter_context(server.socket)
            server.send(begin)
            kind = b""
            while kind not in (b"Z", b"E"):
                kind, message = server.message()
                if kind == b"K":
                    message = message[:5] + struct.pack("!I", 0x7FFFFFFF) + message[9:]
                greeting += message
            unless_greeted.pop_all()
        return server, greeting

    def _take_turns(self, client: "_Stream", server: "_Stream") -> None:
        while True:
            kind, message = client.message()
            with self._is_in_use:
                status = b""
                while status != b"I":
                    if kind == b"X":
                        return
                    server.send(message)
                    if kind in b"QS":
                        status = _answered(server, client)
                    if status != b"I":
                        kind, message = client.message()


def _answered(server: "_Stream", client: "_Stream") -> bytes:
    """Pass on what the server answers; whether its transaction has ended."""
    while True:
        kind, message = server.message()
        client.send(message)
        if kind == b"Z":
            return message[5:6]


def _pass_on(here: "_Stream", there: "_Stream") -> None:
    with suppress(OSError, EOFError):
        while True:
            there.send(here.some())


class _Stream:
    """A socket of the protocol: a letter, four bytes with the length of what follows and of themselves."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected

    def begun(self) -> bytes:
        """What a client begins with."""
        while True:
            length, code = struct.unpack("!II", head := self._exactly(8))
            if code not in _NO:
                return head + self._exactly(length - 8)
            self.send(b"N")

    def message(self) -> tuple[bytes, bytes]:
        """The next message: its letter, and all of it."""
        head = self._exactly(5)
        (length,) = struct.unpack("!I", head[1:])
        return head[:1], head + self._exactly(length - 4)

    def some(self) -> bytes:
        """What there is."""
        if found := self.socket.recv(65536):
            return found
        raise EOFError

    def send(self, message: Any) -> None:
        """Send it."""
        self.socket.sendall(message)

    def _exactly(self, length: int) -> bytes:
        found = b""
        while len(found) < length:
            some = self.socket.recv(length - len(found))
            if not some:
                raise EOFError
            found += some
        return found
