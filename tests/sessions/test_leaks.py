"""What connections leave behind when they are gone: nothing, at whatever stage they go."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable

import pytest

from netchat.chat.now import Now
from netchat.chat.requests import Bye, Hello, Join, Post
from netchat.errors import NetchatError
from tests.chat.fakes import KeptLog
from tests.chat.support import post

from .browser import Browser
from .support import House
from .test_websocket import WebClient

CYCLES = 100
DAY_MS = 24 * 3_600_000


def stranger(house: House) -> None:
    house.connect().drops()


def stranger_who_sends(house: House, data: bytes) -> None:
    client = house.connect()
    client.sock.inbox += data
    house.settle()
    client.drops()


def half_a_frame(house: House) -> None:
    stranger_who_sends(house, b"\0\0\1\0{")


def garbage(house: House) -> None:
    stranger_who_sends(house, b"GET / HTTP/1.1\r\n\r\n")


def huge_length(house: House) -> None:
    stranger_who_sends(house, b"\xff\xff\xff\xff")


def bad_requests(house: House) -> None:
    client = house.enter("ana")
    for payload in (b'{"type":"nothing known"}', b'{"type":"post","text":7}', b"[" * 5_000):
        client.sock.inbox += len(payload).to_bytes(4) + payload
        house.settle()
    client.drops()
    house.advance(house.hub.settings.hold + 1.0)


def guest_who_leaves(house: House) -> None:
    house.enter("ana", "lobby").says(Bye())
    house.clients[-1].drops()


def guest_who_drops(house: House) -> None:
    house.enter("ana", "lobby").drops()
    house.advance(house.hub.settings.hold + 1.0)


def guest_who_falls_silent(house: House) -> None:
    client = house.enter("ana", "lobby")
    house.advance(60)
    client.drops()
    house.advance(house.hub.settings.hold + 1.0)


def refused_post(house: House) -> None:
    client = house.enter("ana")
    client.says(Post(id="1", to="nobody", text="hm"), Join(room="no such name"))
    client.says(Hello(version=1, name="again"), Bye())
    client.drops()


def page(house: House) -> None:
    browser = Browser(house)
    assert browser.gets(b"/nowhere")[0] == 404
    browser.sock.eof = True
    house.advance(20.0)


def web_guest(house: House) -> None:
    WebClient(house, "ana").sock.eof = True
    house.advance(house.hub.settings.hold + 1.0)


STAGES = [
    stranger, half_a_frame, garbage, huge_length, bad_requests, guest_who_leaves, guest_who_drops,
    guest_who_falls_silent, refused_post, page, web_guest,
]  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
def test_who_has_gone_leaves_nothing(stage: Callable[[House], None]) -> None:
    assert left_by(stage) < CYCLES, "each leaves something"


@pytest.mark.parametrize("stage", STAGES)
def test_who_has_gone_leaves_nothing_for_the_collector(
    stage: Callable[[House], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would come where thousands are refused a second, and everybody would wait."""
    assert cycles_left_by(stage) == 0
    monkeypatch.setattr(NetchatError, "as_value", lambda error: error)
    assert cycles_left_by(stage) > 0 or stage not in (garbage, huge_length, bad_requests)


def cycles_left_by(stage: Callable[[House], None]) -> int:
    """Objects that only the collector can free, after somebody has gone."""
    house = House()
    stage(house)
    house.clients.clear()
    gc.collect()
    gc.disable()
    try:
        stage(house)
        house.clients.clear()
        return gc.collect()
    finally:
        gc.enable()


def test_what_is_left_would_be_noticed() -> None:
    kept: list[object] = []
    assert left_by(lambda house: kept.append(object())) >= CYCLES


def left_by(stage: Callable[[House], None]) -> int:
    """Blocks of memory that many connections leave, once their timers and tokens are over."""
    house = House()
    log = house.hub.posting._store
    assert isinstance(log, KeptLog)

    def blocks() -> int:
        for _ in range(CYCLES):
            stage(house)
            house.clients.clear()
        house.advance(house.hub.settings.hold + 1.0)
        house.clock.epoch_ms += 31 * DAY_MS
        while house.hub.people.sweep(Now(house.reactor.now, house.clock.wall())):
            pass
        house.settle()
        for rows in (log.batches, log.identities, log.tokens):  # a log grows
            rows.clear()
        house.selector.timeouts.clear()
        gc.collect()
        return sys.getallocatedblocks()

    blocks()
    before = blocks()
    return blocks() - before


def test_a_house_that_is_dissolved_is_let_go_of() -> None:
    """Or whoever plays many of them, as the fuzzer does, fills the memory."""
    house = House()
    house.enter("ana", "lobby")
    guest = house.enter("bea", "lobby", "tea")
    guest.says(post("hola", room="tea"), post("hola", to="ana"))
    guest.drops()
    house.dissolve()
    gone = weakref.ref(house)
    del house, guest
    gc.collect()
    assert gone() is None
