"""Who is here: identities, the users they become, and the tokens that bring them back."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netchat.chat.rooms import Room
    from netchat.chat.session import Session


class Identity:
    """Somebody, here or not: owner of ids, private talks and a name. Never reused."""

    __slots__ = ("_talks", "id", "key", "name", "user")

    def __init__(self, id: int, key: str, name: str) -> None:
        self.id = id
        self.key = key
        self.name = name
        self._talks: dict[int, Room] | None = None
        self.user: User | None = None
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

    def talks(self) -> Iterable[Room]:
        """Private talks, the newest first."""
        return reversed(self._talks.values()) if self._talks else ()


class User:
    """An identity that is here, or whose name is held for its return."""

    __slots__ = ("away", "drops", "identity", "sessions", "typed")

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.sessions: tuple[Session, ...] = ()
        self.drops = 0
        """Connections that dropped so far: only the last one's hold counts."""
        self.away: tuple[Room, ...] = ()
        """Rooms in which it stands without a session, for as long as its hold lasts."""
        self.typed: dict[object, float] | None = None
        """When a typing notice was last passed on, by room or by identity."""

    @property
    def name(self) -> str:
        return self.identity.name


class Token:
    """A token on record: whose it is and when it was last used (ms since the epoch)."""

    __slots__ = ("identity", "used")

    def __init__(self, identity: Identity, used: int) -> None:
        self.identity = identity
        self.used = used


def token_hash(token: str) -> bytes:
    """What is kept of a token. A lookup by hash does not leak by timing what is on record."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
