"""Lists: who is in a room, which rooms there are, one's private talks."""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING

from netchat.chat import events, requests
from netchat.chat.names import page_key
from netchat.chat.now import Now
from netchat.chat.rooms import Room
from netchat.chat.session import Session
from netchat.chat.settings import PAGE_ROWS
from netchat.chat.users import Identity
from netchat.errors import NoSuchRoom

if TYPE_CHECKING:
    from netchat.chat.hub import Hub


def who(hub: Hub, session: Session, request: requests.Who, now: Now) -> None:
    room = hub.joined_room(session, request.room)
    after = "" if request.after is None else page_key(request.after, room=False)
    everybody = room.talk or [user.identity for user in room.members]
    behind = [identity for identity in everybody if identity.key > after]
    page = nsmallest(PAGE_ROWS, behind, key=lambda identity: identity.key)
    hub.answer(
        session,
        events.Members(
            ref=request.ref,
            room=room.name,
            members=[_member_info(room, identity) for identity in page],
            complete=len(page) == len(behind),
        ),
    )


def _member_info(room: Room, identity: Identity) -> events.MemberInfo:
    """A row of `members`. Nobody enters a talk: its newest message stands for `since`."""
    user = identity.user
    if room.talk:
        here = user is not None and bool(user.sessions)
        return events.MemberInfo(name=identity.name, since=room.active, away=not here)
    assert user is not None
    member = room.members[user]
    return events.MemberInfo(name=user.name, since=member.since, away=not member.present)


def rooms(hub: Hub, session: Session, request: requests.Rooms, now: Now) -> None:
    if request.talks:
        rows = talks_of(session.identity)
        if request.after is not None:
            rows = rows[_place_of(rows, request.after) :]
    else:
        after = "" if request.after is None else page_key(request.after, room=True)
        listed = hub.moderation.listed(session.identity, after, PAGE_ROWS + 1)
        rows = [_room_info(room) for room in listed]
    page = rows[:PAGE_ROWS]
    complete = len(page) == len(rows)
    hub.answer(session, events.RoomList(ref=request.ref, rooms=page, complete=complete))


def _room_info(room: Room) -> events.RoomInfo:
    return events.RoomInfo(room=room.name, topic=room.topic, count=room.count, head=room.head)


def _place_of(rows: list[events.RoomInfo], name: str) -> int:
    """Where the page behind the talk `name` starts."""
    for place, row in enumerate(rows, start=1):
        if row.room == name:
            return place
    raise NoSuchRoom


def talks_of(identity: Identity) -> list[events.RoomInfo]:
    """Private talks in which something was said, newest first."""
    return [
        events.RoomInfo(room=room.name, with_=room.other(identity).name, head=room.head)
        for room in identity.talks()
        if room.head
    ]
