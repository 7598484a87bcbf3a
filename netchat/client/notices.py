"""Notices: what the client itself has to say, beside the server's events.

Plain data. Every sentence in them may be the server's or the system's; make it harmless
before it is shown to a person.
"""

from __future__ import annotations

from msgspec import Struct

from netchat.chat.events import Event
from netchat.chat.requests import Post


class Online(Struct, kw_only=True, frozen=True):
    """Logged in as `name`. `resumed`: under the identity that one had before.

    Where a reconnect is not resumed, the identity is new, and ids count anew: `doubtful` posts
    were under way when the connection broke and are sent again, perhaps for a second time.
    `registered`: this login has made the name an account.
    """

    name: str
    resumed: bool
    doubtful: int = 0
    account: bool = False
    registered: bool = False


class CaughtUp(Struct, kw_only=True, frozen=True):
    """After a reconnect: all rooms are joined again. `whole`: no gap was told of."""

    whole: bool


class Offline(Struct, kw_only=True, frozen=True):
    """There is no connection; the next try is `retry_in` seconds away. `code`: the server's."""

    reason: str
    retry_in: float
    code: str | None = None


class NameRefused(Struct, kw_only=True, frozen=True):
    """The server did not take the name; `login` with another one. `password`: or with the
    account's password, which was not given, or was wrong."""

    name: str
    code: str
    message: str
    password: bool = False


class Delayed(Struct, kw_only=True, frozen=True):
    """The server takes nothing at the moment; what it refused is sent again by itself."""

    code: str
    message: str
    retry_in: float


class Failed(Struct, kw_only=True, frozen=True):
    """A post was refused for good; nothing of it is stored."""

    post: Post
    code: str
    message: str


class OutboxTrouble(Struct, kw_only=True, frozen=True):
    """Something is wrong with the outbox on disk, or is all right again. `kept`: whether what
    is posted from here on, and all that is not answered, is on disk."""

    message: str
    kept: bool


class Closed(Struct, kw_only=True, frozen=True):
    """It is over: our `bye` was answered (`code` None), or the server sent us away."""

    message: str
    code: str | None = None


Notice = Online | CaughtUp | Offline | NameRefused | Delayed | Failed | OutboxTrouble | Closed
News = Event | Notice
"""Everything that a client hands out."""
