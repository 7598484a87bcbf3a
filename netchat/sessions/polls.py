"""Long polls: who waits until something is published in a room, or until the time is up."""

from __future__ import annotations

from collections.abc import Callable

from netchat.chat.now import Later
from netchat.chat.rooms import Room

Watchers = dict[Room, dict[Callable[[], None], None]]


class Poll:
    """Somebody who waits."""

    __slots__ = ("_polls", "_then", "room")

    def __init__(self, polls: Polls, room: Room, then: Callable[[], None]) -> None:
        self._polls = polls
        self._then: Callable[[], None] | None = then
        self.room = room

    def end(self, _now: float = 0.0) -> None:
        """It has waited long enough. Again: does nothing."""
        if (then := self._then) is not None:
            self._then = None
            self._polls.forget(self)
            then()


class Polls:
    """All that wait; `watchers` are told by delivery."""

    def __init__(self, watchers: Watchers, later: Later) -> None:
        self._watchers = watchers
        self._later = later
        self._waiting: dict[Poll, None] = {}

    def wait(self, room: Room, seconds: float, then: Callable[[], None]) -> None:
        """Call `then` as soon as something is published in the room, or after so long."""
        poll = Poll(self, room, then)
        self._waiting[poll] = None
        self._watchers.setdefault(room, {})[poll.end] = None
        self._later(seconds, poll.end)

    def forget(self, poll: Poll) -> None:
        """It waits no longer."""
        del self._waiting[poll]
        if (waiting := self._watchers.get(poll.room)) is not None:
            waiting.pop(poll.end, None)
            if not waiting:
                del self._watchers[poll.room]

    def end_all(self) -> None:
        """The server stops: nothing more will come."""
        for poll in list(self._waiting):
            poll.end()
