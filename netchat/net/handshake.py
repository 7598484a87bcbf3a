"""TLS handshakes: from a connected socket to a TlsSocket, without waiting for anybody.

Rules of this file

    1. No byte is read beyond the present record. So whatever follows the handshake is still in
       the kernel when it ends, where the selector sees it, and nothing that came before its
       end can be taken for the peer's data (CVE-2023-40217 was that).
    2. Reading is cheap, the engine is not: a server's step costs up to a millisecond of
       arithmetic. So a whole record has to be there before one is made, and all handshakes of
       a server share a queue, of which a tick makes a step, or as many as there is time for.
       While posts are being committed it makes none: their thread may have this core alone, and
       whoever posted waits for it.
    3. The deadline is absolute. Who drips bytes gains nothing.
    4. So many at once, no more. Beyond it, one that has kept us waiting goes; where none has,
       no more are accepted meanwhile: those who wait in the kernel lose nothing.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any

from netchat.net.listener import Listener
from netchat.net.reactor import READ, WRITE, Reactor
from netchat.net.timers import Timer
from netchat.net.tls import RECORD, TlsSocket
from netchat.net.transport import Transport

HANDSHAKE_TIMEOUT = 5.0
"""Seconds in all: several round trips to anywhere. NATS gives two."""

ENGINE = 0.000_1
"""Seconds of the engine in one tick (see `Reactor.until`): one step that signs with any key, two of
the others. The step that exceeds it is the tick's last."""

REST = 0.004
"""Seconds that steps wait for commits, at most: longer than most disks take."""

PENDING = 256
"""Handshakes at once. A record and the engine take some 40 KiB each: 10 MiB."""

GRACE = 1.0
"""Seconds after which one that waits for its peer may go for another: longer than any honest
round trip."""

HEADER = 5
"""Bytes in front of a record: type, version, length (RFC 8446, 5.1)."""

RECORD_TYPES = range(0x14, 0x18)
"""Change of cipher, alert, handshake, data. No text, and no frame of netchat's, begins so."""

MAX_CIPHERTEXT = RECORD + 2_048
"""The longest record of TLS 1.2 (RFC 5246, 6.2.3); that of 1.3 is shorter."""


class NotTls(ConnectionError):
    """What came is no TLS."""


class Handshake:
    """A Pollable: one handshake. Exactly one of `done(sock)` and `failed_with(exc)` is called,
    unless `cancel` comes first. `whole` is called when a step can be made; it, or somebody
    later, calls `step`. After a failure the socket is closed, but for NotTls."""

    __slots__ = (
        "_deadline", "_done", "_engine", "_events", "_failed", "_header", "_incoming", "_missing",
        "_outgoing", "_reactor", "_unsent", "_whole", "sock", "started_at",
    )  # fmt: skip

    def __init__(
        self,
        reactor: Reactor,
        sock: socket.socket,
        context: ssl.SSLContext,
        done: Callable[[TlsSocket], None],
        failed_with: Callable[[OSError], None],
        *,
        host: str | None = None,
        whole: Callable[[Handshake], None] | None = None,
    ) -> None:
        self.sock = sock
        self.started_at = reactor.now
        self._reactor = reactor
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._engine = context.wrap_bio(
            self._incoming, self._outgoing, server_side=host is None, server_hostname=host
        )
        self._done: Callable[[TlsSocket], None] = done
        self._failed: Callable[[OSError], None] = failed_with
        self._whole: Callable[[Handshake], None] = whole or Handshake.step
        self._header = b""
        self._missing = HEADER
        self._unsent = b""
        self._events = READ
        self._deadline: Timer = reactor.call_later(HANDSHAKE_TIMEOUT, self._late)
        reactor.register(sock, READ, self)
        if host is not None:
            self.step()  # the client speaks first

    def ready(self, mask: int, now: float) -> None:
        """Phase 2. It may be over since select has told of it."""
        if not self._events:
            return
        try:
            if mask & WRITE:
                self._send()
            if mask & READ and self._missing and self._read():
                self._whole(self)
        except BlockingIOError:
            pass
        except OSError as exc:
            self._fail(exc)

    def failed(self, exc: Exception) -> None:
        """See Pollable."""
        self.cancel()

    def cancel(self) -> None:
        """Give up, and close the socket. Does nothing once it is over."""
        if self._events:
            self._release()
            self.sock.close()

    def step(self) -> None:
        """Have the engine work on what has been read."""
        if not self._events:
            return
        self._header, self._missing = b"", HEADER
        try:
            self._engine.do_handshake()
        except ssl.SSLWantReadError:
            finished = False
        except OSError as exc:  # what the engine has to say of it is for the peer
            with contextlib.suppress(OSError):
                self.sock.send(self._outgoing.read())
            self._fail(exc)
            return
        else:
            finished = True
        self._unsent += self._outgoing.read()
        try:
            self._send()
        except OSError as exc:
            self._fail(exc)
            return
        if finished:
            self._finish()

    def _read(self) -> bool:
        """Read on, to the end of the present record at most; it is whole then. Nothing more
        is read before a step has been made of it: see `_missing`."""
        while self._missing:
            data = self.sock.recv(self._missing)
            if not data:
                raise ConnectionResetError("The peer left in the middle of a TLS handshake.")
            self._incoming.write(data)
            self._missing -= len(data)
            if len(self._header) < HEADER:
                self._header += data
                if self._header[0] not in RECORD_TYPES:
                    raise NotTls("What came is not TLS.")
                if not self._missing:
                    self._missing = int.from_bytes(self._header[3:])
                    if self._missing > MAX_CIPHERTEXT:
                        raise NotTls("What came is not TLS.")
        return True

    def _send(self) -> None:
        if self._unsent:
            with contextlib.suppress(BlockingIOError):
                self._unsent = self._unsent[self.sock.send(self._unsent) :]
        events = READ | WRITE if self._unsent else READ
        if events != self._events:
            self._events = events
            self._reactor.modify(self.sock, events, self)

    def _finish(self) -> None:
        done = self._done
        self._release()
        try:
            done(TlsSocket(self.sock, self._engine, self._incoming, self._outgoing, self._unsent))
        except BaseException:
            self.sock.close()
            raise

    def _fail(self, exc: OSError) -> None:
        failed_with = self._failed
        self._release()
        if not isinstance(exc, NotTls):
            self.sock.close()
        failed_with(exc)

    def _late(self, now: float) -> None:
        self._fail(TimeoutError("The TLS handshake was not finished in time."))

    def _release(self) -> None:
        self._deadline.cancel()
        self._reactor.unregister(self.sock)
        self._events = 0
        # They know this handshake: the ring would keep the engine until the collector comes.
        self._done = self._failed = self._whole = _forgotten


def _forgotten(_: object) -> None:
    """Whom a handshake calls that is over: nobody."""


class Handshakes:
    """All handshakes of a server. `context` is for those that begin from now on.

    `advance` is a `collect` hook. `is_committing`: posts are, and a tick follows when it is over.
    `done` and `failed` count.
    """

    def __init__(
        self,
        reactor: Reactor,
        context: ssl.SSLContext,
        is_committing: Callable[[], bool] = lambda: False,
    ) -> None:
        self.context = context
        self.done = self.failed = 0
        self._reactor = reactor
        self._pending: dict[Handshake, None] = {}
        self._queue: dict[Handshake, None] = {}
        self._held: dict[Listener, None] = {}
        self._retry: Timer | None = None
        self._is_committing = is_committing
        self._stepped_at = float("-inf")
        self._rest: Timer | None = None

    def begin(
        self,
        sock: socket.socket,
        peer: Any,
        *,
        accepted: Callable[[Any, Any], None],
        not_tls: bytes,
        listener: Listener,
    ) -> None:
        """Shake hands with somebody whom `listener` let in; then `accepted(sock, peer)`. Who
        does not speak TLS is told `not_tls`, as the last bytes."""

        def done(tls: TlsSocket) -> None:
            self.done += 1
            self._forget(handshake)
            accepted(tls, peer)

        def failed(exc: OSError) -> None:
            self.failed += 1
            self._forget(handshake)
            if isinstance(exc, NotTls):
                farewell = Transport(self._reactor, sock, peer)
                farewell.write(not_tls)
                farewell.close()

        if len(self._pending) >= PENDING and self._has_room():
            self._drop(next(iter(self._pending)))
        handshake = Handshake(self._reactor, sock, self.context, done, failed, whole=self._enqueue)
        self._pending[handshake] = None
        if not self._has_room():
            self._hold(listener)

    def advance(self, now: float) -> bool:
        """Phase 2: a step, or a few, in the order of asking. Whether there are more."""
        if not self._queue or self._rests(now):
            return False
        self._stepped_at = now
        until = self._reactor.until(ENGINE)
        while self._queue:
            handshake = next(iter(self._queue))
            del self._queue[handshake]
            handshake.step()
            if self._reactor.elapsed() >= until:
                break
        return bool(self._queue)

    @property
    def pending(self) -> int:
        """How many are under way."""
        return len(self._pending)

    def cancel(self) -> None:
        """Give all of them up."""
        self._held.clear()
        for handshake in list(self._pending):
            self._drop(handshake)
        for timer in (self._retry, self._rest):
            if timer is not None:
                timer.cancel()

    def _rests(self, now: float) -> bool:
        """Whether there is something more urgent than steps; not for long."""
        if now >= self._stepped_at + REST or not self._is_committing():
            return False
        if self._rest is None:
            self._rest = self._reactor.call_at(self._stepped_at + REST, self._rested)
        return True

    def _rested(self, _now: float) -> None:
        self._rest = None  # `advance` follows in this tick

    def _enqueue(self, handshake: Handshake) -> None:
        self._queue[handshake] = None

    def _has_room(self) -> bool:
        """Whether there is a place, or somebody in it who has kept us waiting."""
        if len(self._pending) < PENDING:
            return True
        oldest = next(iter(self._pending))
        return oldest not in self._queue and self._reactor.now - oldest.started_at >= GRACE

    def _drop(self, handshake: Handshake) -> None:
        self.failed += 1
        handshake.cancel()
        self._forget(handshake)

    def _forget(self, handshake: Handshake) -> None:
        self._pending.pop(handshake, None)
        self._queue.pop(handshake, None)
        self._release()

    def _hold(self, listener: Listener) -> None:
        listener.hold()
        self._held[listener] = None
        if self._retry is None:
            self._retry = self._reactor.call_later(GRACE, self._try_again)

    def _try_again(self, _now: float) -> None:
        self._retry = None
        self._release()
        if self._held:
            self._retry = self._reactor.call_later(GRACE, self._try_again)

    def _release(self) -> None:
        if self._held and self._has_room():
            held, self._held = self._held, {}
            for listener in held:
                listener.release()
