"""A door's session: how much of it is served at a time, and what makes it wait."""

from __future__ import annotations

from netchat.chat.events import Accepted, Bye, Error, HistoryPage, Message, Pong
from netchat.chat.requests import Bye as SayBye
from netchat.chat.requests import Hello, History, Ping
from netchat.config import Limits
from netchat.net.transport import HIGH
from netchat.sessions.door import PAGE_COST
from netchat.wire.framing import frame
from netchat.wire.native import MAX_FRAME
from tests.chat.fakes import ManualWorker
from tests.chat.support import post
from tests.sessions.support import Client, House

# -- turns and pace ------------------------------------------------------------------------


def test_one_turn_takes_256_requests_of_one_connection() -> None:
    house = House()
    ana = house.enter("ana")
    ana.heard()
    ana.asks(*(Ping() for _ in range(300)))
    house.tick()
    assert len(ana.got(Pong)) == 256
    assert not ana.transport.reading
    house.settle()
    assert len(ana.got(Pong)) == 44
    assert ana.transport.reading


def test_requests_that_are_answered_by_pages_take_more_of_a_turn() -> None:
    house = House()
    ana = house.enter("ana", "lobby")
    ana.heard()
    ana.asks(*(History(room="lobby") for _ in range(10)))
    house.tick()
    assert len(ana.got(HistoryPage)) == 256 // PAGE_COST
    house.settle()
    assert len(ana.got(HistoryPage)) == 6


def test_while_replies_are_not_read_requests_are_not_served() -> None:
    house = House()
    ana = house.enter("ana", "lobby")
    ana.says(*(post("x" * 4_000) for _ in range(16)))
    ana.heard()
    ana.stalls()
    ana.says(*(History(room="lobby") for _ in range(30)))
    assert ana.transport.pending < HIGH + 256 // PAGE_COST * (MAX_FRAME + 4)
    ana.reads()
    assert len(ana.got(HistoryPage)) == 30


def test_a_held_request_is_served_when_its_turn_comes_without_new_input() -> None:
    disk = ManualWorker()
    house = House(writing=disk)
    ana = house.enter("ana", "lobby")
    ana.heard()
    disk.stalled = True
    ana.says(post("1"), Ping())
    assert not ana.transport.reading
    disk.run()
    house.settle()
    ana.gets(Accepted, Message, Pong)
    assert ana.transport.reading


def test_a_draining_door_reads_nobody() -> None:
    house = House()
    ana = house.enter("ana")
    ana.heard()
    house.door.draining = True
    ana.transport.pause_reading()
    ana.session.wake()
    ana.asks(Ping())
    house.settle()
    assert ana.heard() == []


# -- limits --------------------------------------------------------------------------------


def throttled(patience: float = 5.0) -> tuple[House, Client]:
    house = House(limits=Limits(request_rate=2, request_burst=4, patience=patience))
    ana = house.enter("ana", "lobby")
    house.advance(10)
    ana.heard()
    return house, ana


def test_a_burst_is_delayed_in_order_and_not_refused() -> None:
    house, ana = throttled()
    ana.says(*(post(str(number)) for number in range(8)), Ping())
    assert len(ana.got(Accepted)) == 4
    assert not ana.transport.reading
    house.advance(1)
    assert len(ana.got(Accepted)) == 2
    house.advance(2)
    assert isinstance(ana.heard()[-1], Pong)
    assert ana.transport.reading


def test_what_is_long_costs_more_than_what_is_short() -> None:
    house = House(limits=Limits(request_rate=2, request_burst=20))
    ana = house.enter("ana", "lobby")
    house.advance(10)
    ana.heard()
    long = frame(b'{"type":"ping","x":"' + b"x" * (MAX_FRAME - 40) + b'"}')
    ana.sock.inbox += long * 3
    house.settle()
    assert len(ana.got(Pong)) == 1  # sixteen for its bytes, one for itself; another one is read
    house.advance(12 / 2)
    assert not ana.heard()
    house.advance(3 / 2)
    assert len(ana.got(Pong)) == 1
    ben = house.enter("ben", "lobby")
    house.advance(10)
    ben.heard()
    ben.says(*(post(str(number)) for number in range(20)))
    assert len(ben.got(Accepted)) == 20


def test_what_lies_behind_a_full_turn_is_not_read_before_the_next() -> None:
    house = House()
    ana = house.enter("ana")
    ana.heard()
    ana.asks(*(Ping() for _ in range(256)))
    ana.sock.inbox += frame(b"no JSON")
    house.tick()
    assert len(ana.got(Pong)) == 256
    assert not (ana.session.closing or ana.transport.reading)
    house.settle()
    assert [error.code for error in ana.got(Error)] == ["bad_json"]


def test_one_who_keeps_it_up_is_refused_with_the_time_to_come_back() -> None:
    house, ana = throttled()
    ana.asks(*(post(str(number), id=f"p{number}") for number in range(40)))
    house.advance(8)
    refused = ana.got(Error)
    assert refused
    assert all((error.code, error.fatal) == ("rate_limited", False) for error in refused)
    assert all(error.id and error.retry_after > 0 for error in refused)
    ids = [int(error.id.removeprefix("p")) for error in refused]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    house.advance(20)
    last = ana.got(Error)[-1]
    house.advance(last.retry_after)
    ana.says(Ping())
    ana.gets(Pong)


def test_one_who_goes_on_through_all_refusals_is_kicked_and_its_name_is_free() -> None:
    house = House(limits=Limits(request_rate=2, request_burst=4, patience=2, refusals=3))
    ana, ben = house.enter("ana", "lobby"), house.enter("ben")
    ana.asks(*(Ping() for _ in range(40)))
    house.advance(30)
    *_, last = ana.got(Error)
    assert (last.code, last.fatal) == ("kicked", True)
    assert len(house.door.sessions) == 1
    assert "ana" not in house.hub.people.names
    ben.says(Ping())
    assert ben.got(Pong)


def test_a_page_costs_as_much_as_sixteen_posts() -> None:
    house = House(limits=Limits(request_rate=1, request_burst=40))
    ana = house.enter("ana", "lobby")
    house.advance(10)
    ana.heard()
    ana.says(*(History(room="lobby") for _ in range(5)))
    assert len(ana.got(HistoryPage)) == 3
    house.advance(8.5)
    assert len(ana.got(HistoryPage)) == 0
    house.advance(1)
    assert len(ana.got(HistoryPage)) == 1


def test_refusals_count_as_much_as_what_was_asked_for() -> None:
    house = House(limits=Limits(request_rate=20, request_burst=40, patience=1, refusals=100))
    ana = house.enter("ana", "lobby")
    house.advance(5)
    ana.heard()
    ana.asks(*(History(room="lobby") for _ in range(40)))
    house.advance(15)
    codes = [error.code for error in ana.got(Error)]
    assert codes == ["rate_limited"] * 7 + ["kicked"]


def test_guests_of_one_address_share_its_pace_and_none_is_refused_for_the_others() -> None:
    house = House(limits=Limits(address_rate=10, address_burst=200, patience=1, refusals=3))
    guests = [house.enter(f"guest{number}") for number in range(4)]
    for guest in guests:
        guest.heard()
        guest.asks(*(Ping() for _ in range(100)))
    house.advance(20)
    answers = [guest.heard() for guest in guests]
    assert all(isinstance(event, Pong) for events in answers for event in events)
    assert 200 <= sum(len(events) for events in answers) <= 400
    assert min(len(events) for events in answers) >= 16
    house.advance(60)
    assert sum(len(guest.got(Pong)) for guest in guests) + sum(map(len, answers)) == 400


def test_strangers_pay_for_their_hellos_together() -> None:
    house = House(limits=Limits(address_rate=1, address_burst=20, patience=1, refusals=3))
    peers = [house.connect() for _ in range(3)]
    for peer in peers:
        peer.says(*(Hello(version=1, name="a b") for _ in range(4)))
    assert sum(len(peer.got(Error)) for peer in peers) == 3
    house.advance(9)
    codes = [error.code for peer in peers for error in peer.got(Error)]
    assert "rate_limited" in codes


def test_a_bye_is_delayed_and_never_refused() -> None:
    house, ana = throttled(patience=1)
    ana.asks(*(Ping() for _ in range(20)), SayBye(ref="b"))
    house.advance(12)
    *_, refusal, bye = ana.heard()
    assert (refusal.code, bye) == ("rate_limited", Bye(ref="b", reason="bye"))


def test_a_hello_that_is_rate_limited_is_a_refused_hello() -> None:
    house = House(limits=Limits(request_rate=100, request_burst=1, patience=0.001))
    peer = house.connect()
    peer.says(Ping(), Ping())
    house.advance(0.1)
    peer.says(*(Hello(version=1, name="a b") for _ in range(9)))
    house.advance(1)
    errors = peer.got(Error)
    assert len(errors) == 5
    assert errors[-1].fatal


def test_without_a_throttle_nothing_is_delayed() -> None:
    house = House()
    ana = house.enter("ana")
    ana.heard()
    ana.says(*(Ping() for _ in range(2_000)))
    assert len(ana.got(Pong)) == 2_000


def test_a_stranger_has_10_seconds_in_all() -> None:
    house = House()
    peer = house.connect()
    house.advance(9)
    peer.says(Hello(version=1, name="a b"))
    peer.gets(Error)
    house.advance(2)
    error = peer.gets(Error)
    assert (error.code, error.fatal) == ("login_timeout", True)
    house.advance(10)
    assert peer.sock.closed


def test_one_who_is_welcome_has_no_login_timeout() -> None:
    house = House()
    ana = house.enter("ana")
    ana.heard()
    house.advance(15)
    assert ana.heard() == []


def test_a_stranger_who_said_bye_gets_no_login_timeout() -> None:
    house = House()
    peer = house.connect()
    house.advance(9)
    peer.says(SayBye())
    house.advance(2)
    peer.gets(Bye)


def test_connections_are_counted_by_address_while_they_last() -> None:
    house = House()
    ana, _ = house.enter("ana"), house.connect()
    assert house.door.census["10.0.0.1"] == 2
    ana.drops()
    assert house.door.census["10.0.0.1"] == 1
    assert len(house.door.sessions) == 1
