"""Who is here: identities, the users they become, and the tokens that bring them back."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netchat.chat.rooms import Member, Room
    from netchat.chat.session import Session

TOKEN_LIFE_MS = 30 * 24 * 3600 * 1000
"""A token stands for its identity for 30 days after its last use (the protocol)."""


class Identity:
    """Somebody, here or not: owner of ids, private talks and a name. Never reused."""

    __slots__ = ("id", "key", "name", "talks", "user")

    def __init__(self, id: int, key: str, name: str) -> None:
        self.id = id
        self.key = key
        self.name = name
        self.talks: dict[int, Room] = {}
        """Private talks by the other's identity, the most recently active last."""
        self.user: User | None = None
        """Set while it is here or its name is held."""


class User:
    """An identity that is here, or whose name is held for its return."""

    __slots__ = ("drops", "identity", "rooms", "sessions", "typed")

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.sessions: dict[Session, None] = {}
        self.drops = 0
        """Connections that dropped so far: only the last one's hold counts."""
        self.rooms: dict[Room, Member] = {}
        self.typed: dict[object, float] = {}
        """When a typing notice was last passed on, by room or by name."""

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
