"""The client library on bad networks: nothing lost, nothing doubled, everything shown once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TypeVar

import pytest

from netchat.chat.events import Accepted, Gap, Joined, Message
from netchat.client import Client, Failed, Offline, Online, connect, silence
from netchat.client.notices import NameRefused, News
from netchat.net.reactor import Reactor
from tests.client.support import NoRandom, run_until
from tests.crash.proxy import Cut, Proxy
from tests.e2e.client import RawClient, until_true
from tests.e2e.support import UNLIMITED, ServerProcess
from tests.net.support import real_reactor

FRAMES = 1_500
"""Bytes of some ten messages: a cut within them is most often in the middle of one."""


NOW = Cut(0, to_server=True, reset=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that soon asks whoever is silent."""
    soon = ("--set", "limits.heartbeat=0.5", "--set", "limits.pong_timeout=0.5")
    with ServerProcess(tmp_path_factory.mktemp("server"), *UNLIMITED, *soon) as server:
        yield server


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    with real_reactor() as reactor:
        yield reactor


Kind = TypeVar("Kind")


class User:
    """A client in one room, and everything that it handed out."""

    def __init__(self, reactor: Reactor, place: str, name: str, room: str) -> None:
        self.client = Client(place, name=name, reactor=reactor, random=NoRandom())
        self.room = room
        self.client.join(room)
        self.posted: dict[str, str] = {}
        self.news: list[News] = []
        self._reactor = reactor

    def post(self, count: int) -> None:
        for _ in range(count):
            text = f"{self.client.name} {len(self.posted)}"
            self.posted[self.client.post(text, room=self.room)] = text

    def take(self) -> None:
        self.news += self.client.take_events()
        assert not [n for n in self.news if isinstance(n, Gap | Failed | NameRefused)]

    def of(self, kind: type[Kind]) -> list[Kind]:
        """What it handed out of this kind."""
        self.take()
        return [news for news in self.news if isinstance(news, kind)]

    @property
    def shown(self) -> list[Message]:
        return self.of(Message)

    @property
    def is_there(self) -> bool:
        return bool(self.of(Joined))

    def close(self) -> None:
        self.client.close()
        self._reactor.run_once(0)


def check_whole(server: ServerProcess, *users: User) -> None:
    """Each has each post once, in the log's order; and each of its own was accepted once."""
    with server.client(f"auditor-{users[0].room}") as auditor:
        head = auditor.join(users[0].room, after=0)["head"]
        log = [(m["seq"], m["from"], m["text"]) for m in auditor.collect("message", head)]
    posted = [text for user in users for text in user.posted.values()]
    assert sorted(text for _, _, text in log) == sorted(posted)
    for user in users:
        assert [(m.seq, m.sender, m.text) for m in user.shown] == log
        assert [accepted.id for accepted in user.of(Accepted)] == list(user.posted)
        assert all(online.resumed for online in user.of(Online)[1:])


def talk(reactor: Reactor, *users: User, posts: int) -> None:
    """Everybody posts, and takes what there is, until everybody has everything."""
    for user in users:
        user.post(posts)

    def done() -> bool:
        count = sum(len(user.posted) for user in users)
        shown = [len(user.shown) for user in users]  # everybody's news are taken, always
        return shown == [count] * len(users) and not any(u.client.unanswered for u in users)

    run_until(reactor, done, seconds=20)


def cuts(dice: random.Random, count: int) -> Iterator[Cut]:
    for _ in range(count):
        at, to_server, reset = dice.randrange(FRAMES), dice.random() < 0.5, dice.random() < 0.5
        yield Cut(at, to_server=to_server, reset=reset)


@pytest.mark.parametrize("seed", range(3))
def test_cut_at_any_byte_everything_is_posted_once_and_shown_once(
    server: ServerProcess, reactor: Reactor, seed: int
) -> None:
    room = f"cuts-{seed}"
    with Proxy(server.address) as proxy:
        ana = User(reactor, proxy.place, f"ana-{seed}", room)
        run_until(reactor, lambda: ana.is_there)
        proxy.cuts.extend(cuts(random.Random(seed), 100))
        proxy.cut(NOW)
        ben = User(reactor, server.place, f"ben-{seed}", room)
        run_until(reactor, lambda: ben.is_there)
        talk(reactor, ana, ben, posts=600)
        assert len(ana.of(Offline)) > 50
        check_whole(server, ana, ben)
        ana.close()
        ben.close()


def test_a_slow_line_in_slices_changes_nothing(server: ServerProcess, reactor: Reactor) -> None:
    with Proxy(server.address) as proxy:
        proxy.faults.delay, proxy.faults.piece = 0.02, 9
        ana = User(reactor, proxy.place, "ana-slices", "slices")
        ben = User(reactor, proxy.place, "ben-slices", "slices")
        run_until(reactor, lambda: ana.is_there and ben.is_there)
        talk(reactor, ana, ben, posts=50)
        assert not ana.of(Offline)
        check_whole(server, ana, ben)
        ana.close()
        ben.close()


def test_a_call_that_waits_outlives_a_cut(server: ServerProcess) -> None:
    with Proxy(server.address) as proxy, connect(proxy.place, name="ana-waits") as chat:
        chat.join("waits")
        proxy.cut(Cut(9, to_server=False, reset=False))  # in the middle of what it answers
        assert [chat.post(f"{n}", room="waits").seq for n in range(1, 4)] == [1, 2, 3]
        texts = [n.text for n in chat.events(timeout=0.1) if isinstance(n, Message)]
        assert texts == ["1", "2", "3"]
        assert proxy.accepted == 2


def test_a_black_hole_is_noticed_by_the_clients_own_question(
    server: ServerProcess, reactor: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "HEARTBEAT", 0.5)
    monkeypatch.setattr(silence, "GRACE", 0.5)
    with Proxy(server.address) as proxy:
        ana = User(reactor, proxy.place, "ana-hole", "hole")
        ben = User(reactor, server.place, "ben-hole", "hole")
        run_until(reactor, lambda: ana.is_there and ben.is_there)
        proxy.faults.swallow = True
        ana.post(50)
        ben.post(50)
        run_until(reactor, lambda: ana.of(Offline))
        assert all("Nothing is heard" in n.reason for n in ana.of(Offline))
        assert len(ben.shown) == 50
        proxy.faults.swallow = False
        talk(reactor, ana, ben, posts=50)
        check_whole(server, ana, ben)
        ana.close()
        ben.close()


def test_a_black_hole_is_noticed_by_the_servers_heartbeat(server: ServerProcess) -> None:
    with Proxy(server.address) as proxy, RawClient(proxy.address) as ana:
        ana.hello("ana-beat")
        proxy.faults.swallow = True
        until_true(lambda: server.figures()["connections"] == 0)


def test_a_half_that_closes_slowly_disturbs_nobody(server: ServerProcess, reactor: Reactor) -> None:
    with Proxy(server.address) as proxy:
        ana = User(reactor, proxy.place, "ana-slow", "slow")
        ben = User(reactor, server.place, "ben-slow", "slow")
        run_until(reactor, lambda: ana.is_there and ben.is_there)
        proxy.cut(NOW._replace(server_later=0.4))
        talk(reactor, ana, ben, posts=50)
        assert len(ana.of(Offline)) == 1
        run_until(reactor, lambda: proxy.pairs == 1)
        talk(reactor, ana, ben, posts=50)
        assert len(ana.of(Offline)) == 1
        check_whole(server, ana, ben)
        ana.close()
        ben.close()
