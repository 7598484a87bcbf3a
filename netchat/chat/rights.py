"""Rights: who may do what in a room. They are kept as one record a room, by identities' numbers.

A rank is what somebody is in a room, and each may do what those below it may. Whoever is nobody
here may enter a room that is not private, and write. Members may enter a private one. Moderators
invite, kick, ban, mute, slow the room down and set its topic. The owner, who has made the room,
names moderators and makes it private. Operators are accounts that the server's operator has named:
they may act everywhere. One acts on those below oneself only.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from netchat.chat.log import RecordRow

if TYPE_CHECKING:
    from netchat.chat.rooms import Room
    from netchat.chat.users import Identity

KIND = "rights"

MAX_MEMBERS = 1_000
"""Members of a room: its record has 8 KB then, and is written whole. A larger room is public."""

MAX_MODERATORS = 50
"""Moderators of a room: whoever needs more has several rooms."""

MAX_INVITED = 20
"""Invitations that wait for somebody: those behind the newest are not told any more."""

MAX_PACED = 10_000
"""Times kept of a room's slow mode; beyond it, the longest ago is forgotten."""


class Rank(IntEnum):
    """What somebody is in a room."""

    NONE = 0
    MEMBER = 1
    MODERATOR = 2
    OWNER = 3
    OPERATOR = 4

    @property
    def role(self) -> str | None:
        """As the protocol calls it; None for nobody."""
        return self.name.lower() if self else None


class Rights:
    """A room's rights. Numbers are those of identities."""

    __slots__ = ("invited", "members", "moderators", "owner", "paced", "private", "slow", "topic")

    def __init__(self, owner: int | None = None) -> None:
        self.owner = owner
        self.moderators: set[int] = set()
        self.members: set[int] = set()
        self.invited: dict[int, str] = {}
        """Who has been invited and not come yet, and by whom."""
        self.private = False
        self.slow = 0
        """Seconds between two messages of one user; 0: as fast as they like."""
        self.topic: str | None = None
        """Set in the chat; None: that of the configuration, if there is one."""
        self.paced: dict[int, float] = {}
        """When each last wrote, the longest ago first; kept while `slow` lasts."""

    def rank(self, identity: int) -> Rank:
        if identity == self.owner:
            return Rank.OWNER
        if identity in self.moderators:
            return Rank.MODERATOR
        return Rank.MEMBER if identity in self.members else Rank.NONE

    def place(self, identity: int, rank: Rank) -> None:
        """Make somebody this, and nothing else. The owner before becomes a moderator."""
        self.moderators.discard(identity)
        self.members.discard(identity)
        if identity == self.owner:
            self.owner = None
        if rank < Rank.MEMBER:
            self.invited.pop(identity, None)
        if rank == Rank.MEMBER:
            self.members.add(identity)
        elif rank == Rank.MODERATOR:
            self.moderators.add(identity)
        elif rank == Rank.OWNER:
            if self.owner is not None:
                self.moderators.add(self.owner)
            self.owner = identity

    def insiders(self) -> set[int]:
        """Who may enter although the room is private; operators apart."""
        owner = set() if self.owner is None else {self.owner}
        return owner | self.moderators | self.members

    def wait(self, identity: int, now: float) -> float:
        """Seconds until somebody may write again, by the room's slow mode; 0: now."""
        last = self.paced.get(identity)
        return 0.0 if last is None else max(0.0, last + self.slow - now)

    def wrote(self, identity: int, now: float) -> None:
        """Somebody has written. Those whose time is up are forgotten."""
        paced = self.paced
        paced.pop(identity, None)
        paced[identity] = now
        while (first := next(iter(paced))) != identity and (
            paced[first] + self.slow <= now or len(paced) > MAX_PACED
        ):
            del paced[first]


def rank_of(identity: Identity, room: Room | None = None) -> Rank:
    """What somebody is in a room; without one, on the server."""
    account = identity.account
    if account is not None and account.operator:
        return Rank.OPERATOR
    if room is None or room.rights is None:
        return Rank.NONE
    return room.rights.rank(identity.id)


class RightsRecord(Struct, frozen=True, omit_defaults=True):
    """What is kept of them; its key is the room's number."""

    owner: int | None = None
    moderators: list[int] = []
    members: list[int] = []
    invited: dict[int, str] = {}
    private: bool = False
    slow: int = 0
    topic: str | None = None


_decode = msgspec.json.Decoder(RightsRecord).decode


def rights_row(room: int, rights: Rights) -> RecordRow:
    """The row that keeps a room's rights."""
    record = RightsRecord(
        rights.owner,
        sorted(rights.moderators),
        sorted(rights.members),
        rights.invited,
        rights.private,
        rights.slow,
        rights.topic,
    )
    return RecordRow(KIND, str(room), msgspec.json.encode(record).decode())


def rights_of(value: str) -> Rights:
    """What a record's value says."""
    record = _decode(value)
    rights = Rights(record.owner)
    rights.moderators.update(record.moderators)
    rights.members.update(record.members)
    rights.invited.update(record.invited)
    rights.private, rights.slow, rights.topic = record.private, record.slow, record.topic
    return rights
