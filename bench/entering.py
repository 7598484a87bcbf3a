"""Entering: connecting a crowd, so many at a time, as fast as the server lets them in."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from bench.crowd import Crowd, Member
from netchat.net.addresses import resolve
from netchat.net.connector import connect
from netchat.net.handshake import Handshake
from netchat.net.reactor import Reactor
from netchat.net.tls import client_context
from netchat.net.transport import Transport

TIMEOUT = 20.0
"""Seconds for one connection: a lost SYN is sent again after 1, 3, 7 and 15."""

PATIENCE = 10.0
"""Seconds without anybody coming in before the rest counts as refused."""


class Entering:
    """Brings members in; `is_over` once all are in or have failed."""

    def __init__(
        self,
        reactor: Reactor,
        crowd: Crowd,
        members: Iterable[Member],
        address: tuple[str, int],
        at_once: int,
        *,
        tls: bool = False,
    ) -> None:
        self.failed = 0
        self.why: Counter[str] = Counter()
        self.began = self.last = time.monotonic()
        self._reactor = reactor
        self._crowd = crowd
        self._outside = list(members)
        self._outside.reverse()
        self._total = len(self._outside)
        self._host, self._port = address
        self._resolved = resolve(*address)
        self._at_once = at_once
        self._context = client_context(insecure=True) if tls else None
        crowd.on_joined = self._let_in
        self._next()

    @property
    def is_over(self) -> bool:
        """Whether nobody is on the way any more, or the door seems shut."""
        done = self._crowd.joined + self.failed + self._crowd.dropped >= self._total
        return done or time.monotonic() - self.last > PATIENCE

    def _resolve(self, _host: str, _port: int) -> list[tuple[int, Any]]:
        return list(self._resolved)

    def _next(self) -> None:
        gone = self._crowd.joined + self.failed + self._crowd.dropped
        while self._outside and self._total - len(self._outside) - gone < self._at_once:
            self._connect(self._outside.pop())

    def _connect(self, member: Member) -> None:
        connect(
            self._reactor,
            self._host,
            self._port,
            self._connected(member),
            self._failed,
            TIMEOUT,
            resolve=self._resolve,
        )

    def _connected(self, member: Member) -> Callable[[socket.socket, Any], None]:
        def connected(sock: socket.socket, peer: Any) -> None:
            def start(sock: Any) -> None:
                member.start(Transport(self._reactor, sock, peer))

            if self._context is None:
                start(sock)
            else:
                Handshake(self._reactor, sock, self._context, start, self._failed, host=self._host)

        return connected

    def _failed(self, exc: OSError) -> None:
        self.failed += 1
        self.why[exc.strerror or str(exc)] += 1
        self._next()

    def _let_in(self) -> None:
        self.last = time.monotonic()
        self._next()
