"""Outgoing: what a tick has to tell, on its way out. The hub fills it, delivery empties it."""

from __future__ import annotations

from netchat.chat.events import Event
from netchat.chat.rooms import Cursor, Room
from netchat.chat.session import Session
from netchat.chat.users import User


class Outgoing:
    """The queues that delivery empties, in this order, once a tick."""

    __slots__ = ("closes", "dirty", "hungry", "notices", "replies", "whispers")

    def __init__(self) -> None:
        self.replies: dict[Session, list[Event]] = {}
        """Per session, in the order of its requests; they go before any room's events."""
        self.closes: dict[Session, None] = {}
        """Sessions that close once their replies have been flushed."""
        self.notices: list[tuple[Room, Event]] = []
        """Presence and typing: to a room's live readers, never logged."""
        self.whispers: list[tuple[User, Event]] = []
        """Typing notices to one user, dropped where it is not reading."""
        self.hungry: dict[Cursor, None] = {}
        """Lagging cursors that can be fed."""
        self.dirty: dict[Room, None] = {}
        """Rooms with committed messages that are not yet published."""

    def reply(self, session: Session, event: Event) -> None:
        """Tell one session something, unless it has been told its last word."""
        if session.closing:
            return
        replies = self.replies.get(session)
        if replies is None:
            self.replies[session] = [event]
        else:
            replies.append(event)
