"""What an operator can ask of a running server, and what is answered: one class each.

Both sides are of one version, so this is no protocol: an unknown field is an error. Times are
milliseconds since the Unix epoch.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

import msgspec
from msgspec import Struct

PAGE = 200
"""Rows of one reply; whoever wants more asks again, with the last row's key as `after`."""


class AdminRequest(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag=True):
    """Base of all questions."""


class Sessions(AdminRequest):
    """Who is connected; with `name`, one user's connections only."""

    name: str | None = None
    after: str = ""


class Kick(AdminRequest):
    """Send a user away, with a reason: all its connections, or that of one session."""

    name: str
    session: str | None = None
    reason: str = ""


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
    """One connection."""

    session: str
    name: str
    address: str
    rooms: int


class SessionPage(AdminReply):
    """Rows by the users' names; `after` is where the next page goes on, empty at the end."""

    rows: list[SessionRow]
    after: str = ""


ADMIN_REQUESTS: tuple[type[AdminRequest], ...] = (Sessions, Kick)
ADMIN_REPLIES: tuple[type[AdminReply], ...] = (Done, Refusal, SessionPage)

encode = msgspec.json.Encoder().encode
decode_request = msgspec.json.Decoder(reduce(or_, ADMIN_REQUESTS)).decode
decode_reply = msgspec.json.Decoder(reduce(or_, ADMIN_REPLIES)).decode
