"""Attendance: who enters and leaves which room, and whose place is held after a drop.

A dropped connection's user stays in its rooms as away, and keeps its name, for `hold`
seconds. Coming back by token gives the name at once and each room as it is joined again.
When the hold ends, the rooms that were not joined again are left, and the name is free
unless somebody is connected under it. `bye` frees everything at once.
"""

from __future__ import annotations

from functools import partial

from netchat.chat.directory import Directory
from netchat.chat.now import Later, Now
from netchat.chat.people import People
from netchat.chat.presence import AWAY, HERE, Presence, state_of
from netchat.chat.rooms import Member, Room
from netchat.chat.session import Session
from netchat.chat.users import User


class Attendance:
    """Keeps rooms' members and users' rooms in step, and the names with them."""

    def __init__(
        self,
        people: People,
        directory: Directory,
        presence: Presence,
        later: Later,
        hold: float,
    ) -> None:
        self._people = people
        self._directory = directory
        self._presence = presence
        self._later = later
        self._hold_seconds = hold
        for identity in list(people.names.values()):  # the holds of before a restart run anew
            if identity.user is not None:
                self._hold(identity.user)

    def enter(self, session: Session, room: Room, now: Now) -> None:
        """A session joins a room; its user is here from now on."""
        cursor, user = room.cursors.get(session), session.user
        assert user is not None
        if cursor is not None and cursor.joined:
            return
        member = room.members.get(user)
        before = state_of(member)
        if member is None:
            member = room.members[user] = Member(now.wall)
        member.present += 1
        if before == AWAY:
            user.away = tuple(other for other in user.away if other is not room)
        if before != HERE:
            self._presence.changed(room, user.identity.name, before)

    def leave(self, session: Session, room: Room) -> None:
        """A session leaves a room; its user with it, unless another session is there."""
        user = session.user
        assert user is not None
        room.detach(session)
        self._step_out(user, room, for_good=True)

    def put_out(self, user: User, room: Room) -> None:
        """A user is out of a room at once: all its sessions, and the place that is held for it."""
        for session in user.sessions:
            if session.has_joined(room):
                self.leave(session, room)
                session.wake()  # a `leave` may have waited for what is now not coming
        if room in user.away:
            user.away = tuple(other for other in user.away if other is not room)
            self._remove(user, room, AWAY)

    def dismiss(self, user: User) -> None:
        """Hold nothing any more for a user that is not connected."""
        if not user.sessions:
            self._free(user)

    def depart(self, session: Session, now: Now, *, bye: bool) -> None:
        """A session goes altogether: with `bye` for good, else its place is held."""
        user, session.user = session.user, None
        assert user is not None
        if session.token is not None:
            self._people.touch(session.token, now)
        user.sessions = tuple(other for other in user.sessions if other is not session)
        cursors, session.cursors = session.cursors, ()
        for cursor in cursors:
            cursor.room.detach(session)
            if cursor.joined and cursor.room.talk is None:
                self._step_out(user, cursor.room, for_good=bye)
        if not bye:
            self._hold(user)
        elif not user.sessions:
            self._free(user)

    def _step_out(self, user: User, room: Room, *, for_good: bool) -> None:
        member = room.members[user]
        member.present -= 1
        if member.present:
            return
        if for_good:
            self._remove(user, room, HERE)
        else:
            user.away += (room,)
            self._presence.changed(room, user.name, HERE)

    def _remove(self, user: User, room: Room, before: str) -> None:
        del room.members[user]
        self._presence.changed(room, user.name, before)
        if room.is_idle():
            self._directory.forget(room)

    # -- holds -------------------------------------------------------------------------------

    def _hold(self, user: User) -> None:
        user.drops += 1
        self._later(self._hold_seconds, partial(self._hold_ended, user, user.drops))

    def _hold_ended(self, user: User, drop: int, _now: float) -> None:
        if user.drops != drop or user.identity.user is not user:
            return
        self._leave_absent_rooms(user)
        if not user.sessions:
            self._people.free_name(user.identity)

    def _free(self, user: User) -> None:
        self._leave_absent_rooms(user)
        self._people.free_name(user.identity)

    def _leave_absent_rooms(self, user: User) -> None:
        rooms, user.away = user.away, ()
        for room in rooms:
            self._remove(user, room, AWAY)
