"""Bytes that wait for those who do not read: counted as they come and go, and bounded in all."""

from __future__ import annotations

from netchat.chat.events import Error, Message, Pong
from netchat.chat.requests import Ping
from netchat.config import Limits
from netchat.net.transport import HIGH, LOW
from netchat.sessions.delivery import SLICE_BYTES
from tests.chat.support import post
from tests.sessions.support import House, Socket


def counted(house: House) -> int:
    return sum(client.transport.pending for client in house.clients)


def stuck(house: House, number: int) -> None:
    """So many members that have stopped to read."""
    for place in range(number):
        house.enter(f"stuck{place}", "lobby").stalls()


def test_what_sockets_refuse_is_counted_and_nothing_else() -> None:
    house = House()
    ana, ben = house.enter("ana", "lobby"), house.enter("ben", "lobby")
    ana.says(*(post("x" * 500) for _ in range(10)))
    assert house.reactor.unsent == 0
    ben.stalls(after=700)
    for _ in range(20):
        ana.says(post("x" * 500))
        assert house.reactor.unsent == counted(house)
    assert house.reactor.unsent > 5_000
    ben.reads(3_000)
    assert house.reactor.unsent == counted(house) > 0
    ben.reads()
    assert house.reactor.unsent == 0


def test_one_that_is_gone_is_counted_no_more() -> None:
    house = House()
    ana, ben = house.enter("ana", "lobby"), house.enter("ben", "lobby")
    ben.stalls()
    ana.says(post("x" * 4_000))
    assert house.reactor.unsent > 4_000
    ben.drops()
    assert house.reactor.unsent == 0


def test_beyond_the_budget_laggards_are_fed_from_the_log_and_lose_nothing() -> None:
    house = House(limits=Limits(enabled=False, unsent=1))
    ana = house.enter("ana", "lobby")
    stuck(house, 30)
    for client in house.clients:
        client.heard()
    for _ in range(12):
        ana.says(post("x" * 4_000))
    room = house.hub.directory.find("lobby")
    assert room is not None
    assert not room.lagging
    assert 2**20 < house.reactor.unsent < 30 * HIGH
    house.advance(3)
    assert len(room.lagging) == house.server.relief.moved == 30
    before = house.reactor.unsent
    for _ in range(20):
        ana.says(post("x" * 4_000))
    assert house.reactor.unsent <= before + 30 * SLICE_BYTES // 30
    ana.says(Ping())
    assert ana.got(Pong)
    for client in house.clients[1:]:
        client.reads()
        assert client.seqs() == list(range(1, 33))
    assert not room.lagging
    assert house.reactor.unsent == 0


def test_while_too_much_waits_nobody_is_let_in_and_strangers_go() -> None:
    house = House(limits=Limits(enabled=False, unsent=1, login_timeout=100))
    ana, stranger = house.enter("ana", "lobby"), house.connect()
    stuck(house, 30)
    for _ in range(12):
        ana.says(post("x" * 4_000))
    assert not house.let_in(house.entrance, Socket())
    house.advance(3)
    assert [error.code for error in stranger.got(Error)] == ["login_timeout"]
    for client in house.clients[2:]:
        client.reads()
        assert len(client.got(Message)) == 12
    assert house.let_in(house.entrance, Socket())


def test_below_the_budget_nobody_is_touched() -> None:
    house = House()
    ana = house.enter("ana", "lobby")
    stuck(house, 3)
    for _ in range(8):
        ana.says(post("x" * 4_000))
    assert house.reactor.unsent > 3 * LOW
    house.advance(3)
    assert house.server.relief.moved == 0
