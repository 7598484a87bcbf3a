"""A room with everybody in it who may be in one: who is what, and how they come."""

from __future__ import annotations

from netchat.chat.requests import SetRole
from netchat.chat.settings import ChatSettings
from tests.chat.support import Chat, Peer

PASSWORD = "correct horse"
ROOM = "den"

UNLIMITED = ChatSettings(limited=False)
"""More accounts are made here than one address may make."""


def account(chat: Chat, name: str, *rooms: str, where: str = "") -> Peer:
    """Somebody with an account, as at a first visit or at a later one."""
    return chat.enter(name, *rooms, password=PASSWORD, where=where)


def operator(chat: Chat, name: str = "oda", *rooms: str) -> Peer:
    """Somebody who may act everywhere."""
    peer = account(chat, name, *rooms)
    chat.hub.accounts.set_operator(peer.identity, True)
    return peer


class Cast:
    """`olga` owns the den; `mo` and `max` are moderators, `mia` is a member, `una` has an account,
    `gus` is a guest, `oda` an operator. All are in it, and have been told of that."""

    def __init__(self, chat: Chat | None = None) -> None:
        self.chat = chat = chat or Chat(settings=UNLIMITED)
        self.olga = account(chat, "olga", ROOM)
        self.mo = account(chat, "mo", ROOM)
        self.max = account(chat, "max", ROOM)
        self.mia = account(chat, "mia", ROOM)
        self.una = account(chat, "una", ROOM)
        self.gus = chat.enter("gus", ROOM)
        self.oda = operator(chat, "oda", ROOM)
        self.olga.says(
            SetRole(room=ROOM, user="mo", role="moderator"),
            SetRole(room=ROOM, user="max", role="moderator"),
            SetRole(room=ROOM, user="mia", role="member"),
        )
        self.skip()

    @property
    def all(self) -> list[Peer]:
        return [self.olga, self.mo, self.max, self.mia, self.una, self.gus, self.oda]

    def named(self, name: str) -> Peer:
        peer = getattr(self, name)
        assert isinstance(peer, Peer)
        return peer

    def skip(self) -> None:
        """Let go of what everybody was told so far."""
        self.chat.advance(2)
        for peer in self.all:
            peer.skip()
