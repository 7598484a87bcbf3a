"""Positions: how far this client holds each room's log. Pure.

What makes "exactly once, in order" true over reconnects: a room is joined again from what is
held, and what is held already is not handed out again. A private talk is a log like a room;
its name starts with `@`, and its messages come without a `join`.
"""

from __future__ import annotations

from collections.abc import Iterator

from netchat.chat.events import Gap, Joined, Message, RoomInfo
from netchat.chat.requests import Join


class _Position:
    __slots__ = ("epoch", "held")

    def __init__(self, epoch: str, held: int) -> None:
        self.epoch = epoch
        self.held = held


class Positions:
    """The rooms and talks of one client, by the server's spelling, in order of joining."""

    def __init__(self) -> None:
        self._rooms: dict[str, _Position] = {}
        self._epoch = ""

    def __iter__(self) -> Iterator[str]:
        """The joined rooms, without the talks."""
        return (room for room in self._rooms if not is_talk(room))

    def welcome(self, epoch: str, talks: list[RoomInfo], *, resumed: bool) -> list[Join]:
        """A connection stands: what to join again, and from where.

        An identity that was taken back has talks: those with something new are joined. At the
        first login they are only noted, as a person does not want all of their past at once.
        """
        self._epoch = epoch
        if not resumed:  # talks belong to an identity, and this one is new
            for room in [room for room in self._rooms if is_talk(room)]:
                del self._rooms[room]
            joins = [self._again(room) for room in self]
            for talk in talks:
                self._rooms[talk.room] = _Position(epoch, talk.head)
            return joins
        return [self._again(room) for room in self] + [
            self._again(talk.room) for talk in talks if self._has_news(talk)
        ]

    def joined(self, event: Joined, request: Join) -> None:
        """A room was entered: the next message is the first of its backlog, or after it."""
        position = self._rooms.get(event.room)
        if position is None:
            held = max(event.first - 1, event.head - (request.backlog or 0))
            if request.after is not None:
                held = request.after
            self._rooms[event.room] = _Position(event.epoch, held)
        elif position.epoch != event.epoch:
            self._rooms[event.room] = _Position(event.epoch, 0)

    def gap(self, event: Gap) -> None:
        """Some seqs will never come, or they start again."""
        if (position := self._rooms.get(event.room)) is not None:
            position.held = 0 if event.reason == "epoch_changed" else max(position.held, event.to)
            position.epoch = event.epoch

    def is_new(self, message: Message) -> bool:
        """Whether the message has not been handed out before. From here on it has."""
        position = self._rooms.get(message.room)
        if position is None:
            if is_talk(message.room):
                self._rooms[message.room] = _Position(self._epoch, message.seq)
            return True
        if message.seq <= position.held:
            return False
        position.held = message.seq
        return True

    def leave(self, room: str) -> None:
        """The room is not ours any more. A talk cannot be left, only not joined."""
        if not is_talk(room):
            self._rooms.pop(room, None)

    def _again(self, room: str) -> Join:
        position = self._rooms.get(room)
        if position is None:
            return Join(room=room, after=0)
        return Join(room=room, after=position.held, epoch=position.epoch)

    def _has_news(self, talk: RoomInfo) -> bool:
        position = self._rooms.get(talk.room)
        if position is None:
            return talk.head > 0
        return talk.head > position.held or position.epoch != self._epoch


def is_talk(room: str) -> bool:
    """Whether this is the name of a private talk."""
    return room.startswith("@")
