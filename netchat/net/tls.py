"""TLS: a socket that encrypts, for a transport to stand on as if it were a plain one.

Rules of this file

    1. The engine (ssl.SSLObject) works in memory: it never sees the socket, so nothing waits.
       `TlsSocket` moves the ciphertext between the two.
    2. Decrypted bytes never hide from the selector. A `recv` hands out everything that its
       ciphertext held; what stays inside is a part of a record, with which nothing could be
       done. The handshake reads no byte beyond its own last record (see `handshake`).
    3. A plaintext byte counts as sent when the socket has taken its ciphertext, never before,
       so the transport's queue, marks and instants mean what they mean without TLS. At most
       one record is encrypted ahead; a blob shared by a thousand transports stays one object.
    4. Only the transport's flush and its closing send. An answer that the engine has ready
       (to a key update) leaves with the next data, as RFC 8446, 4.6.3 asks.
    5. The peer's close_notify is the end of input, and so is a connection cut without one:
       framing drops what is incomplete then, so that a cut never makes a message.

TLS 1.2 and newer, no compression, no renegotiation. Sessions are not resumed: a ticket would save
one signature, for a key that has to be kept secret and changed.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

RECORD = 16_384
"""Bytes of plaintext in one record (RFC 8446, 5.1)."""

BARREN = 32_768
"""Ciphertext that may come without plaintext: two records on their way. More is a flood of key
updates or empty records, which cost us work and carry nothing."""

YIELD = 64
"""Bytes of ciphertext that one byte of plaintext makes up for: the smallest record has 23."""


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """What servers show to peers. Raises OSError (an ssl.SSLError too) for unusable files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 0
    # Without a password of ours OpenSSL would ask for one at the terminal.
    context.load_cert_chain(certificate, key, password="")
    return context


def client_context(ca: Path | None = None, *, insecure: bool = False) -> ssl.SSLContext:
    """What a client trusts: the system's authorities, or only those of the file `ca`, and only
    for the host asked for; with `insecure` anybody. Raises OSError for an unusable file."""
    context = ssl.create_default_context(cafile=ca)
    _harden(context)
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION


class TlsSocket:
    """The part of a socket's interface that a transport uses, over a finished handshake.

    `unsent` is ciphertext that the handshake leaves to be sent first. `plain` says that nothing
    may be sent past it.
    """

    plain = False

    __slots__ = (
        "_barren", "_engine", "_eof", "_incoming", "_outgoing", "_sealed", "_shut", "_sock",
        "_unsent",
    )  # fmt: skip

    def __init__(
        self,
        sock: socket.socket,
        engine: ssl.SSLObject,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        unsent: bytes = b"",
    ) -> None:
        self._sock = sock
        self._engine = engine
        self._incoming = incoming
        self._outgoing = outgoing
        self._unsent = unsent
        self._sealed = 0
        """Plaintext bytes, not yet reported as sent, whose ciphertext is in `_unsent`."""
        self._barren = 0
        self._eof = self._shut = False

    def fileno(self) -> int:
        """For the selector."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close, without a word to the peer."""
        self._sock.close()

    # Receiving

    def recv(self, size: int) -> bytes:
        """What `size` bytes of ciphertext held: at most a record more than that. b"" is the
        end. Raises BlockingIOError where no record is complete."""
        if self._shut:
            return self._sock.recv(size)  # it is counted and thrown away: see `linger`
        if self._eof:
            return b""
        data = self._sock.recv(size)
        if not data:
            self._eof = True
            return b""
        self._incoming.write(data)
        plain = self._decrypt()
        self._barren = max(0, self._barren + len(data) - YIELD * len(plain))
        if self._barren > BARREN:
            raise ConnectionAbortedError("The peer sends TLS records with nothing in them.")
        if not (plain or self._eof):
            raise BlockingIOError
        return plain

    def _decrypt(self) -> bytes:
        """Everything that can be read. A close_notify makes the socket readable for good, so
        that the selector tells of it after the data in front of it."""
        engine, incoming = self._engine, self._incoming
        parts: list[bytes] = []
        with contextlib.suppress(ssl.SSLWantReadError):
            while incoming.pending or engine.pending():
                part = engine.read(RECORD)
                if not part:
                    self._eof = True
                    with contextlib.suppress(OSError):
                        self._sock.shutdown(socket.SHUT_RD)
                    break
                parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    # Sending

    def send(self, data: bytes) -> int:
        """How many bytes of `data` have left, as ciphertext. What is offered next must begin
        with those that have not."""
        if self._unsent or not 0 < len(data) <= RECORD:
            return self.sendmsg((data,))
        return self._send_record(data)

    def sendmsg(self, buffers: Sequence[bytes | memoryview]) -> int:
        """`send` for several pieces; small ones share a record."""
        taken = 0
        if self._unsent:
            taken = self._send_unsent()
            if self._unsent:
                return taken
        for record in _records(buffers, taken):
            taken += self._send_record(record)
            if self._unsent:
                break
        return taken

    def _send_record(self, data: bytes | memoryview) -> int:
        self._engine.write(data)
        self._unsent = self._outgoing.read()
        self._sealed = len(data)
        try:
            return self._send_unsent()
        except BlockingIOError:
            return 0

    def _send_unsent(self) -> int:
        """Offer the ciphertext to the socket; how much plaintext that settles.

        All of it when all of it has left, less before: who looks for signs of life sees that
        the peer takes something, and the queue keeps a byte to come back for.
        """
        sent = self._sock.send(self._unsent)
        whole = sent == len(self._unsent)
        settled = self._sealed if whole else min(sent, max(0, self._sealed - 1))
        self._unsent = b"" if whole else self._unsent[sent:]
        self._sealed -= settled
        return settled

    def shutdown(self, how: int) -> None:
        """Say close_notify, then end our side. Raises BlockingIOError where the socket does not
        take it yet: call again when it is writable."""
        if not self._shut:
            self._shut = True
            with contextlib.suppress(ssl.SSLError):  # the peer's own has not come, or never will
                self._engine.unwrap()
            self._unsent += self._outgoing.read()
        if self._unsent:
            self._send_unsent()
            if self._unsent:
                raise BlockingIOError
        self._sock.shutdown(how)


def _records(buffers: Sequence[bytes | memoryview], skip: int) -> Iterator[bytes | memoryview]:
    """The bytes of `buffers` behind the first `skip`, a record's worth at a time."""
    parts: list[memoryview] = []
    room = RECORD
    for buffer in buffers:
        if skip >= len(buffer):
            skip -= len(buffer)
            continue
        view, skip = memoryview(buffer)[skip:], 0
        while len(view) >= room:
            yield _joined([*parts, view[:room]])
            parts, view, room = [], view[room:], RECORD
        if view:
            parts.append(view)
            room -= len(view)
    if parts:
        yield _joined(parts)


def _joined(parts: list[memoryview]) -> bytes | memoryview:
    return parts[0] if len(parts) == 1 else b"".join(parts)
