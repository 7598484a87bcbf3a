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


class Left(Event, tag="left"):
    room: str


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
            fatal=exc.fatal or fatal,
        )


class Bye(Event, tag="bye"):
    reason: str
    retry_after: float | None = None


EVENTS: dict[str, type[Event]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        Welcome, Joined, Left, Accepted, Message, Gap, Presence, HistoryPage, Members,
        RoomList, Typing, PasswordSet, Ping, Pong, Error, Bye,
    )
}  # fmt: skip


def _shorter(rows: list[Row]) -> list[Row]:
    """Three quarters of the rows, at least one."""
    return rows[: max(1, len(rows) * 3 // 4)]
