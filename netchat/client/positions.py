"""Positions: how far this client holds each room's log. Pure.

What makes "exactly once, in order" true over reconnects: a room is joined again from what is
held, and what is held already is not handed out again. A private talk is a log like a room;
its name starts with `@`, and its messages come without a `join`.

A resumed talk's new messages may so arrive before the `join` that brings those missed in
between is answered. They are let go of: that `join` moves the server's cursor back, and brings
them again in their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netchat.chat.events import Gap, Joined, Message, RoomInfo
from netchat.chat.requests import Join
from netchat.client.journal import Held, Left

BACKLOG = 50
"""Messages of the past that a `join` brings, where it does not say how many."""

LISTED_TALKS = 50
"""Talks that a `welcome` lists at most, the newest first (the protocol)."""

UNKNOWN = 2**53
"""The head of a log of which nobody remembers what was promised."""

GONE = frozenset({"no_such_room", "forbidden"})
"""Refusals which mean that a joined room is not ours any more."""


class _Position:
    __slots__ = ("epoch", "head", "held", "resuming")

    def __init__(self, epoch: str, held: int, head: int = 0) -> None:
        self.epoch = epoch
        self.held = held
        self.head = head
        """What the last `joined` promised: where a connection broke before, some is missing."""
        self.resuming = False
        """The `join` from here has not been answered: nothing before that is of use."""


class Positions:
    """The rooms and talks of one client, by the server's spelling, in order of joining."""

    def __init__(self) -> None:
        self._rooms: dict[str, _Position] = {}
        self._epoch = ""
        self._noted: dict[str, Held] = {}
        self._departed = False

    def __iter__(self) -> Iterator[str]:
        """The joined rooms, without the talks."""
        return (room for room in self._rooms if not is_talk(room))

    def restore(self, held: Iterable[Held]) -> None:
        """Go on where an earlier life ended."""
        for record in held:
            self._rooms[record.room] = _Position(record.epoch, record.seq, UNKNOWN)
            self._noted[record.room] = record

    def note(self) -> list[Held | Left]:
        """What has changed since the last call."""
        now = {
            room: Held(room, p.epoch, p.held)
            for room, p in self._rooms.items()
            if is_talk(room) or not self._departed
        }
        changed = [held for room, held in now.items() if self._noted.get(room) != held]
        left = [Left(room) for room in self._noted if room not in now]
        self._noted = now
        return [*changed, *left]

    def depart(self) -> list[Left]:
        """We say goodbye, perhaps again: from here on a later life needs to know of talks only."""
        again, self._departed = self._departed, True
        return [] if again else [Left(room) for room in self]

    def welcome(self, epoch: str, talks: list[RoomInfo], *, resumed: bool) -> list[Join]:
        """A connection stands: what to join again, and from where.

        An identity that was taken back has talks: those with something new are joined. At the
        first login they are only noted, as a person does not want all of their past at once.
        """
        self._epoch = epoch
        rooms = list(self)
        if resumed:
            rooms += self._talks_to_resume(talks)
        else:  # talks belong to an identity, and this one is new
            self._rooms = {room: self._rooms[room] for room in rooms}
            for talk in talks:
                self._rooms[talk.room] = _Position(epoch, talk.head)
        return [self._again(room) for room in rooms]

    def joined(self, event: Joined, request: Join) -> None:
        """A room was entered: the next message is the first of its backlog, or after it.

        Whoever gives `after` is taken to hold everything up to there.
        """
        position = self._rooms.get(event.room)
        if request.after is None:
            if position is None:
                held = max(event.first - 1, event.head - (request.backlog or 0))
                self._rooms[event.room] = _Position(event.epoch, held, event.head)
            return
        # A position in another epoch's log stands until the gap that follows has told of it.
        epoch = (request.after and request.epoch) or event.epoch
        if position is None or position.epoch != epoch:
            self._rooms[event.room] = _Position(epoch, request.after, event.head)
        else:
            position.held = max(position.held, request.after)
            position.head = event.head
            position.resuming = False

    def refused(self, request: Join, code: str) -> None:
        """A `join` was refused for good. A room that we are in stays ours, unless it is gone."""
        position = self._rooms.get(request.room)
        if position is not None and (position.resuming or code in GONE):
            del self._rooms[request.room]

    def gap(self, event: Gap) -> bool:
        """Some seqs will never come, or they start again. Whether to tell of it now: where a `join`
        has not been answered, the answer tells of it again, behind what comes before it."""
        position = self._rooms.get(event.room)
        if position is None or position.resuming:
            return False
        position.held = 0 if event.reason == "epoch_changed" else max(position.held, event.to)
        position.epoch = event.epoch
        return True

    def is_new(self, message: Message) -> bool:
        """Whether the message is to be handed out, now and for the first time."""
        position = self._rooms.get(message.room)
        if position is None:
            if is_talk(message.room):
                self._rooms[message.room] = _Position(self._epoch, message.seq)
            return True
        if position.resuming or message.seq <= position.held:
            return False
        position.held = message.seq
        return True

    def leave(self, room: str) -> None:
        """The room is not ours any more. A talk cannot be left, only not joined."""
        if not is_talk(room):
            self._rooms.pop(room, None)

    def _again(self, room: str) -> Join:
        position = self._rooms.setdefault(room, _Position(self._epoch, 0))
        position.resuming = True
        return Join(room=room, after=position.held, epoch=position.epoch)

    def _talks_to_resume(self, talks: list[RoomInfo]) -> Iterable[str]:
        """Those with news, and those that the list does not show to have none: a long list is
        cut, and across talks no order is promised, so we may have the newest message of one and
        not an older one of another, which stands behind it."""
        listed = {talk.room: self._has_news(talk) for talk in talks}
        full = len(talks) >= LISTED_TALKS
        for room, position in self._rooms.items():
            if is_talk(room) and room not in listed:
                broken = position.resuming or position.held < position.head
                listed[room] = full or broken or position.epoch != self._epoch
        return [room for room, news in listed.items() if news]

    def _has_news(self, talk: RoomInfo) -> bool:
        position = self._rooms.get(talk.room)
        if position is None:
            return talk.head > 0
        return position.resuming or talk.head > position.held or position.epoch != self._epoch


def is_talk(room: str) -> bool:
    """Whether this is the name of a private talk."""
    return room.startswith("@")
