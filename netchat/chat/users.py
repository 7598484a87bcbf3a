"""Who is here: identities, the users they become, and the tokens that bring them back."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from netchat.chat.few import Few, add, pack, unpack

if TYPE_CHECKING:
    from netchat.chat.limits import Pace
    from netchat.chat.rooms import Room
    from netchat.chat.session import Session

MAX_CLIENT = 64
"""Characters that are kept of what a client calls itself."""


class Identity(Struct, eq=False, gc=False):
    """Somebody, here or not: owner of ids, private talks and a name. Never reused.

    Not the collector's, nor are its user and its tokens: there is one of each a connection, and
    `user` is set back in the end.
    """

    id: int
    key: str
    name: str
    _talks: dict[int, Room] | None = None
    account: Account | None = None
    """Its password and its devices; a guest has none."""
    user: User | None = None
    """Set while it is here or its name is held."""

    def talk_with(self, other: Identity) -> Room | None:
        """The private talk with somebody, if there is one."""
        return self._talks.get(other.id) if self._talks else None

    def talked(self, other: Identity, room: Room) -> None:
        """Something happened in the talk with `other`: it is the newest one now."""
        if self._talks is None:
            self._talks = {}
        self._talks.pop(other.id, None)
        self._talks[other.id] = room

    def end_talk(self, other: Identity) -> None:
        """The talk with `other` never was."""
        if self._talks is not None:
            self._talks.pop(other.id, None)

    def talks(self) -> Iterable[Room]:
        """Private talks, the newest first."""
        return reversed(self._talks.values()) if self._talks else ()


class User(Struct, eq=False, gc=False):
    """An identity that is here, or whose name is held for its return."""

    identity: Identity
    _sessions: Few[Session] = None
    drops: int = 0
    """Connections that dropped so far: only the last one's hold counts."""
    away: tuple[Room, ...] = ()
    """Rooms in which it stands without a session, for as long as its hold lasts."""
    typed: dict[object, float] | None = None
    """When a typing notice was last passed on, by room or by identity."""
    pace: Pace | None = None
    """How fast it goes, if that is limited and it has no account."""

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Those that are connected."""
        return unpack(self._sessions)

    @sessions.setter
    def sessions(self, sessions: tuple[Session, ...]) -> None:
        self._sessions = pack(sessions)

    def come(self, session: Session) -> None:
        """It is connected once more."""
        self._sessions = add(self._sessions, session)

    @property
    def name(self) -> str:
        return self.identity.name


class Device(Struct, frozen=True):
    """For whom a token was given: the client, where it was, when (ms since the epoch)."""

    client: str
    address: str
    since: int

    @classmethod
    def of(cls, client: str | None, address: str, since: int) -> Self:
        return cls((client or "")[:MAX_CLIENT], address, since)


class Account:
    """What makes an identity an account. `password` is what is kept of it: a hash."""

    __slots__ = ("devices", "disabled", "operator", "pace", "password", "since")

    def __init__(
        self, password: str, since: int, disabled: bool = False, operator: bool = False
    ) -> None:
        self.password = password
        self.since = since
        self.disabled = disabled
        self.operator = operator
        """It may act in every room, and on the server as a whole."""
        self.devices: dict[bytes, Token] = {}
        """Its tokens, by hash."""
        self.pace: Pace | None = None
        """How fast it goes on all of them, once it has been here."""

    def knows(self, address: str) -> bool:
        """Whether a device of its own logged in from there."""
        return any(t.device and t.device.address == address for t in self.devices.values())


class Token(Struct, eq=False, gc=False):
    """A token on record: whose it is and when it was last used (ms since the epoch)."""

    identity: Identity
    used: int
    device: Device | None = None
    """For an account: where it is in use."""


def token_hash(token: str) -> bytes:
    """What is kept of a token. A lookup by hash does not leak by timing what is on record."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
