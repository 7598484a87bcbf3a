"""TLS without sockets: a line that the test moves, and engines at its ends."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from netchat.net.tls import client_context, server_context
from tests.certificates import write_files


class Line:
    """A socket in memory whose both directions are moved by the test. `room` is what sends may
    still take; None: everything."""

    def __init__(self) -> None:
        self.inbox = b""
        self.sent = b""
        self.room: int | None = None
        self.ended = False
        self.calls: list[str] = []

    def recv(self, size: int) -> bytes:
        if not self.inbox and not self.ended:
            raise BlockingIOError
        data, self.inbox = self.inbox[:size], self.inbox[size:]
        return data

    def send(self, data: bytes) -> int:
        taken = len(data) if self.room is None else min(len(data), self.room)
        if not taken:
            raise BlockingIOError
        if self.room is not None:
            self.room -= taken
        self.sent += data[:taken]
        return taken

    def shutdown(self, how: int) -> None:
        self.calls.append(f"shutdown {how}")

    def close(self) -> None:
        self.calls.append("close")

    def fileno(self) -> int:
        return 0


@cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    with TemporaryDirectory() as name:
        files = write_files(Path(name))
        return server_context(files.certificate, files.key), client_context(files.ca)


def engine(
    context: ssl.SSLContext, host: str | None
) -> tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    engine = context.wrap_bio(incoming, outgoing, host is None, host)
    return engine, incoming, outgoing
