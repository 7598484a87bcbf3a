"""Newcomers who are not let in: a few are told why, the others see an end."""

from __future__ import annotations

from dataclasses import replace

from netchat.chat.events import Error, Pong
from netchat.chat.requests import Ping
from netchat.config import Limits
from netchat.metrics.figures import figures
from netchat.wire.native import NativeClient
from tests.sessions.browser import Browser
from tests.sessions.support import House, Socket


def errors(sock: Socket) -> list[Error]:
    machine = NativeClient()
    machine.receive_data(bytes(sock.outbox))
    return [event for event in iter(machine.next_event, None) if isinstance(event, Error)]


def test_of_a_flood_a_few_are_told_and_all_the_others_just_end() -> None:
    house = House(limits=Limits(connections_per_address=2))
    ana, _ = house.enter("ana"), house.connect()
    ana.heard()
    socks = [Socket() for _ in range(100)]
    assert not any(house.let_in(house.entrance, sock) for sock in socks)
    house.settle()
    told = [error for sock in socks for error in errors(sock)]
    assert len(told) == 16
    assert all((error.code, error.fatal) == ("too_many_connections", True) for error in told)
    assert len({error.retry_after for error in told}) > 10
    assert sum(sock.closed for sock in socks) == 84
    ana.says(Ping())
    ana.gets(Pong)
    told_of = figures(house.server)
    assert told_of["turned_away_address"] == told_of["refused_too_many_connections"] == 100


def test_who_would_speak_tls_is_turned_away_without_a_handshake() -> None:
    house = House(limits=Limits(connections_per_address=1))
    safe = replace(house.entrance, tls=True)
    house.connect()
    sock = Socket()
    assert not house.let_in(safe, sock)
    assert sock.closed
    assert not sock.outbox


def test_strangers_are_counted_until_they_are_welcome_or_have_asked_for_a_page() -> None:
    house = House()
    house.enter("ana")
    house.connect()
    browser = Browser(house)
    assert len(house.door.strangers) == 2
    assert browser.gets()[0] == 200
    assert len(house.door.strangers) == 1


def test_a_crowd_of_strangers_keeps_strangers_out_and_touches_nobody_else() -> None:
    house = House(limits=Limits(strangers=10))
    ana = house.enter("ana")
    ana.heard()
    crowd = [Socket() for _ in range(40)]
    came = sum(house.let_in(house.entrance, sock, f"10.0.1.{n}") for n, sock in enumerate(crowd))
    assert 2 <= came <= 10
    ana.says(Ping())
    ana.gets(Pong)
    house.advance(11)
    assert not house.door.strangers
    assert house.let_in(house.entrance, Socket())
