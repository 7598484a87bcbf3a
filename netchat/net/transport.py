"""The transport: the socket side of one peer.

Rules of this file
    1. `write` (and `fanout.write_all`, the same for many) only queues; only `flush` sends, once
       a tick, in phase 5 (or a fan-out, which tells `took`). So there is one place for partial
       sends, marks and errors.
    2. The queue holds pointers to immutable blobs; of one that was sent in part, a view of the
       rest. A blob that was handed to a thousand transports stays one object, even where a peer
       is stuck in the middle of it. Mostly there is one blob, and then it stands there by
       itself: a list a member is what a fan-out would have to make, and to touch, the most.
    3. Bytes leave the queue after the socket took them, never before.
    4. `pending` is a running counter; nothing is ever summed up.
    5. Interest in writing is registered only while something is left over, in reading only
       while it is wanted, and with neither the socket is not registered at all.
    6. Closing is always marked, here by `abort`; `finish` alone closes, in phase 1.

How a transport ends

    open --close()--> flushing --all sent--> lingering --peer's EOF, or enough--> marked
      |                  |                      |                                   ^
      +------------------+------ abort(), error, deadline --------------------------+

Lingering (see `linger`) is skipped when the peer's EOF had been seen already.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any, ClassVar

from msgspec import Struct

from netchat.net.linger import LINGER, Linger
from netchat.net.protocol import NOBODY, TransportProtocol
from netchat.net.reactor import READ, WRITE, Pollable, Reactor
from netchat.net.timers import Timer

HIGH = 65_536
"""Unsent bytes above which the peer counts as slow: one frame of the largest size."""

LOW = 16_384
"""Unsent bytes at which a slow peer is fed again: a quarter, so it does not flutter."""

RECV_BUDGET = 65_536
"""Bytes read per readiness, so that one fast peer cannot keep the loop to itself."""

CLOSE_TIMEOUT = 5.0
"""Seconds for a peer to take what was queued before close(): valkey and nginx wait as long."""

IOV_MAX = 1_024
"""Buffers in one sendmsg: Linux's limit (sysconf _SC_IOV_MAX)."""


JOINED = 16_384
"""Bytes up to which several blobs are copied into one to be sent: measured with a reply and a
slice, that takes half the time of a sendmsg where both are small, and as long as one here. Long
queues are never copied."""


class Transport(Struct, eq=False, gc=False):
    """One connected, non-blocking stream socket. `peer` is whatever the opener says it is.

    `number`: the descriptor that its bytes go to as they are; -1 where they are changed on the way
    (TLS). `pending`: bytes written and not yet sent. `reading`: whether input is upcalled, of which
    there are at most `recv_budget` bytes at a time. The instants `heard_at` (last bytes received),
    `sent_at` (last bytes that the socket took) and `drained_at` (the same, after it had refused
    some: the peer must have read) are ticks' `now`s; all begin with the transport.

    A struct, and not the collector's: in the end `finish` lets go of the protocol.
    """

    high: ClassVar = HIGH
    low: ClassVar = LOW

    _reactor: Reactor
    _sock: socket.socket
    peer: Any
    number: int = -1
    recv_budget: int = RECV_BUDGET
    pending: int = 0
    reading: bool = False
    heard_at: float = 0.0
    sent_at: float = 0.0
    drained_at: float = 0.0
    dirty: bool = False
    in_slow: bool = False
    in_urgent: bool = False
    _protocol: TransportProtocol = NOBODY
    _queue: bytes | list[bytes | memoryview] | None = None
    _events: int = 0
    _eof: bool = False
    _closing: bool = False
    _marked: bool = False
    _owes_resume: bool = False
    _refused: bool = False
    _deadline: Timer | None = None

    def __post_init__(self) -> None:
        self.heard_at = self.sent_at = self.drained_at = self._reactor.now
        if getattr(self._sock, "plain", True):
            self.number = self._sock.fileno()

    # What a session calls

    def start(self, protocol: TransportProtocol) -> None:
        """Begin to read, and to call `protocol`."""
        self._protocol = protocol
        self.resume_reading()

    def write(self, data: bytes, urgent: bool = False) -> None:
        """Queue bytes for this tick's flush. Urgent ones (replies) are never put off to a
        later tick. The object itself is kept, not a copy. Does nothing when closing."""
        if self._closing:
            return
        queue = self._queue
        if queue is None:
            self._queue = data
        elif isinstance(queue, list):
            queue.append(data)
        else:
            self._queue = [queue, data]
        self.pending += len(data)
        if self._events & WRITE:
            self._reactor.unsent += len(data)
        if not self.dirty or (urgent and not self.in_urgent):
            self._reactor.dirty(self, urgent)

    def request_drain(self) -> None:
        """Ask for one `resume_writing`, from a flush that leaves at most `low` bytes: the
        next one, where that is so already."""
        if not self._closing:
            self._owes_resume = True
            self._reactor.dirty(self, False)

    def pause_reading(self) -> None:
        """No more data is upcalled, from this moment on."""
        if self.reading:
            self.reading = False
            self._watch(self._events & ~READ)

    def resume_reading(self) -> None:
        """Data is upcalled again, unless there can be none."""
        if not (self.reading or self._eof or self._closing):
            self.reading = True
            self._watch(self._events | READ)

    def close(self) -> None:
        """End in good order: send what is queued (within CLOSE_TIMEOUT), say that it was all,
        and linger, so that the peer can read it. Again, or after abort(): does nothing."""
        if self._closing:
            return
        self.pause_reading()
        self._closing = True
        self._deadline = self._reactor.call_later(CLOSE_TIMEOUT, self._expired)
        self._reactor.dirty(self, False)

    def abort(self, exc: Exception | None = None) -> None:
        """End at once: what is queued is dropped, the next tick closes. The first `exc` is
        told to `connection_lost`. Again: does nothing. Safe anywhere."""
        if self._marked:
            return
        self._marked = self._closing = True
        self.reading = False
        self._drop_queue()
        self._reactor.mark(self, exc)

    # What the reactor calls

    def ready(self, mask: int, now: float) -> None:
        """Phase 2. A mask may be out of date: an earlier upcall of this tick may have paused
        or ended this transport."""
        if mask & READ and self.reading:
            self._receive(now)
        if mask & WRITE:
            self._reactor.dirty(self, False)

    def failed(self, exc: Exception) -> None:
        """An upcall raised."""
        self.abort(exc)

    def flush(self, now: float) -> None:
        """Phase 5: offer the queue to the socket, once.

        The common case, in which the socket takes all and nobody waits for that, ends after
        the first block: a fan-out goes through here once a member.
        """
        self.dirty = False
        queue = self._queue
        if queue is not None:
            try:
                if isinstance(queue, bytes):
                    sent = self._sock.send(queue)
                else:
                    sent = self._send_many(queue)
            except BlockingIOError:
                sent = 0
            except OSError as exc:
                self.abort(exc)
                return
            if sent == self.pending and self._events == READ and not self._owes_resume:
                self._queue = None
                self.pending = 0  # nothing had been refused, so none of it was counted
                self.sent_at = now
                return
            self._account(queue if isinstance(queue, list) else [queue], sent, now)
        self._after_flush()

    def took(self, data: bytes, result: int, now: float) -> None:
        """Phase 5: instead of `flush`, where all that is queued was offered to the socket. It took
        so many bytes, or failed with an error's number, which is below zero."""
        if result < 0 and result != -errno.EAGAIN:
            self.abort(OSError(-result, os.strerror(-result)))
            return
        self._account([data], max(result, 0), now)
        self._after_flush()

    def _after_flush(self) -> None:
        if self._closing:
            if self._queue is None and not self._marked:
                self._shut_down()
        elif self._owes_resume:
            if self.pending <= self.low:
                self._owes_resume = False
                self._protocol.resume_writing()
        elif self.pending > self.high:
            self._owes_resume = True
            self._protocol.pause_writing()

    def finish(self, exc: Exception | None, now: float) -> None:
        """Phase 1, after a mark, once: the only place that closes."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._watch(0)
        self._sock.close()
        # The reference goes, or transport and protocol would wait for the collector in a ring.
        protocol, self._protocol = self._protocol, NOBODY
        protocol.connection_lost(exc, now)

    # Reading

    def _receive(self, now: float) -> None:
        try:
            data = self._sock.recv(self.recv_budget)
        except BlockingIOError:
            return
        except OSError as exc:
            self.abort(exc)
            return
        if data:
            self.heard_at = now
            self._protocol.data_received(data, now)
        else:
            self._eof = True
            self.pause_reading()
            self._protocol.eof_received(now)

    # Writing

    def _account(self, queue: list[bytes | memoryview], sent: int, now: float) -> None:
        """Let go of what the socket took, and wait for it to take the rest."""
        if sent:
            self.sent_at = now
            if self._refused:
                self.drained_at = now
        if sent == self.pending:
            self._drop_queue()
            self._refused = False
            self._watch(self._events & ~WRITE)
        else:
            # Only what waits for a socket that has refused some is summed up, so that a fan-out
            # costs nothing more.
            self._reactor.unsent -= sent if self._events & WRITE else sent - self.pending
            self._queue = queue
            self._refused = self._advance(queue, sent) < IOV_MAX
            self._watch(self._events | WRITE)

    def _send_many(self, queue: list[bytes | memoryview]) -> int:
        """Offer the queue's head to the socket; how many bytes it took."""
        if self.pending <= JOINED:
            return self._sock.send(b"".join(queue))
        return self._sock.sendmsg(queue[:IOV_MAX])

    def _advance(self, queue: list[bytes | memoryview], sent: int) -> int:
        """Let go of what was sent, which is not all; how many blobs that finished."""
        self.pending -= sent
        done = 0
        while sent >= len(queue[done]):
            sent -= len(queue[done])
            done += 1
        del queue[:done]
        if sent:
            queue[0] = memoryview(queue[0])[sent:]
        return done

    def _drop_queue(self) -> None:
        if self._events & WRITE:
            self._reactor.unsent -= self.pending
        self._queue = None
        self.pending = 0

    # Closing

    def _shut_down(self) -> None:
        """Everything is sent: say so, and wait for the peer to say so too."""
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except BlockingIOError:  # TLS has a last word
            self._watch(WRITE)
            return
        except OSError as exc:
            self.abort(exc)
            return
        if self._eof:
            self.abort()
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._reactor.call_later(LINGER, self._expired)
        self._watch(READ, Linger(self, self._sock.recv))

    def _expired(self, now: float) -> None:
        """A deadline of closing has come; only bytes that were not taken are an error."""
        self.abort(TimeoutError("The peer did not take the last bytes.") if self.pending else None)

    def _watch(self, events: int, pollable: Pollable | None = None) -> None:
        """Register for exactly these events, on behalf of `pollable` (None: of ourselves)."""
        if events == self._events:
            return
        if not events:
            self._reactor.unregister(self._sock)
        elif self._events:
            self._reactor.modify(self._sock, events, pollable or self)
        else:
            self._reactor.register(self._sock, events, pollable or self)
        self._events = events
