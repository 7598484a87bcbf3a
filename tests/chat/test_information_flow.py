"""Whatever is done in whichever order: nobody is handed what is not for them.

An owner acts on two others, who come, go, drop, fall behind and write. A model of a dozen lines
says who may be in the room; what each is handed is held against it.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchat.chat.events import Done, HistoryPage, Joined, Left, Message, Presence
from netchat.chat.requests import (
    Ban,
    Bye,
    History,
    Invite,
    Join,
    Kick,
    Leave,
    Request,
    Set,
    SetRole,
    Undo,
)
from tests.chat.cast import ROOM, UNLIMITED, account
from tests.chat.support import Chat, post

NAMES = ("ben", "gus")
DEEDS = (
    "kick", "ban", "ban name", "undo", "private", "public", "invite", "expel", "owner posts",
    "join", "join", "join", "join", "drop", "return", "leave", "post", "history",
    "drop", "return", "bye", "fall behind", "restart",
)  # fmt: skip
deeds = st.lists(
    st.tuples(st.sampled_from(DEEDS), st.sampled_from(NAMES)), min_size=20, max_size=60
)


class World:
    """The chat and its model: who is banned, who is a member, who is in."""

    def __init__(self) -> None:
        self.chat = Chat(settings=UNLIMITED)
        self.olga = account(self.chat, "olga", ROOM)
        self.olga.says(post("first", room=ROOM))
        self.peers = {"ben": account(self.chat, "ben"), "gus": self.chat.enter("gus")}
        self.tokens = {name: peer.token_text for name, peer in self.peers.items()}
        self.here = set(NAMES)
        """Who is connected."""
        self.private = False
        self.members: set[str] = set()
        self.banned: dict[tuple[str, str], int] = {}
        self.inside: dict[str, str] = {}
        """Who is in the room: "in", or "held" after a drop."""
        self.told: dict[str, bool] = dict.fromkeys(NAMES, False)
        """Who is in by what it was told itself."""

    def may_enter(self, name: str) -> bool:
        banned = any(whom == name for _, whom in self.banned)
        return not banned and (not self.private or name in self.members)

    def owner(self, request: Request) -> list[Any]:
        self.olga.skip()
        self.olga.says(request)
        return self.olga.skip()

    def do(self, deed: str, name: str) -> None:
        act = getattr(self, f"_{deed.replace(' ', '_')}")
        act(name)
        for one in NAMES:
            if one in self.inside and not self.may_enter(one):
                del self.inside[one]
        self.chat.settle()
        self.check()

    def check(self) -> None:
        for name, peer in self.peers.items():
            for event in peer.skip():
                match event:
                    case Joined():
                        self.told[name] = True
                    case Left():
                        self.told[name] = False
                    case Message() | HistoryPage() | Presence():
                        assert self.told[name], (name, event)
            if name in self.here:
                assert self.told[name] == (self.inside.get(name) == "in"), name
        room = self.chat.hub.directory.find(ROOM)
        assert room is not None
        there = {user.name for user in room.members} - {"olga"}
        assert there == set(self.inside), (there, self.inside)
        readers = {session.identity.name for session in room.cursors} - {"olga"}
        assert readers == {name for name, how in self.inside.items() if how == "in"}

    # -- what the owner does ---------------------------------------------------------------

    def _kick(self, name: str) -> None:
        self.owner(Kick(user=name, room=ROOM))
        self.inside.pop(name, None)

    def _ban(self, name: str) -> None:
        self._banned("user", name, self.owner(Ban(user=name, room=ROOM)))

    def _ban_name(self, name: str) -> None:
        self._banned("name", name, self.owner(Ban(name=name, room=ROOM)))

    def _banned(self, kind: str, name: str, told: list[Any]) -> None:
        for done in told:
            if isinstance(done, Done):
                self.banned[kind, name] = done.act
                if self._exists(name):
                    self.members.discard(name)

    def _undo(self, name: str) -> None:
        for key in [key for key in self.banned if key[1] == name]:
            self.owner(Undo(act=self.banned.pop(key)))

    def _private(self, name: str) -> None:
        self.owner(Set(room=ROOM, private=True))
        if not self.private:
            self.members |= set(self.inside)
        self.private = True

    def _public(self, name: str) -> None:
        self.owner(Set(room=ROOM, private=False))
        self.private = False

    def _invite(self, name: str) -> None:
        if any(isinstance(event, Done) for event in self.owner(Invite(room=ROOM, user=name))):
            self.members.add(name)

    def _expel(self, name: str) -> None:
        if self._exists(name):
            self.owner(SetRole(room=ROOM, user=name, role="none"))
            self.members.discard(name)

    def _owner_posts(self, name: str) -> None:
        self.olga.asks(post("secret", room=ROOM))
        self.peers[name].asks(post("mine", room=ROOM))

    def _exists(self, name: str) -> bool:
        return name in self.here or name in self.chat.hub.people.book.owners or self._held(name)

    def _held(self, name: str) -> bool:
        return name in self.chat.hub.people.names

    # -- what the others do ----------------------------------------------------------------

    def _join(self, name: str) -> None:
        self.peers[name].says(Join(room=ROOM))
        if name in self.here and self.may_enter(name):
            self.inside[name] = "in"

    def _leave(self, name: str) -> None:
        self._read(name)
        self.peers[name].says(Leave(room=ROOM))
        if self.inside.get(name) == "in":
            del self.inside[name]

    def _post(self, name: str) -> None:
        self.peers[name].says(post("hola", room=ROOM))

    def _history(self, name: str) -> None:
        self.peers[name].says(History(room=ROOM))

    def _drop(self, name: str) -> None:
        if name in self.here:
            self.here.discard(name)
            self.peers[name].drops()
            self.told[name] = False
            if name in self.inside:
                self.inside[name] = "held"

    def _bye(self, name: str) -> None:
        if name in self.here:
            self._read(name)
            self.check()
            self.here.discard(name)
            self.peers[name].says(Bye())
            self.told[name] = False
            self.inside.pop(name, None)

    def _return(self, name: str) -> None:
        if name not in self.here:
            self.peers[name] = self.chat.enter(name, token=self.tokens[name])
            self.here.add(name)

    def _read(self, name: str) -> None:
        """Who wants to leave reads on: its own posts come first."""
        for cursor in self.peers[name].cursors:
            if not cursor.live:
                self.chat.hub.outgoing.hungry[cursor] = None
        self.chat.tick()

    def _fall_behind(self, name: str) -> None:
        room = self.chat.hub.directory.find(ROOM)
        assert room is not None
        cursor = room.cursors.get(self.peers[name])
        if cursor is not None and cursor.live:
            room.move_to_lagging(cursor, room.published + 1)

    def _restart(self, name: str) -> None:
        self.chat = self.chat.restarted()
        self.olga = account(self.chat, "olga", ROOM)
        self.inside.clear()
        for other in NAMES:
            peer = self.chat.connect()
            self.peers[other] = peer
            self.here.discard(other)
            self.told[other] = False
            self._return(other)


@given(deeds)
@settings(max_examples=100, deadline=None)
def test_nobody_is_handed_what_is_not_for_them(script: list[tuple[str, str]]) -> None:
    world = World()
    for deed, name in script:
        if deed in ("join", "leave", "post", "history") and name not in world.here:
            continue
        world.do(deed, name)


def test_the_model_would_notice() -> None:
    """A chat in which a ban ends nothing is found out."""
    world = World()
    world.do("join", "ben")
    world.chat.hub.moderation.enforce = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(AssertionError):
        world.do("ban", "ben")
