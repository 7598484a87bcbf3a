"""What an operator can ask of a running server, and what is answered: one class each.

Both sides are of one version, so this is no protocol: an unknown field is an error. Times are
milliseconds since the Unix epoch.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

import msgspec
from msgspec import Struct

from netchat.chat.requests import Reason, Seconds

PAGE = 200
"""Rows of one reply; whoever wants more asks again, with the last row's key as `after`."""


class AdminRequest(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag=True):
    """Base of all questions."""


class Sessions(AdminRequest):
    """Who is connected; with `name`, the devices of this account, or this guest."""

    name: str | None = None
    after: str = ""


class Kick(AdminRequest):
    """Send a user away from all its connections, with a reason. It may come back."""

    name: str
    reason: str = ""


class Users(AdminRequest):
    """All accounts, by name."""

    after: str = ""


class AddUser(AdminRequest):
    """Make an account."""

    name: str
    password: str


class SetPassword(AdminRequest):
    """Give an account another password; its devices are logged out."""

    name: str
    password: str


class DisableUser(AdminRequest):
    """Let nobody in by this account, until it is enabled again; its devices are logged out."""

    name: str
    reason: str = ""


class EnableUser(AdminRequest):
    """Let it in again."""

    name: str


class SetOperator(AdminRequest):
    """Let an account act in every room and on the whole server, or no longer."""

    name: str
    operator: bool


class RemoveUser(AdminRequest):
    """Forget an account; the name is free. What was written under it stays."""

    name: str
    reason: str = ""


class Revoke(AdminRequest):
    """Log one device of an account out; `device` is the row's `id`, or how it begins."""

    name: str
    device: str


class AddToken(AdminRequest):
    """Make a token for an account; where there is none of this name, one without a password. With
    a `room` it is a webhook's."""

    name: str
    room: str = ""


class Tokens(AdminRequest):
    """All tokens, by their ids."""

    after: str = ""


class RevokeToken(AdminRequest):
    """Make a token worthless; `id` is the row's, or how it begins."""

    id: str


class Acts(AdminRequest):
    """What moderators and operators have done, the newest first: in a room, or (None) anywhere.
    `after` is the number of the last page's last act."""

    room: str | None = None
    after: int = 0


class Ban(AdminRequest):
    """Keep out of the server: an account or whoever holds a name now (`user`), whoever comes by a
    `name`, or an `address`; one of the three."""

    user: str | None = None
    name: str | None = None
    address: str | None = None
    reason: Reason = ""
    seconds: Seconds | None = None


class Undo(AdminRequest):
    """End a ban or a mute; `act` is its number."""

    act: int


class AdminReply(Struct, kw_only=True, omit_defaults=True, tag=True):
    """Base of all answers."""


class Done(AdminReply):
    """It is done; `note` says what came of it, where that is not plain."""

    note: str = ""


class Refusal(AdminReply):
    """It is not done. The codes are those of `errors`."""

    code: str
    message: str


class SessionRow(Struct, kw_only=True, omit_defaults=True):
    """A device of an account, connected or not; or a guest's connection."""

    id: str
    name: str
    address: str
    here: bool
    client: str = ""
    since: int | None = None
    used: int | None = None


class SessionPage(AdminReply):
    """Rows by the users' names; `after` is where the next page goes on, empty at the end."""

    rows: list[SessionRow]
    after: str = ""


class UserRow(Struct, kw_only=True, omit_defaults=True):
    """One account."""

    name: str
    since: int
    devices: int
    here: bool
    disabled: bool = False
    operator: bool = False


class UserPage(AdminReply):
    """Rows by name; `after` as in SessionPage."""

    rows: list[UserRow]
    after: str = ""


class TokenMade(AdminReply):
    """The token: it is told this once."""

    secret: str


class TokenRow(Struct, kw_only=True, omit_defaults=True):
    """One token."""

    id: str
    name: str
    since: int
    room: str = ""


class TokenPage(AdminReply):
    """Rows by id; `after` as in SessionPage."""

    rows: list[TokenRow]
    after: str = ""


class ActRow(Struct, kw_only=True):
    """One act, as the protocol's `acts` has them; `room` is None for the whole server."""

    act: int
    what: str
    by: str
    at: int
    kind: str
    whom: str
    room: str | None
    detail: str
    reason: str
    until: int | None
    active: bool
    undone_by: str | None


class ActPage(AdminReply):
    """Rows by number, the newest first; `after` is where the next page goes on, 0 at the end."""

    rows: list[ActRow]
    after: int = 0


ADMIN_REQUESTS: tuple[type[AdminRequest], ...] = (
    Sessions, Kick, Users, AddUser, SetPassword, DisableUser, EnableUser, SetOperator, RemoveUser,
    Revoke, AddToken, Tokens, RevokeToken, Acts, Ban, Undo,
)  # fmt: skip
ADMIN_REPLIES: tuple[type[AdminReply], ...] = (
    Done, Refusal, SessionPage, UserPage, TokenMade, TokenPage, ActPage,
)  # fmt: skip

encode = msgspec.json.Encoder().encode
decode_request = msgspec.json.Decoder(reduce(or_, ADMIN_REQUESTS)).decode
decode_reply = msgspec.json.Decoder(reduce(or_, ADMIN_REPLIES)).decode
