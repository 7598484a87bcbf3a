"""Presence: who is in a room, told as net changes at most once a second.

Presence is state, not messages: it is never logged, and a reader that missed a notice is sent
the whole state later. The first change in a room starts a timer; when it is due, what came of
it goes out once. A room with more members than are listed tells its count only, so that ten
thousand people who join a room of ten thousand cost ten thousand counts a second, not 10⁸
names.
"""

from __future__ import annotations

from functools import partial

from netchat.chat.events import LISTED_MEMBERS, Event
from netchat.chat.events import Presence as PresenceEvent
from netchat.chat.now import Later
from netchat.chat.outgoing import Outgoing
from netchat.chat.rooms import Member, Room

INTERVAL = 1.0
"""Seconds from the first change to its notice (the protocol)."""

HERE, AWAY = "here", "away"


def state_of(member: Member | None) -> str | None:
    """Here while a session has joined, away while only the name is held, else None."""
    if member is None:
        return None
    return HERE if member.present else AWAY


class Presence:
    """Collects changes and tells them."""

    def __init__(self, outgoing: Outgoing, later: Later) -> None:
        self._outgoing = outgoing
        self._later = later

    def changed(self, room: Room, name: str, before: str | None) -> None:
        """Somebody's state in a room is no longer `before`; call it after the change."""
        changes = room.changes
        if len(room.members) > LISTED_MEMBERS or changes.told > LISTED_MEMBERS:
            changes.crowded = True
            changes.before.clear()
        elif not changes.crowded:
            changes.before.setdefault(name, before)
        if not changes.due:
            changes.due = True
            self._later(INTERVAL, partial(self._tell, room))

    def _tell(self, room: Room, _now: float) -> None:
        changes = room.changes
        event = self._crowd(room) if changes.crowded else self._changes(room)
        changes.due = changes.crowded = False
        changes.before.clear()
        changes.told = room.count
        if event is not None:
            changes.version += 1
            self._outgoing.notices.append((room, event))

    @staticmethod
    def _crowd(room: Room) -> Event | None:
        if room.count <= LISTED_MEMBERS:
            return room.snapshot()
        if room.count == room.changes.told:
            return None
        return PresenceEvent(room=room.name, count=room.count)

    @staticmethod
    def _changes(room: Room) -> Event | None:
        states = {user.name: state_of(member) for user, member in room.members.items()}
        lists: dict[str | None, list[str]] = {HERE: [], AWAY: [], None: []}
        for name, before in room.changes.before.items():
            after = states.get(name)
            if after != before:
                lists[after].append(name)
        if not any(lists.values()):
            return None
        return PresenceEvent(
            room=room.name,
            count=room.count,
            joined=lists[HERE],
            away=lists[AWAY],
            left=lists[None],
        )
