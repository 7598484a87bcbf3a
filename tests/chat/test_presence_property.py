"""Whoever applies every presence to the list in its `joined` knows who is in the room."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netchat.chat import presence, rooms
from netchat.chat.events import Joined, Presence
from netchat.chat.requests import Bye, Hello, Join, Leave
from tests.chat.support import Chat, Peer

FEW = 3
"""Members that are listed, for this test: the border is crossed all the time."""

NAMES = [f"p{number}" for number in range(6)]

steps = st.lists(
    st.tuples(
        st.sampled_from(["enter", "enter", "leave", "bye", "drop", "return", "wait", "hold"]),
        st.sampled_from(NAMES),
    ),
    max_size=40,
)


class Observer:
    """What a client knows of the room from what it is told."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.here: set[str] | None = None
        self.count = 0

    def listen(self) -> None:
        for event in self.peer.skip():
            if isinstance(event, Joined | Presence):
                self._apply(event)

    def _apply(self, event: Joined | Presence) -> None:
        self.count = event.count
        if event.members is not None:
            self.here = set(event.members)
        elif isinstance(event, Joined):
            self.here = None
        elif self.here is not None:
            self.here |= {*event.joined, *event.away}
            self.here -= set(event.left)


@pytest.fixture(autouse=True)
def few_are_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "LISTED_MEMBERS", FEW)
    monkeypatch.setattr(rooms, "LISTED_MEMBERS", FEW)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_who_applies_every_presence_knows_who_is_there(steps: list[tuple[str, str]]) -> None:
    chat = Chat()
    peers: dict[str, Peer] = {}
    tokens: dict[str, str] = {}
    observers: dict[str, Observer] = {}
    watcher = Observer(chat.enter("watcher"))
    watcher.peer.says(Join(room="lobby"))
    for step, name in steps:
        peer = peers.get(name)
        match step:
            case "enter" | "return" if peer is None:
                peer = peers[name] = chat.connect()
                peer.says(Hello(version=1, name=name, token=tokens.get(name)))
                tokens[name] = peer.events[0].token
                observers[name] = Observer(peer)
                if step == "enter":
                    peer.says(Join(room="lobby"))
            case "enter" if peer is not None:
                peer.says(Join(room="lobby"))
            case "leave" if peer is not None:
                peer.says(Leave(room="lobby"))
            case "bye" if peer is not None:
                peers.pop(name).says(Bye())
            case "drop" if peer is not None:
                peers.pop(name).drops()
            case "wait":
                chat.advance(0.4)
            case "hold":
                chat.advance(60)
    chat.advance(2)
    room = chat.hub.directory.find("lobby")
    assert room is not None
    truth = {user.name for user in room.members}
    members = [observers[name] for name in peers if peers[name] in room.cursors]
    for observer in (watcher, *members):
        observer.listen()
        assert observer.count == len(truth)
        if len(truth) <= FEW:
            assert observer.here == truth
