"""The attackers: a process that plays one attack on a server, from addresses of its own.

An attack is a number of peers, each of which plays a script (see `hostile`): a generator that
uses its Peer and yields how many seconds to let it be. A connection that ends has its script
begun anew on another one, so that the attack goes on whatever the server does; how fast is
bounded by OPENING. The process has what the machine has left (SCHED_IDLE), so that its time goes
to those attacked: they share a core, and how long a healthy one waits for the attackers' turn to
end is nothing that the server could help.

The order comes on stdin; the word "go" begins. The report is a line on stdout.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import os
import re
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count

from bench.orders import Assault, Assaulted, decode_assault, encode
from netchat.net.rlimit import raise_file_limit

OPENING = 1_000
"""Connections opened a second, at most: ten times what a busy public server sees."""

AHEAD = 262_144
"""Bytes a peer keeps ready to send, at most: a script that floods is to see `is_full`."""

HELD = 1_024
"""Of what it was told, a peer keeps so many bytes at most for its script."""

CODES = re.compile(rb'"code":"(\w+)"|HTTP/1\.1 ([3-5]\d\d)')
"""By what a server says that it will not have it: an error, or a status."""

Script = Callable[["Peer"], Iterator[float]]


class Peer:
    """One hostile connection. `number` tells the peers of an attack apart, `time` its tries.

    While `deaf` it reads nothing, and its kernel has room for little.
    """

    def __init__(self, attackers: Attackers, number: int, attempt: int) -> None:
        self.number = number
        self.attempt = attempt
        self.order = attackers.order
        self.told = b""
        self.deaf = False
        self.over = False
        self._attackers = attackers
        self._outbox = bytearray()
        self._mask = 0
        self.sock = self.make_socket()

    def make_socket(self) -> socket.socket:
        """Its end of the connection."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        return sock

    def connect(self, source: str, address: tuple[str, int]) -> None:
        """Begin to connect. Raises OSError."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384 if self.deaf else 65_536)
        self.sock.bind((source, 0))
        with contextlib.suppress(BlockingIOError):
            self.sock.connect(address)
        self.watch()

    @property
    def is_full(self) -> bool:
        """Whether what it is to send does not leave as fast as it comes."""
        return len(self._outbox) >= AHEAD

    def send(self, data: bytes) -> None:
        """Send when it may."""
        if not self._outbox:
            data = data[self._try(data) :]
        if data and not self.over:
            self._outbox += data
            self.watch()

    def watch(self) -> None:
        """Be told of what matters now."""
        mask = (0 if self.deaf else selectors.EVENT_READ) | (
            selectors.EVENT_WRITE if self._outbox else 0
        )
        if mask == self._mask:
            return
        change = self._attackers.selector
        if not self._mask:
            change.register(self.sock, mask, self)
        elif mask:
            change.modify(self.sock, mask, self)
        else:
            change.unregister(self.sock)
        self._mask = mask

    def ready(self, mask: int) -> None:
        """The selector's word."""
        if mask & selectors.EVENT_READ:
            self._read()
        if mask & selectors.EVENT_WRITE and not self.over:
            del self._outbox[: self._try(self._outbox)]
            if not self.over:
                self.watch()

    def _try(self, data: bytes | bytearray) -> int:
        try:
            taken = self.sock.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self._attackers.ended(self)
            return 0
        self._attackers.sent += taken
        return taken

    def _read(self) -> None:
        try:
            data = self.sock.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.hear(data)

    def hear(self, data: bytes) -> None:
        """What the server says; nothing where it has hung up."""
        for code in CODES.findall(data) if b'"code"' in data or b"HTTP/1.1" in data else ():
            self._attackers.codes[b"".join(code).decode()] += 1
        self.told = (self.told + data)[-HELD:]
        if not data:
            self._attackers.ended(self)

    def close(self) -> None:
        """Hang up."""
        self.over = True
        if self._mask:
            self._attackers.selector.unregister(self.sock)
        self.sock.close()


class Attackers:
    """All peers of one attack, and what came of it."""

    kind: type[Peer] = Peer

    def __init__(
        self, order: Assault, script: Script, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.order = order
        self.clock = clock
        self.selector = selectors.DefaultSelector()
        self.codes: Counter[str] = Counter()
        self.sent = self.opened = self.closed = 0
        self._script = script
        self._places = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._attempts: Counter[int] = Counter()

    def run(self) -> Assaulted:
        """Attack for as long as was ordered."""
        self.begin()
        end = self.clock() + self.order.seconds
        while (now := self.clock()) < end:
            wait = self.play_on(now) - now
            for key, mask in self.selector.select(min(max(wait, 0.0), 0.1, end - now)):
                key.data.ready(mask)
        return self.report()

    def begin(self) -> None:
        """Plan to open all connections."""
        begun, pace = self.clock(), 1 / OPENING
        for number in range(self.order.peers):
            self._at(begun + number * pace, lambda number=number: self._open(number))  # type: ignore[misc]

    def play_on(self, now: float) -> float:
        """Do whatever is due; when there is something again."""
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()
        return self._due[0][0] if self._due else math.inf

    def report(self) -> Assaulted:
        """What has come of it so far."""
        return Assaulted(
            opened=self.opened, closed=self.closed, sent=self.sent, codes=dict(self.codes)
        )

    def ended(self, peer: Peer) -> None:
        """The server has hung up on one, or it is done: another takes its place."""
        if not peer.over:
            self.closed += 1
            self._again(peer)

    def _again(self, peer: Peer) -> None:
        peer.close()
        pause = max(self.order.peers / OPENING, self.order.pause)
        self._at(self.clock() + pause, lambda: self._open(peer.number))

    def _open(self, number: int) -> None:
        order = self.order
        self._attempts[number] += 1
        attempt = self._attempts[number]
        peer = self.kind(self, number, attempt)
        peer.deaf = order.deaf
        # A net of its own for each attack, and in it as many addresses as were ordered.
        place = (number + attempt * order.peers) % order.addresses
        source = f"127.{order.net}.{place // 250}.{place % 250 + 1}"
        try:
            peer.connect(source, (order.host, order.port))
        except OSError as exc:
            self.codes[exc.strerror or str(exc)] += 1
            self._again(peer)
            return
        self.opened += 1
        self._play(peer, self._script(peer))

    def _play(self, peer: Peer, steps: Iterator[float]) -> None:
        if peer.over:
            return
        wait = next(steps, None)
        if wait is not None:
            self._at(self.clock() + wait, lambda: self._play(peer, steps))
        elif not peer.over:
            self._again(peer)

    def _at(self, when: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._places), call))


def main() -> int:
    """Attack once."""
    from bench.hostile import ATTACKS

    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    raise_file_limit()
    order = decode_assault(sys.stdin.buffer.readline())
    attackers = Attackers(order, ATTACKS[order.name].script)
    _tell(b"ready")
    if sys.stdin.buffer.readline() == b"go\n":
        _tell(encode(attackers.run()))
    return 0


def _tell(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
