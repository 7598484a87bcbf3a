"""Events: everything that the chat tells a peer, replies and news alike, one class each.

Plain data, the same classes on the sending and the receiving side. Optional fields are left
out of the wire when they hold their default. Times are integers, milliseconds since the Unix
epoch, UTC.
"""

from __future__ import annotations

from typing import Any, Self, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from netchat.errors import RefusedError

LISTED_MEMBERS = 200
"""Rooms with more members than this tell their count only (see the protocol's `joined`)."""

Row = TypeVar("Row")


class Event(Struct, kw_only=True, omit_defaults=True, gc=False, tag_field="type"):
    """Base of all events. `ref` echoes the request's on its reply."""

    ref: str | None = None


class RoomInfo(Struct, kw_only=True, omit_defaults=True, gc=False):
    """One line of a list: a public room has `topic` and `count`, a private talk has `with_`."""

    room: str
    head: int
    topic: str | None = None
    count: int | None = None
    with_: str | None = field(name="with", default=None)


class Welcome(Event, tag="welcome"):
    version: int
    server: str
    name: str
    session: str
    token: str
    epoch: str
    heartbeat: int | float
    limits: dict[str, Any]
    talks: list[RoomInfo]
    account: bool = False
    """Whether one is logged in as an account."""
    registered: bool = False
    """Whether this very `hello` has made it one."""


class Joined(Event, tag="joined"):
    """`members` is None where the room has more than LISTED_MEMBERS."""

    room: str
    epoch: str
    head: int
    first: int
    count: int
    members: list[str] | None
    topic: str
    private: bool = False
    slow: int = 0
    """Seconds between two messages of one user; 0: as fast as they like."""
    role: str | None = None
    """What one is in this room oneself, where that is more than anybody."""


class Left(Event, tag="left"):
    """One has left a room. Unasked: one was put out, `by` whom and why."""

    room: str
    by: str | None = None
    reason: str = ""


class Accepted(Event, tag="accepted"):
    """A post is committed. `duplicate`: it had been before, with this seq and time."""

    id: str
    room: str
    seq: int
    time: int
    duplicate: bool = False


class Message(Event, tag="message"):
    """One entry of a room's log. `to` is set in private talks only."""

    room: str
    seq: int
    time: int
    sender: str = field(name="from")
    text: str
    id: str
    to: str | None = None


class Gap(Event, tag="gap"):
    """The seqs `start` to `to` will never come; `reason` is retention or epoch_changed."""

    room: str
    start: int = field(name="from")
    to: int
    reason: str
    epoch: str


class Presence(Event, tag="presence"):
    """Who came, fell away and left within the last second. `members` replaces the list."""

    room: str
    count: int
    joined: list[str] = field(default_factory=list)
    away: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    members: list[str] | None = None


class HistoryPage(Event, tag="history"):
    """Messages in ascending order; `complete`: no more in the direction asked for."""

    room: str
    messages: list[Message]
    complete: bool

    def cut(self) -> Self:
        """A shorter page, for one that would not fit a frame: the newest rows go."""
        return replace(self, messages=_shorter(self.messages), complete=False)


class HistoryBefore(HistoryPage, tag="history"):
    """A page that was asked for backwards: cut from its oldest side."""

    def cut(self) -> Self:
        kept = len(_shorter(self.messages))
        return replace(self, messages=self.messages[-kept:], complete=False)


class MemberInfo(Struct, kw_only=True, omit_defaults=True, gc=False):
    name: str
    since: int
    away: bool = False


class Members(Event, tag="members"):
    room: str
    members: list[MemberInfo]
    complete: bool

    def cut(self) -> Self:
        return replace(self, members=_shorter(self.members), complete=False)


class RoomList(Event, tag="rooms"):
    rooms: list[RoomInfo]
    complete: bool

    def cut(self) -> Self:
        return replace(self, rooms=_shorter(self.rooms), complete=False)


class Typing(Event, tag="typing"):
    sender: str = field(name="from")
    room: str | None = None


class PasswordSet(Event, tag="password"):
    """The password counts from now on; the name is an account's."""

    name: str


class Rights(Event, tag="rights"):
    """What holds in a room, as a reply or once it has changed. One's own `role`, and the `members`
    (by name, for those who may know), come with the reply only."""

    room: str
    owner: str | None = None
    moderators: list[str] = field(default_factory=list)
    private: bool = False
    slow: int = 0
    topic: str = ""
    role: str | None = None
    members: list[str] | None = None
    complete: bool = True

    def cut(self) -> Self:
        return replace(self, members=_shorter(self.members or []), complete=False)


class Invited(Event, tag="invited"):
    """One may enter this room; told at each login until one has."""

    room: str
    by: str


class Done(Event, tag="done"):
    """It is done, and on record under this number."""

    act: int


class ActInfo(Struct, kw_only=True, omit_defaults=True, gc=False):
    """Something that was done. `whom` is a user, a name, an address (as `kind` says), or what was
    set; `until` is when it ends, None: never, or at once."""

    act: int
    what: str
    by: str
    at: int
    kind: str = "user"
    whom: str = ""
    detail: str = ""
    reason: str = ""
    until: int | None = None
    room: str | None = None
    active: bool = False
    """A ban or a mute that holds."""
    undone_by: str | None = None


class ActPage(Event, tag="acts"):
    """The newest first."""

    acts: list[ActInfo]
    complete: bool

    def cut(self) -> Self:
        return replace(self, acts=_shorter(self.acts), complete=False)


class ActTold(Event, tag="act"):
    """Somebody in the room was kicked, banned, muted, or is no longer: news, never logged."""

    room: str
    what: str
    user: str
    by: str
    reason: str = ""
    until: int | None = None


class Ping(Event, tag="ping"):
    pass


class Pong(Event, tag="pong"):
    pass


class Error(Event, tag="error"):
    code: str
    message: str
    id: str | None = None
    field: str | None = None
    retry_after: float | None = None
    until: int | None = None
    fatal: bool = False

    @classmethod
    def of(
        cls,
        exc: RefusedError,
        *,
        ref: str | None = None,
        id: str | None = None,
        fatal: bool = False,
    ) -> Self:
        """The event that tells a peer of a refusal; `fatal` makes a mild one the last."""
        return cls(
            ref=ref,
            code=exc.code,
            message=exc.message,
            id=id,
            field=exc.field,
            retry_after=exc.retry_after,
            until=exc.until,
            fatal=exc.fatal or fatal,
        )


class Bye(Event, tag="bye"):
    reason: str
    retry_after: float | None = None


EVENTS: dict[str, type[Event]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        Welcome, Joined, Left, Accepted, Message, Gap, Presence, HistoryPage, Members,
        RoomList, Typing, PasswordSet, Rights, Invited, Done, ActPage, ActTold,
        Ping, Pong, Error, Bye,
    )
}  # fmt: skip


def _shorter(rows: list[Row]) -> list[Row]:
    """Three quarters of the rows, at least one."""
    return rows[: max(1, len(rows) * 3 // 4)]
