"""A fan-out over real sockets, in turns with a loop that does nothing but send.

The difference is what the reactor and its transports add to each `send`: the one cost of a
message that grows with the room.
"""

from __future__ import annotations

import selectors
import socket
import time
from statistics import median
from typing import Self

from netchat.net.clock import SystemClock
from netchat.net.fanout import write_all
from netchat.net.protocol import NOBODY
from netchat.net.reactor import Reactor
from netchat.net.ring import open_ring
from netchat.net.transport import Transport

BLOB = bytes(140)
"""As long as the frame of a message of 64 characters."""

RECEIVE = 65_536


class Sends:
    """So many connected pairs of sockets. Use as a context."""

    def __init__(self, members: int) -> None:
        self._near: list[socket.socket] = []
        self._far: list[socket.socket] = []
        self._reactor = Reactor(
            selectors.DefaultSelector(), SystemClock(), strict=True, ring=open_ring()
        )
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            for _ in range(members):
                self._far.append(socket.create_connection(listener.getsockname()))
                sock, _ = listener.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._near.append(sock)
        self._transports = [Transport(self._reactor, sock, None) for sock in self._near]

    def __enter__(self) -> Self:
        for transport in self._transports:
            transport.start(NOBODY)
        return self

    def __exit__(self, *_: object) -> None:
        for transport in self._transports:
            transport.abort()
        self._reactor.run_once(0.0)
        self._reactor.close()
        for sock in self._far:
            sock.close()

    def beside(self, seconds: float) -> tuple[float, float]:
        """CPU microseconds of a send, bare and by way of transports; medians of many turns."""
        deadline = time.monotonic() + seconds
        turns = [(self._bare(), self._ours())]
        while time.monotonic() < deadline:
            turns.append((self._bare(), self._ours()))
        return median(bare for bare, _ in turns), median(ours for _, ours in turns)

    def _bare(self) -> float:
        began = time.process_time_ns()
        for sock in self._near:
            sock.send(BLOB)
        return self._each(began)

    def _ours(self) -> float:
        began = time.process_time_ns()
        write_all(self._transports, BLOB)
        self._reactor.run_once(0.0)
        return self._each(began)

    def _each(self, began: int) -> float:
        spent = (time.process_time_ns() - began) / 1e3 / len(self._near)
        for sock in self._far:
            sock.recv(RECEIVE)
        return spent
