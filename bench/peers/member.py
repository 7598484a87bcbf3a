"""A member of any other server: it counts. What a dialect says goes out, marks are counted.

Every delivery is counted, and that is all: a peer makes no promise of order or of repetition
that could be held against it here.
"""

from __future__ import annotations

import time

from bench.crowd import Connected, Crowd, Tally
from bench.ledger import Ledger
from bench.peers.dialects import Dialect
from bench.text import MARK, compose, find_times
from netchat.net.transport import Transport

SHORT = 64
"""Bytes; a keepalive is never longer."""


class PeerMember(Connected):
    """One client, in one room. `posts_only`: it is in no room and receives nothing."""

    __slots__ = ("_count", "_dialect", "_greeting", "_name", "_posts_only")

    def __init__(
        self,
        crowd: Crowd,
        ledger: Ledger,
        name: str,
        size: int,
        dialect: Dialect,
        *,
        posts_only: bool,
    ) -> None:
        super().__init__(crowd, ledger, size)
        self._name = name
        self._dialect = dialect
        self._posts_only = posts_only
        self._greeting: bytes | None = b""
        self._count = 0

    def start(self, transport: Transport) -> None:
        """See Member."""
        self._transport = transport
        transport.start(self)
        greeting = self._dialect.greet(self._name, self.ledger.room, self._posts_only)
        transport.write(greeting, urgent=True)

    def post(self, due: int) -> None:
        """See Member. Nobody answers, so it counts as accepted."""
        assert self._transport is not None
        crowd = self._crowd
        sent = time.monotonic_ns()
        text = compose(due, sent, self._size).encode()
        crowd.count_post(self.ledger, due, sent)
        crowd.accepted += 1
        self._transport.write(self._dialect.post(self.ledger.room, text), urgent=True)

    # -- what the transport calls ------------------------------------------------------------

    def data_received(self, data: bytes, now: float) -> None:
        """Count."""
        if self._greeting is not None:
            self._take_greeting(data)
            return
        count = data.count(MARK)
        crowd = self._crowd
        crowd.delivered += count
        self._count += count
        if not count and len(data) <= SHORT:
            self._keep_alive(data)
        crowd.countdown -= 1
        if crowd.countdown <= 0:
            crowd.sample(self, 0, data)

    def _take_greeting(self, data: bytes) -> None:
        """Read on until the server has let us in; nothing is posted before everybody is."""
        assert self._greeting is not None
        self._greeting += data
        if self._dialect.ready in self._greeting:
            self._greeting = None
            self._crowd.has_joined()

    def _keep_alive(self, data: bytes) -> None:
        answer = self._dialect.answer(data)
        if answer and self._transport is not None:
            self._transport.write(answer, urgent=True)

    # -- figures -----------------------------------------------------------------------------

    def sample(self, before: int, data: bytes, now: int) -> None:
        """See Member."""
        for due, sent in find_times(data):
            self._crowd.record(due, sent, now)

    def settle(self, tally: Tally) -> int:
        """See Member."""
        return self._count

    def new_round(self) -> None:
        """See Member."""
        self._count = 0
