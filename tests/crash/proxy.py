"""A proxy on loopback that does to a connection what bad networks do.

One thread and one selector. A connection through it is a pair of flows, one each way; a flow is
a queue of pieces, each with the time at which it may go on. `Proxy.faults` holds for all
connections and may be changed at any time; a cut is for one connection, in the order of coming.
"""

from __future__ import annotations

import math
import random
import selectors
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple, Self

from tests.e2e.client import WITHIN, Address

END = b""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time at all: closing sends a reset."""

RETRY = 0.001
"""Seconds until a full socket is tried again."""

LONGEST_SLEEP = 0.02


@dataclass
class Faults:
    """What happens to every byte."""

    delay: float = 0.0
    """Seconds that everything is under way."""
    piece: int = 65_536
    """At most so many bytes are handed on at once, the next not before a turn later."""
    swallow: bool = False
    """Everything is taken, and nothing handed on, not even the end: now, and ever after on a
    connection that has lost something so."""


class Cut(NamedTuple):
    """The end of a connection, when so many bytes have gone one way. A reset is the client's."""

    at: int
    to_server: bool
    reset: bool
    server_later: float = 0.0
    """Seconds for which the server's side stays open: half-open, and closed slowly."""


class Flow:
    """One way through the proxy."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source = source
        self.sink = sink
        self.queue: deque[tuple[float, bytes]] = deque()
        self.passed = 0
        self.ended = self.swallowing = False


class Pair:
    """One connection through the proxy: to_server, to_client."""

    def __init__(self, client: socket.socket, server: socket.socket, cut: Cut | None) -> None:
        self.flows = (Flow(client, server), Flow(server, client))
        self.cut = cut
        self.server_due: float | None = None
        """Set: the client's side is gone, and the server's goes at this time."""


class Proxy:
    """Runs until the block ends. Clients find it at `address`."""

    def __init__(self, target: Address) -> None:
        self.faults = Faults()
        self.cuts: deque[Cut] = deque()
        """One for each connection to come, while there are any."""
        self.accepted = 0
        """Connections so far."""
        self._orders: deque[Cut] = deque()
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._pairs: list[Pair] = []
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="proxy")

    @property
    def address(self) -> Address:
        host, port = self._listener.getsockname()
        return host, port

    @property
    def place(self) -> str:
        """Its address, as clients are told it."""
        return "{}:{}".format(*self.address)

    @property
    def pairs(self) -> int:
        """Connections that are open on either side."""
        return len(self._pairs)

    def cut(self, cut: Cut) -> None:
        """Cut those that are open now, once so many more bytes have gone that way."""
        self._orders.append(cut)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._thread.join(WITHIN)
        for pair in list(self._pairs):
            self._end(pair)
        self._listener.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select(self._timeout()):
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._take(key.data)
            while self._orders:
                self._mark(self._orders.popleft())
            now = time.monotonic()
            for pair in list(self._pairs):
                self._hand_on(pair, now)

    def _mark(self, cut: Cut) -> None:
        for pair in self._pairs:
            passed = pair.flows[not cut.to_server].passed
            pair.cut = cut._replace(at=passed + cut.at)

    def _timeout(self) -> float:
        """Until something may go on; never long, as a pair may have to be closed."""
        whole = (pair.flows for pair in self._pairs if pair.server_due is None)
        queues = (flow.queue for flows in whole for flow in flows if flow.queue)
        due = min((queue[0][0] for queue in queues), default=math.inf)
        return min(max(0.0, due - time.monotonic()), LONGEST_SLEEP)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(self._target, WITHIN)
        except OSError:
            client.close()
            return
        pair = Pair(client, server, self.cuts.popleft() if self.cuts else None)
        for flow in pair.flows:
            flow.source.setblocking(False)
            flow.source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(flow.source, selectors.EVENT_READ, flow)
        self._pairs.append(pair)
        self.accepted += 1

    def _take(self, flow: Flow) -> None:
        if flow.source.fileno() < 0:
            return  # closed in this very turn
        try:
            data = flow.source.recv(65_536)
        except ConnectionError:
            data = END
        if data == END:
            self._selector.unregister(flow.source)
        flow.swallowing |= self.faults.swallow
        if not flow.swallowing:
            flow.queue.append((time.monotonic() + self.faults.delay, data))

    def _hand_on(self, pair: Pair, now: float) -> None:
        if pair.server_due is None:
            for flow in pair.flows:
                self._pass(flow, now, self._left(pair, flow))
            cut = pair.cut
            if cut is not None and self._left(pair, pair.flows[not cut.to_server]) <= 0:
                self._close(pair.flows[0].source, reset=cut.reset)
                pair.server_due = now + cut.server_later
            elif all(flow.ended for flow in pair.flows):
                self._end(pair)
        elif now >= pair.server_due:
            self._end(pair)

    def _left(self, pair: Pair, flow: Flow) -> int:
        """How many bytes may still pass."""
        cut = pair.cut
        if cut is None or flow is not pair.flows[not cut.to_server]:
            return self.faults.piece
        return min(self.faults.piece, cut.at - flow.passed)

    def _pass(self, flow: Flow, now: float, most: int) -> None:
        """Hand on one piece, if its time has come."""
        if not flow.queue or flow.queue[0][0] > now or most <= 0:
            return
        due, data = flow.queue.popleft()
        try:
            if data == END:
                flow.ended = True
                flow.sink.shutdown(socket.SHUT_WR)
                return
            sent = flow.sink.send(data[: random.randint(1, most)])
        except BlockingIOError:
            sent, due = 0, now + RETRY
        except OSError:
            return  # the other side has gone, and what is under way with it
        flow.passed += sent
        if data[sent:]:
            flow.queue.appendleft((due, data[sent:]))

    def _end(self, pair: Pair) -> None:
        for flow in pair.flows:
            self._close(flow.source, reset=False)
        self._pairs.remove(pair)

    def _close(self, sock: socket.socket, *, reset: bool) -> None:
        """Close it; again: nothing."""
        if sock.fileno() < 0:
            return
        if sock in self._selector.get_map():
            self._selector.unregister(sock)
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.close()
