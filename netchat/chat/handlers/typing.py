"""Typing notices: passed on or not, never answered, never logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchat.chat import events, requests
from netchat.chat.now import Now
from netchat.chat.session import Session
from netchat.chat.users import User
from netchat.errors import RefusedError

if TYPE_CHECKING:
    from netchat.chat.hub import Hub

INTERVAL = 3.0
"""Seconds between the notices of a user to a room that are passed on (the protocol)."""

MEMORY = 64
"""Times kept of a user; nobody types in more rooms than that at once."""


def typing(hub: Hub, session: Session, request: requests.Typing, now: Now) -> None:
    """Pass a notice on, or not: whatever is wrong with it, there is no reply."""
    try:
        if request.to is not None:
            _to_user(hub, session, request.to, now)
        elif request.room is not None:
            _to_room(hub, session, request.room, now)
    except RefusedError:
        return


def _to_user(hub: Hub, session: Session, name: str, now: Now) -> None:
    other = hub.holder(name)
    assert session.user is not None
    if other.user is not None and _is_due(session.user, other, now):
        hub.outgoing.whispers.append((other.user, events.Typing(sender=session.user.name)))


def _to_room(hub: Hub, session: Session, name: str, now: Now) -> None:
    room, user = hub.open_room(session, name), session.user
    assert user is not None
    if room.rights is not None or hub.moderation.server_mutes:
        hub.moderation.check_voice(user.identity, room, now.wall)
    if room.count > events.LISTED_MEMBERS or not _is_due(user, room, now):
        return
    event = events.Typing(sender=user.name, room=room.name)
    if room.talk is None:
        hub.outgoing.notices.append((room, event))
    elif (other := room.other(user.identity).user) is not None:
        hub.outgoing.whispers.append((other, event))


def _is_due(user: User, target: object, now: Now) -> bool:
    if user.typed is None:
        user.typed = {}
    last = user.typed.get(target)
    if last is not None and now.monotonic - last < INTERVAL:
        return False
    user.typed.pop(target, None)
    user.typed[target] = now.monotonic
    if len(user.typed) > MEMORY:
        del user.typed[next(iter(user.typed))]
    return True
