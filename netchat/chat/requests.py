"""Requests: everything that a peer can ask of the chat, one class each.

Plain data. The types say what the wire's decode boundary checks; the hub checks what only
it can know (is this a room, may this name be taken). Ranges are those of the protocol: a
number outside of its range is refused, never clamped.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_INTEGER = 2**53 - 1
"""JSON numbers are exact up to here in every language (RFC 8259, section 6)."""

MAX_LABEL = 64
"""Code points of a `ref` and of a post's `id` (the protocol)."""

MAX_BACKLOG = 300
MAX_HISTORY = 300
"""Messages that one `join` brings, and one page of `history` (the protocol)."""

MAX_REASON = 300
"""Code points of a reason and of a topic: two lines of a terminal, as IRC has them."""

MAX_SLOW = 21_600
"""Seconds of slow mode: beyond six hours a room is better muted."""

MAX_SECONDS = 10 * 365 * 24 * 3_600
"""Seconds of a ban or a mute: ten years; one without is for good."""

Ref = Annotated[str, Meta(min_length=1, max_length=MAX_LABEL)]
PostId = Annotated[str, Meta(min_length=1, max_length=MAX_LABEL)]
Seq = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
Reason = Annotated[str, Meta(max_length=MAX_REASON)]
Seconds = Annotated[int, Meta(ge=1, le=MAX_SECONDS)]
Role = Literal["owner", "moderator", "member", "none"]
Integer = Annotated[int, Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]


class Request(
    Struct,
    kw_only=True,
    omit_defaults=True,
    gc=False,
    tag_field="type",
    forbid_unknown_fields=True,  # see `wire.messages`: they are ignored, but looked into
):
    """Base of all requests. `ref` is echoed on the reply, success or error."""

    ref: Ref | None = None


class Hello(Request, tag="hello"):
    """Log in under a name; `token` takes back an earlier identity."""

    version: Integer
    name: str
    password: str | None = None
    token: str | None = None
    client: str | None = None


class Join(Request, tag="join"):
    """Enter a room. `after` resumes behind a seq; else the last `backlog` messages come."""

    room: str
    after: Seq | None = None
    epoch: str | None = None
    backlog: Annotated[int, Meta(ge=0, le=MAX_BACKLOG)] | None = None


class Leave(Request, tag="leave"):
    """Leave a room."""

    room: str


class Post(Request, tag="post"):
    """Write to a room, or privately `to` a user. `id` is the sender's idempotency key."""

    text: str
    id: PostId
    room: str | None = None
    to: str | None = None


class History(Request, tag="history"):
    """Ask for a page of a room's log; `before` and `after` are exclusive."""

    room: str
    before: Seq | None = None
    after: Seq | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_HISTORY)] = 100


class Who(Request, tag="who"):
    """Ask who is in a room; `after` is the last name of the page before."""

    room: str
    after: str | None = None


class Rooms(Request, tag="rooms"):
    """List the public rooms, or one's private talks."""

    after: str | None = None
    talks: bool = False


class Typing(Request, tag="typing"):
    """Say that one is writing; there is no reply."""

    room: str | None = None
    to: str | None = None


class Password(Request, tag="password"):
    """Give oneself a password: a guest becomes an account. An account says the `old` one, too."""

    password: str
    old: str | None = None


class Rights(Request, tag="rights"):
    """Ask who may do what in a room; `after` is the last member of the page before."""

    room: str
    after: str | None = None


class Set(Request, tag="set"):
    """Change what holds in a room: who may come in, the pace, the topic."""

    room: str
    private: bool | None = None
    slow: Annotated[int, Meta(ge=0, le=MAX_SLOW)] | None = None
    topic: Annotated[str, Meta(max_length=MAX_REASON)] | None = None


class SetRole(Request, tag="role"):
    """Say what somebody is in a room."""

    room: str
    user: str
    role: Role


class Invite(Request, tag="invite"):
    """Let somebody into a room, and tell it so."""

    room: str
    user: str


class Kick(Request, tag="kick"):
    """Put somebody out, of a room or of the server; it may come back."""

    user: str
    room: str | None = None
    reason: Reason = ""


class Ban(Request, tag="ban"):
    """Keep out a user, whoever has a name, or an address: of a room or of the server."""

    room: str | None = None
    user: str | None = None
    name: str | None = None
    address: str | None = None
    reason: Reason = ""
    seconds: Seconds | None = None


class Mute(Request, tag="mute"):
    """Let somebody write nothing, in a room or anywhere."""

    user: str
    room: str | None = None
    reason: Reason = ""
    seconds: Seconds | None = None


class Undo(Request, tag="undo"):
    """End a ban or a mute; `act` is its number."""

    act: Annotated[int, Meta(ge=1, le=MAX_INTEGER)]


class Acts(Request, tag="acts"):
    """List what was done in a room, or to the server, the newest first; `after` is the last number
    of the page before."""

    room: str | None = None
    after: Annotated[int, Meta(ge=1, le=MAX_INTEGER)] | None = None


class Ping(Request, tag="ping"):
    """Ask for a pong: everything asked before has been answered when it comes."""


class Pong(Request, tag="pong"):
    """Answer the server's ping; there is no reply."""


class Bye(Request, tag="bye"):
    """Leave in good order: the name is free at once."""


REQUESTS: dict[str, type[Request]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        Hello, Join, Leave, Post, History, Who, Rooms, Typing, Password,
        Rights, Set, SetRole, Invite, Kick, Ban, Mute, Undo, Acts, Ping, Pong, Bye,
    )
}  # fmt: skip

PAGES = frozenset({Join, Who, Rooms, History, Rights, Acts})
"""Those that are answered by a page."""
