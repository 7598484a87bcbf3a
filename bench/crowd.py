"""The crowd: the members of one process, and what they have counted together."""

from __future__ import annotations

import random
import time
from array import array
from collections import Counter
from typing import Protocol

from msgspec import Struct, field

from bench.ledger import Ledger
from netchat.net.transport import Transport


class Tally(Struct, kw_only=True):
    """What a round came to. A delivery is one message at one member.

    `owed` are the deliveries that the posts not refused should make; `unanswered` the posts
    neither accepted nor refused.
    """

    posted: int = 0
    accepted: int = 0
    refused: int = 0
    unanswered: int = 0
    owed: int = 0
    delivered: int = 0
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    altered: int = 0
    dropped: int = 0
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def faults(self) -> int:
        """Everything that a server which keeps its word does not do."""
        return (
            self.lost + self.doubled + self.reordered + self.altered + self.unanswered
            + self.dropped
        )  # fmt: skip

    def add(self, other: Tally) -> None:
        """Take in another crowd's."""
        for name in self.__struct_fields__:
            if name != "errors":
                setattr(self, name, getattr(self, name) + getattr(other, name))
        self.errors = dict(Counter(self.errors) + Counter(other.errors))


class Member(Protocol):
    """One simulated client, of whatever server."""

    ledger: Ledger

    def start(self, transport: Transport) -> None:
        """The connection stands: greet the server."""

    def post(self, due: int) -> None:
        """Send a message that was due at this time."""

    def sample(self, before: int, data: bytes, now: int) -> None:
        """Record the latencies of the messages in a piece; `before`: its place."""

    def settle(self, tally: Tally) -> int:
        """Add what went wrong to the tally; how many different messages came."""

    def new_round(self) -> None:
        """Begin to count anew. Comes before the ledgers'."""


class Crowd:
    """Running counters of everything, and the sampled latencies."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.ledgers: list[Ledger] = []
        self.joined = 0
        self.on_joined = _nothing
        self._fresh()
        self.sampling(1)

    def _fresh(self) -> None:
        self.posted = self.accepted = self.refused = self.owed = self.delivered = 0
        self.doubled_answers = self.disordered_answers = self.dropped = 0
        self.errors: Counter[str] = Counter()
        self.latency: array[int] = array("Q")
        self.service: array[int] = array("Q")
        self.lateness: array[int] = array("Q")

    # -- what the members call ---------------------------------------------------------------

    def has_joined(self) -> None:
        """One more is where it should be."""
        self.joined += 1
        self.on_joined()

    def has_dropped(self, why: str) -> None:
        """A member's connection is over before its time."""
        self.dropped += 1
        self.errors[why] += 1

    def count_post(self, ledger: Ledger, due: int, sent: int) -> None:
        """A message is leaving."""
        self.posted += 1
        self.owed += ledger.members
        self.lateness.append(sent - due)

    def count_refusal(self, ledger: Ledger, why: str) -> None:
        """A post of ours was refused."""
        self.refused += 1
        self.owed -= ledger.members
        self.errors[why] += 1

    # -- latencies ---------------------------------------------------------------------------

    def sampling(self, stride: int) -> None:
        """Look at the latencies of one piece in `stride`; each is as likely as any other."""
        self._widest = 2 * stride - 1
        self.countdown = random.randint(1, self._widest)  # noqa: S311

    def sample(self, member: Member, before: int, data: bytes) -> None:
        """It is this piece's turn."""
        self.countdown = random.randint(1, self._widest)  # noqa: S311
        member.sample(before, data, time.monotonic_ns())

    def record(self, due: int, sent: int, now: int) -> None:
        """One latency, from when the message was due and from when it was sent."""
        self.latency.append(now - due)
        self.service.append(now - sent)

    # -- rounds ------------------------------------------------------------------------------

    @property
    def outstanding(self) -> int:
        """Messages that have not reached everybody yet, about."""
        missing = (self.owed - self.delivered) * len(self.ledgers)
        return -(-missing // max(1, sum(ledger.members for ledger in self.ledgers)))

    @property
    def is_settled(self) -> bool:
        """Whether everything posted has been answered and has arrived."""
        answered = self.accepted + self.refused >= self.posted
        return answered and self.delivered >= self.owed and self._have_all()

    def _have_all(self) -> bool:
        """`delivered` may be ahead: the mark that it counts is also a length that frames of
        other kinds, such as presence, may have."""
        return sum(member.settle(Tally()) for member in self.members) >= self.owed

    def settle(self) -> Tally:
        """The round is over: what it came to."""
        alien = sum(ledger.alien * ledger.members for ledger in self.ledgers)
        tally = Tally(
            posted=self.posted,
            accepted=self.accepted,
            refused=self.refused,
            unanswered=max(0, self.posted - self.accepted - self.refused),
            owed=self.owed,
            delivered=self.delivered,
            doubled=alien + self.doubled_answers,
            reordered=self.disordered_answers,
            dropped=self.dropped,
            errors=dict(self.errors),
        )
        distinct = sum(member.settle(tally) for member in self.members)
        tally.lost = max(0, self.owed - (distinct - alien))
        return tally

    def new_round(self) -> None:
        """Begin to count anew."""
        self._fresh()
        for member in self.members:
            member.new_round()
        for ledger in self.ledgers:
            ledger.new_round()


class Connected:
    """What the members of all servers share: a place in the crowd, and a connection."""

    __slots__ = ("_crowd", "_size", "_transport", "ledger")

    def __init__(self, crowd: Crowd, ledger: Ledger, size: int) -> None:
        self.ledger = ledger
        self._crowd = crowd
        self._size = size
        self._transport: Transport | None = None

    def pause(self) -> None:
        """Stop reading: what comes stays in the kernel."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None:
            self._transport.resume_reading()

    def eof_received(self, now: float) -> None:
        """The server has cut us off."""
        assert self._transport is not None
        self._transport.abort(ConnectionError("closed by the server"))

    def connection_lost(self, exc: Exception | None, now: float) -> None:
        """It is over."""
        self._crowd.has_dropped(str(exc or "closed"))

    def pause_writing(self) -> None:
        """The schedule does not wait for the server."""

    def resume_writing(self) -> None:
        """See pause_writing."""


def _nothing() -> None:
    """Nobody asks."""
