"""Damage that is found while a room's log is read: the room is closed, the others go on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from netchat.chat.events import Error
from netchat.chat.rooms import Room
from netchat.errors import LogDamaged

if TYPE_CHECKING:
    from netchat.chat.hub import Hub

log = logging.getLogger("netchat.chat")


def close_room(hub: Hub, room: Room, damage: LogDamaged) -> None:
    """From now on the room answers that it is damaged, as one does that was found so at start.
    Whoever was still to be fed from its log is told, and waits for nothing more."""
    if room.damaged:
        return
    log.error("The room %s is closed. %s", room.name, damage)
    room.damaged = damage.message
    for session, cursor in room.lagging.items():
        cursor.owed = 0
        hub.outgoing.reply(session, Error.of(damage))
        session.wake()
