"""Entering and leaving a room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchat.chat import events, requests
from netchat.chat.now import Now
from netchat.chat.rights import rank_of
from netchat.chat.rooms import Room
from netchat.chat.session import Session
from netchat.chat.users import Identity
from netchat.errors import BadRequest, StoreFailed, TooManyRooms

if TYPE_CHECKING:
    from netchat.chat.hub import Hub

DEFAULT_BACKLOG = 50
"""Messages that a `join` brings where it does not say how many (the protocol)."""


def join(hub: Hub, session: Session, request: requests.Join, now: Now) -> None:
    if request.after is not None and request.backlog is not None:
        raise BadRequest("Give either 'after' or 'backlog', not both.", field="backlog")
    room, identity = _room_to_join(hub, session, request.room, now), session.identity
    if not room.talk:
        hub.attendance.enter(session, room, now)
    if room.rights is not None:
        hub.moderation.arrived(room, identity)
    hub.answer(session, _joined(hub, room, identity, request))
    cursor = room.attach(session, _first_to_send(hub, session, room, request))
    cursor.joined = True
    cursor.head = room.head
    cursor.seen = room.changes.version
    room.shown(identity.name)
    if not cursor.live:
        hub.outgoing.hungry[cursor] = None


def _joined(hub: Hub, room: Room, identity: Identity, request: requests.Join) -> events.Joined:
    rights = room.rights
    return events.Joined(
        ref=request.ref,
        room=room.name,
        epoch=hub.epoch,
        head=room.head,
        first=room.first,
        count=room.count,
        members=room.names(),
        topic=room.topic,
        private=rights is not None and rights.private,
        slow=rights.slow if rights is not None else 0,
        role=rank_of(identity, room).role,
    )


def _room_to_join(hub: Hub, session: Session, name: str, now: Now) -> Room:
    """The room, made if need be; a talk is there for its two parties only."""
    room = hub.room_of(session, name) if name.startswith("@") else hub.directory.find(name)
    if room is not None and room.damaged:
        raise StoreFailed(room.damaged)
    cursor = room.cursors.get(session) if room is not None else None
    if not (cursor and cursor.joined) and not (room and room.talk):
        _check_rooms(hub, session)
    if room is None:
        room = hub.directory.open(name)
        hub.moderation.founded(room, session.identity)
    hub.moderation.check_entry(session.identity, session.address, room, now.wall)
    return room


def _check_rooms(hub: Hub, session: Session) -> None:
    """Raises TooManyRooms. Talks do not count: they are open to their parties in any case."""
    if len(session.cursors) < hub.settings.rooms:
        return
    joined = sum(1 for cursor in session.cursors if cursor.joined and not cursor.room.talk)
    if joined >= hub.settings.rooms:
        raise TooManyRooms


def _first_to_send(hub: Hub, session: Session, room: Room, request: requests.Join) -> int:
    """The seq with which the backlog starts; tells of a gap where one cannot be filled."""
    if request.after is None:
        backlog = DEFAULT_BACKLOG if request.backlog is None else request.backlog
        start = max(room.first, room.head - backlog + 1)
        cursor = room.lagging.get(session)
        return start if cursor is None else min(start, cursor.next)  # it still owes those between
    other_log = request.epoch is not None and request.epoch != hub.epoch
    if other_log or request.after > room.head:
        if request.after > 0:
            hub.answer(session, _gap(hub, room, 1, request.after, "epoch_changed"))
        return room.first
    if request.after + 1 < room.first:
        hub.answer(session, _gap(hub, room, request.after + 1, room.first - 1, "retention"))
    return max(request.after + 1, room.first)


def _gap(hub: Hub, room: Room, start: int, to: int, reason: str) -> events.Gap:
    return events.Gap(room=room.name, start=start, to=to, reason=reason, epoch=hub.epoch)


def leave(hub: Hub, session: Session, request: requests.Leave, now: Now) -> None:
    room = hub.joined_room(session, request.room)
    if room.talk:
        room.cursors[session].joined = False  # its messages come without `join` all the same
    else:
        hub.attendance.leave(session, room)
    hub.answer(session, events.Left(ref=request.ref, room=room.name))
