"""Frames that are begun and do not end: deadlines that no trickle puts off."""

from __future__ import annotations

from netchat.chat.events import Accepted, Error, Pong
from netchat.chat.requests import Hello, Ping
from netchat.config import Limits
from netchat.net.transport import LOW
from netchat.sessions.door import APPETITE
from netchat.sessions.unfinished import PROGRESS, STOPPED, WINDOW, Unfinished
from netchat.wire.framing import HEADER, frame
from tests.chat.fakes import ManualWorker
from tests.chat.support import post
from tests.sessions.support import Client, House

# -- the rule ------------------------------------------------------------------------------


class Somebody:
    def __init__(self) -> None:
        self.size: int | None = 1
        self.gone = False

    def unfinished(self) -> int | None:
        return self.size

    def cut_off(self) -> None:
        self.gone = True


def watched(*somebodies: Somebody) -> Unfinished:
    unfinished = Unfinished()
    for somebody in somebodies:
        unfinished.begin(somebody, 0.0, anew=True)
    return unfinished


def wait(unfinished: Unfinished, start: float, stop: float) -> None:
    now = start
    while now < stop:
        now = min(now + 1.0, stop)
        unfinished.look(now)


def test_what_has_not_ended_in_ten_seconds_is_cut_off() -> None:
    somebody = Somebody()
    unfinished = watched(somebody)
    wait(unfinished, 0.0, WINDOW - 0.1)
    assert not somebody.gone
    wait(unfinished, WINDOW - 0.1, WINDOW)
    assert somebody.gone
    assert not unfinished


def test_what_gets_on_may_go_on() -> None:
    slow, stuck = Somebody(), Somebody()
    unfinished = watched(slow, stuck)
    for window in range(1, 10):
        slow.size = stuck.size = PROGRESS * window
        if window > 3:
            stuck.size = PROGRESS * 3 + 100 * window
        wait(unfinished, WINDOW * (window - 1), WINDOW * window)
    assert (slow.gone, stuck.gone) == (False, True)


def test_a_byte_now_and_then_puts_nothing_off_and_another_frame_does() -> None:
    dripping, talking = Somebody(), Somebody()
    unfinished = watched(dripping, talking)
    for second in range(1, 15):
        unfinished.begin(dripping, second, anew=False)
        unfinished.begin(talking, second, anew=True)
        unfinished.look(second)
    assert (dripping.gone, talking.gone) == (True, False)


def test_one_that_is_not_read_is_not_judged() -> None:
    somebody = Somebody()
    unfinished = watched(somebody)
    somebody.size = None
    wait(unfinished, 0.0, 100.0)
    assert not somebody.gone
    somebody.size = 1
    wait(unfinished, 100.0, 120.0)
    assert somebody.gone


def test_a_server_that_was_stopped_gives_everybody_a_fresh_window() -> None:
    somebody = Somebody()
    unfinished = watched(somebody)
    wait(unfinished, 0.0, 5.0)
    wait(unfinished, 5.0 + STOPPED + 60.0, 66.0 + STOPPED + WINDOW - 3)
    assert not somebody.gone
    wait(unfinished, 66.0 + STOPPED + WINDOW - 3, 66.0 + STOPPED + WINDOW)
    assert somebody.gone


# -- at the door ---------------------------------------------------------------------------


def drip(house: House, client: Client, data: bytes, seconds: int, size: int = 1) -> None:
    """Send so many bytes a second, and answer what is asked."""
    for second in range(seconds):
        client.sock.inbox += data[second * size : (second + 1) * size]
        house.advance(1.0)


def test_a_frame_that_trickles_is_cut_off_in_spite_of_its_signs_of_life() -> None:
    house = House()
    ana = house.enter("ana", "lobby")
    ana.heard()
    drip(house, ana, HEADER.pack(1_000) + b"{" * 900, 9)
    assert house.door.unfinished
    assert ana.got(Error) == []
    drip(house, ana, b"{" * 900, 3)
    [error] = ana.got(Error)
    assert (error.code, error.fatal) == ("bad_frame", True)
    assert not house.door.unfinished


def test_a_modem_gets_the_longest_frame_across() -> None:
    house = House()
    ana = house.enter("ana", "lobby")
    ana.heard()
    data = ana.machine.send(post("ä" * 4_000)) + frame(b'{"type":"x","pad":"%s"}' % (b"x" * 60_000))
    drip(house, ana, data, len(data) // 900 + 1, 900)
    assert [error.code for error in ana.got(Error)] in ([], ["unknown_type"])
    assert not house.door.unfinished
    assert house.hub.accepted == 1


def test_many_frames_each_cut_in_two_are_no_offence() -> None:
    house = House()
    ana = house.enter("ana", "lobby")
    ana.heard()
    whole = ana.machine.send(Ping())
    ana.sock.inbox += whole[:5]
    for _ in range(30):
        house.advance(1.0)
        ana.sock.inbox += whole[5:] + whole[:5]
    house.advance(1.0)
    assert len(ana.got(Pong)) == 30


def test_one_whose_posts_wait_for_the_disk_is_not_blamed_for_what_lies_behind_them() -> None:
    disk = ManualWorker()
    house = House(writing=disk)
    ana = house.enter("ana", "lobby")
    ana.heard()
    disk.stalled = True
    whole = ana.machine.send(Ping())
    ana.asks(post("1"))
    ana.sock.inbox += whole + whole[:3]
    for _ in range(20):
        house.advance(1.0)
    disk.stalled = False
    disk.run()
    ana.sock.inbox += whole[3:]
    house.settle()
    assert len(ana.got(Accepted)) == 1
    assert len(house.door.sessions) == 1


# -- how little a stranger holds ----------------------------------------------------------


def test_of_a_stranger_no_more_is_read_at_a_time_than_one_frame() -> None:
    house = House()
    peer = house.connect()
    peer.asks(*(Ping() for _ in range(5_000)))
    sent = len(peer.sock.inbox)
    house.tick()
    assert sent - len(peer.sock.inbox) == APPETITE
    house.settle()
    peer.says(Hello(version=1, name="ana"))
    peer.asks(*(Ping() for _ in range(5_000)))
    sent = len(peer.sock.inbox)
    house.tick()
    assert sent - len(peer.sock.inbox) > APPETITE


def test_a_stranger_that_does_not_read_is_not_read_and_holds_little() -> None:
    house = House(limits=Limits(enabled=False, login_timeout=60))
    peer = house.connect()
    peer.stalls()
    peer.says(*(Ping() for _ in range(20_000)))
    assert LOW < peer.transport.pending < LOW + 256 * 30
    assert peer.sock.inbox
    peer.reads()
    assert len(peer.got(Pong)) == 20_000
