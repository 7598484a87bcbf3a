"""The ledger: what the server has told anybody, kept to hold it to.

It outlives the server's process. At each start, and at the end, it is held against the log:
what was told under one epoch must be in the log as long as the epoch lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from netchat.chat.events import Accepted, Message, Welcome
from netchat.storage.place import MessageRow

from .retention import Retention
from .world import Violation


@dataclass(frozen=True)
class Fact:
    """A message, as it was told first."""

    time: int
    sender: str
    text: str
    id: str
    to: str | None


def fact_of(message: Message) -> Fact:
    return Fact(message.time, message.sender, message.text, message.id, message.to)


@dataclass(frozen=True)
class Receipt:
    """An acknowledgement, and what it was for."""

    room: str
    seq: int
    time: int
    text: str


class Ledger:
    """What all connections have been told."""

    def __init__(self, is_lost: Callable[[str, int, str], bool], retention: Retention) -> None:
        self.epoch = ""
        self.facts: dict[tuple[str, int], Fact] = {}
        self.receipts: dict[tuple[int, str], Receipt] = {}
        self.news: set[tuple[int, str]] = set()
        """Those that were told as new, not as a repeat."""
        self.identities: dict[str, int] = {}
        """Whom a token stands for."""
        self.names: dict[int, set[str]] = {}
        """Every name that an identity has had."""
        self._accounts: dict[str, int] = {}
        self.posted = 0
        self.retention = retention
        self._is_lost = is_lost

    # -- identities ------------------------------------------------------------------------------

    def welcomed(self, shown: str | None, event: Welcome) -> int:
        """A `welcome` has been told: the identity that it was for. Who says an account's password
        is who the account is, with a token or without."""
        identity = self._welcomed(shown, event)
        if event.account:
            self._accounts[event.name] = identity
        return identity

    def _welcomed(self, shown: str | None, event: Welcome) -> int:
        token, name = event.token, event.name
        if shown is None and event.account and not event.registered and name in self._accounts:
            identity = self._accounts[name]
        elif shown is None:
            identity = len(self.names) + 1
        elif shown in self.identities:
            identity = self.identities[shown]
        else:
            raise Violation("a token stands for one identity", "an unknown one was taken")
        self.identities[token] = identity
        self.names.setdefault(identity, set()).add(name)
        return identity

    def token_refused(self, token: str, name: str) -> None:
        """Whoever has been acknowledged a post can be recognised for as long as the log lives."""
        identity = self.identities.get(token)
        if identity is None or name not in self.names[identity]:
            return
        if len(self.names[identity]) == 1 and any(who == identity for who, _ in self.receipts):
            raise Violation("tokens outlive restarts", f"{name}'s was refused after a receipt")

    # -- messages --------------------------------------------------------------------------------

    def told(self, message: Message, epoch: str) -> None:
        """A message has been sent to somebody."""
        key = (message.room, message.seq)
        fact = fact_of(message)
        known = self.facts.setdefault(key, fact)
        if known != fact:
            raise Violation("all see the same", f"{key} was {known}, now {fact}")
        earlier = self.facts.get((message.room, message.seq - 1))
        if earlier is not None and earlier.time > message.time:
            raise Violation("times never run backwards", f"{earlier} before {message}")
        self._must_be_safe(message.room, message.seq, message.id)

    def acknowledged(self, identity: int, text: str, event: Accepted) -> None:
        """A post has been acknowledged."""
        receipt = Receipt(event.room, event.seq, event.time, text)
        key = (identity, event.id)
        first = self.receipts.get(key)
        if first is None or self.retention.is_gone(first.room, first.seq):
            first = self.receipts[key] = receipt
            self.news.discard(key)
        if first != receipt:
            if self.retention.is_gone(receipt.room, receipt.seq):
                return  # it was stored again since its id has gone, and that was heard of before
            raise Violation("an id is stored once", f"{event.id}: {first}, then {receipt}")
        if not event.duplicate:  # which may arrive behind a repeat's, by the slower connection
            if key in self.news:
                raise Violation("an id is stored once", f"{event.id} twice as new: {receipt}")
            self.news.add(key)
        fact = self.facts.get((event.room, event.seq))
        if fact is not None and (fact.id, fact.text, fact.time) != (event.id, text, event.time):
            raise Violation("an acknowledgement names its message", f"{event} for {fact}")
        self.posted += not event.duplicate
        self._must_be_safe(event.room, event.seq, event.id)

    def told_gone(self, room: str, seq: int) -> None:
        """Somebody has been told that this message, and all before it, are no longer held."""
        self.retention.check_gone(room, seq, self._time_of(room, seq))

    def is_overdue(self, room: str, slack: int) -> bool:
        """Whether a room still holds what should be gone."""
        oldest = self._time_of(room, self.retention.span(room)[0])
        return self.retention.is_overdue(room, oldest, slack)

    def _time_of(self, room: str, seq: int) -> int | None:
        fact = self.facts.get((room, seq))
        return None if fact is None else fact.time

    def _must_be_safe(self, room: str, seq: int, id: str) -> None:
        if self._is_lost(room, seq, id):
            raise Violation("told means committed", f"{room} {seq} ({id}) is not in the log")

    # -- against the log -------------------------------------------------------------------------

    def begin_life(self, epoch: str) -> None:
        """The server has started, under this epoch."""
        if epoch != self.epoch:
            self.facts.clear()
            self.receipts.clear()
            self.news.clear()
            self.epoch = epoch

    def compare(self, rows: Iterable[MessageRow], names: Mapping[int, str]) -> None:
        """Hold everything that was told against what the log holds."""
        rooms: dict[str, dict[int, MessageRow]] = {}
        keys: set[tuple[int, str]] = set()
        for row in rows:
            rooms.setdefault(names[row.room], {})[row.seq] = row
            if (row.identity, row.id) in keys:
                raise Violation("an id is stored once", f"the log has {row.id} twice")
            keys.add((row.identity, row.id))
        for name in names.values():
            first, head = self.retention.span(name)
            if sorted(rooms.get(name, ())) != list(range(first, head + 1)):
                raise Violation("seqs are contiguous", f"{name} has {sorted(rooms[name])}")
        for (room, seq), fact in self.facts.items():
            found = self._held(rooms, room, seq, fact.time)
            if found is not None and _as_fact(found) != fact:
                raise Violation("told means committed", f"{room} {seq}: {fact}, held {found}")
        for (_, id), receipt in self.receipts.items():
            found = self._held(rooms, receipt.room, receipt.seq, receipt.time)
            if found is not None and (found.id, found.text) != (id, receipt.text):
                raise Violation("accepted means committed", f"{id}: {receipt}, held {found}")

    def _held(
        self, rooms: dict[str, dict[int, MessageRow]], room: str, seq: int, time: int
    ) -> MessageRow | None:
        """What the log has there; None where retention has taken it. Raises where it is lost."""
        first, head = self.retention.span(room)
        if seq > head or (seq >= first and seq not in rooms.get(room, {})):
            raise Violation("told means committed", f"{room} {seq} is not in the log")
        if seq < first:
            self.retention.check_may_go(room, seq, time, head)
            return None
        return rooms[room][seq]


def _as_fact(row: MessageRow) -> Fact:
    return Fact(row.time, row.sender, row.text, row.id, row.recipient)
