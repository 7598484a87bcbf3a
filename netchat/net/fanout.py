"""A fan-out: the same bytes to many transports, which is what a chat server does most.

Theory of operation. Of a room's members nearly all are idle: nothing is queued, nobody waits.
Where there is a `ring`, which sends to a thousand sockets in one system call, `write_all` has
their queues point at the blob, and puts one FanOut for all of them into the flush queue. So
nothing is done a member that can be done for all. In phase 5 the FanOut sends to whoever still
has that blob to send and nothing else. Whoever has more was made dirty by what came after, and
sends all of it together, in its own turn; whoever has nothing has had its turn already. A member
is told only where its socket did not take all.

Without a ring, and for few, whom a ring would cost more than it saves, each is marked dirty and
flushed, without a call a member to have it marked.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable

from netchat.net.flushing import Failed, Ring
from netchat.net.reactor import READ
from netchat.net.transport import Transport


def write_all(transports: Collection[Transport], data: bytes) -> None:
    """`write` the same bytes to many transports of one reactor, at least one."""
    reactor = next(iter(transports))._reactor
    ring = reactor.ring
    if ring is not None and len(transports) > ring.few and len(data) <= ring.largest:
        reactor.fan_out(FanOut(data, _write_to_many(transports, data), ring))
    else:
        reactor.dirty_all(_write_to_few(transports, data))


def _write_to_few(transports: Iterable[Transport], data: bytes) -> list[Transport]:
    """Those who were idle are marked dirty, and returned, to be put into the slow queue."""
    size, idle = len(data), []
    for transport in transports:
        if transport._queue is None and not (transport.in_slow or transport._closing):
            transport._queue = data
            transport.pending = size
            transport.dirty = transport.in_slow = True
            idle.append(transport)
        else:
            transport.write(data)
    return idle


def _write_to_many(transports: Iterable[Transport], data: bytes) -> list[Transport]:
    """Those who were idle are not marked, and returned, for a FanOut."""
    size, idle = len(data), []
    for transport in transports:
        if transport._queue is None and not transport._closing:
            transport._queue = data
            transport.pending = size
            idle.append(transport)
        else:
            transport.write(data)
    return idle


class FanOut:
    """A blob, and the transports that have it to send. True while some have not had their turn."""

    __slots__ = ("_blob", "_ring", "_waiting")

    def __init__(self, blob: bytes, transports: list[Transport], ring: Ring) -> None:
        self._blob = blob
        self._waiting = transports
        self._ring = ring

    def __len__(self) -> int:
        return len(self._waiting)

    def flush(self, most: int, now: float, failed: Failed) -> None:
        """Phase 5: the next `most`. Those for whom somebody waits, whose socket has refused bytes,
        or is no plain one, are flushed as ever."""
        blob, due = self._blob, self._waiting[:most]
        del self._waiting[:most]
        plain = [
            t
            for t in due
            if t._queue is blob and t._events == READ and t.number >= 0 and not t._owes_resume
        ]
        self._send(plain, now, failed)
        if len(plain) < len(due):
            for transport in due:
                if transport._queue is blob:
                    _flush(transport, now, failed)

    def _send(self, plain: list[Transport], now: float, failed: Failed) -> None:
        """What `Transport.flush` does, for all at once."""
        refused = dict(self._ring.send(array("i", [t.number for t in plain]), self._blob))
        taken = [t for n, t in enumerate(plain) if n not in refused] if refused else plain
        for transport in taken:
            transport._queue = None
            transport.pending = 0
            transport.sent_at = now
        for place, result in refused.items():
            try:
                plain[place].took(self._blob, result, now)
            except Exception as exc:  # noqa: BLE001 - `failed` is told
                failed(plain[place], exc)


def _flush(transport: Transport, now: float, failed: Failed) -> None:
    try:
        transport.flush(now)
    except Exception as exc:  # noqa: BLE001 - `failed` is told
        failed(transport, exc)
