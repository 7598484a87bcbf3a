"""Rooms: an ordered log with members, and each session's cursor in it.

Positions. `committed` is how far the log is on disk, `published` how far its live members
have been handed it; `fresh` holds what lies between. Everything a client is told uses
`published`, which moves only in delivery.

Cursors. A live cursor stands at `published + 1` by definition and gets each slice as it is
published. A lagging one has its own `next` seq and is fed from the log until it has caught
up. A member costs one entry either way, however much it has still to read.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from netchat.chat.events import LISTED_MEMBERS, Message, Presence
from netchat.chat.rights import Rights
from netchat.chat.session import Session
from netchat.chat.users import Identity, User

SHOWN = "shown"
"""Takes the place of the state before a change that somebody was shown meanwhile: no state is
equal to it, so what comes of the change is told in any case."""


class Member(Struct, eq=False, gc=False):
    """A user in a room: here while a session of it has joined, else away while held."""

    since: int
    present: int = 0
    """Its sessions that have joined."""


class Cursor(Struct, eq=False, gc=False):
    """One session's place in one room's log. Not the collector's: `detach` ends the ring."""

    session: Session
    room: Room
    next: int = 0
    """The seq to read next; holds while lagging, a live cursor's is `published + 1`."""
    live: bool = False
    head: int = 0
    """The head that `joined` told: a peer that ends its input is fed up to here."""
    joined: bool = False
    """Whether `join` was asked for: a private talk is delivered without it."""
    owed: int = 0
    """The newest own seq: `leave` and `bye` wait until it has been handed out."""
    seen: int = 0
    """The room's presence version up to which this reader knows it."""


class Changes:
    """What changed in a room's presence since the last notice; see `chat.presence`."""

    __slots__ = ("before", "crowded", "due", "told", "version")

    def __init__(self) -> None:
        self.before: dict[str, str | None] = {}
        """Names that changed, with their state before the first change."""
        self.crowded = False
        """The room had more members than are listed at some point since."""
        self.due = False
        self.told = 0
        """The count that was told last."""
        self.version = 0
        """Counts notices, so that a reader that missed one can be told so."""


class Room:
    """A named log with its members; also a private talk between the two of `talk`."""

    __slots__ = (
        "active", "authors", "changes", "committed", "cursors", "damaged", "fresh", "fresh_bytes",
        "id", "key", "lagging", "live", "members", "name", "oldest", "published", "rights",
        "stored", "talk", "topic",
    )  # fmt: skip

    def __init__(self, id: int, key: str, name: str, topic: str = "") -> None:
        self.id = id
        self.key = key
        self.name = name
        self.topic = topic
        self.oldest = 1
        """The oldest seq that the log still holds, its next one where it holds none."""
        self.committed = 0
        self.published = 0
        self.active = 0
        self.fresh: list[Message] = []
        self.authors: list[Session] = []
        """Who posted the fresh messages, one by one."""
        self.fresh_bytes = 0
        """What they take, as their posts counted."""
        self.stored = False
        """The log has a row for this room, or a batch that is on its way has."""
        self.damaged: str | None = None
        self.talk: tuple[Identity, Identity] | None = None
        self.rights: Rights | None = None
        """Who may do what here; None where anybody may do everything that anybody can."""
        self.members: dict[User, Member] = {}
        self.cursors: dict[Session, Cursor] = {}
        """Everybody's who reads here: live, lagging, or owed nothing more."""
        self.live: dict[Any, dict[Any, Cursor]] = {}
        """Live cursors by wire and outlet: a slice is one blob a wire, for all its outlets."""
        self.lagging: dict[Session, Cursor] = {}
        self.changes = Changes()

    @property
    def head(self) -> int:
        return self.published

    @property
    def first(self) -> int:
        """The oldest seq that is still to be had. What is not yet published still goes out, even
        if the log holds it no more."""
        return min(self.oldest, self.published + 1)

    @property
    def count(self) -> int:
        return 2 if self.talk else len(self.members)

    def names(self) -> list[str] | None:
        """Who is listed as here; None in a crowd."""
        if self.talk:
            return [identity.name for identity in self.talk]
        if len(self.members) > LISTED_MEMBERS:
            return None
        return [user.name for user in self.members]

    def is_idle(self) -> bool:
        """Nobody is here and nothing is on record: the room may be forgotten."""
        return not (self.members or self.stored or self.talk)

    def other(self, identity: Identity) -> Identity:
        """The other party of a private talk."""
        assert self.talk is not None
        first, second = self.talk
        return second if identity is first else first

    # -- cursors ---------------------------------------------------------------------------

    def attach(self, session: Session, next_seq: int) -> Cursor:
        """Place a session's cursor at `next_seq`, live if that is what comes next."""
        cursor = self.cursors.get(session)
        if cursor is None:
            cursor = self.cursors[session] = Cursor(session, self)
            session.place(cursor)
            cursor.seen = self.changes.version
        if next_seq <= self.published or session.slow or session.ended:
            self.move_to_lagging(cursor, next_seq)
        elif not cursor.live:
            cursor.next = next_seq
            self.move_to_live(cursor)
        return cursor

    def detach(self, session: Session) -> None:
        """Forget a session's cursor."""
        cursor = self.cursors.pop(session, None)
        if cursor is not None:
            session.cursors = tuple(other for other in session.cursors if other is not cursor)
            self.retire(cursor)

    def retire(self, cursor: Cursor) -> None:
        """Hand a cursor nothing more: its peer has ended its input, and is owed nothing."""
        self._unlive(cursor)
        self.lagging.pop(cursor.session, None)

    def move_to_lagging(self, cursor: Cursor, next_seq: int) -> None:
        """Take a cursor off the live feed; its place in the log is `next_seq`."""
        self._unlive(cursor)
        cursor.next = next_seq
        self.lagging[cursor.session] = cursor

    def move_to_live(self, cursor: Cursor) -> None:
        """Put a cursor that has caught up onto the live feed."""
        self.lagging.pop(cursor.session, None)
        cursor.live = True
        self.live.setdefault(cursor.session.wire, {})[cursor.session.outlet] = cursor

    def _unlive(self, cursor: Cursor) -> None:
        if cursor.live:
            cursor.live = False
            wire = cursor.session.wire
            members = self.live[wire]
            del members[cursor.session.outlet]
            if not members:
                del self.live[wire]

    # -- presence --------------------------------------------------------------------------

    def shown(self, own: str | None = None) -> None:
        """Somebody was told between two notices how things are: what has changed by now goes
        out, even if it changes back. Not so the `own` name of one who has just come: to others
        it has not been shown."""
        changes = self.changes
        if changes.crowded and self.count != changes.told:
            changes.told = 0
        for name in changes.before:
            if name != own:
                changes.before[name] = SHOWN

    def snapshot(self) -> Presence:
        """The whole presence, for a reader that missed a notice: it replaces its list."""
        event = Presence(room=self.name, count=self.count, members=self.names())
        if event.members is not None:
            away = [user.name for user, member in self.members.items() if not member.present]
            event = replace(event, away=away)
        return event
