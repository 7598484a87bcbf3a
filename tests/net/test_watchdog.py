"""The watchdog: who holds up the loop is named, once, while it does."""

from __future__ import annotations

import logging
import threading

import pytest

from netchat.net.clock import SystemClock
from netchat.net.watchdog import Watchdog
from tests.net.support import FakeLoop, real_reactor

PATIENCE = 0.1
HERE = threading.get_ident()


class Kennel:
    """A loop that is looked at in the middle of its ticks, by nobody but the test."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.dog = Watchdog(self.loop.reactor, self.loop.clock, PATIENCE)
        self.waits: list[float] = []

    def tick(self, *looks: float, sleeps: float = 0.0) -> None:
        """One tick, after so long a sleep, in which the watchdog looks after so many seconds."""

        def dawdle(_now: float) -> bool:
            for seconds in looks:
                self.loop.clock.advance(seconds)
                self.waits.append(self.dog.look(HERE))
            return False

        self.loop.reactor.collect[:] = [dawdle]
        self.loop.reactor.run_once(sleeps)


def test_a_tick_that_hangs_is_told_once_with_where_and_how_long(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kennel = Kennel()
    kennel.tick(0.06, 0.06, 0.06, 5.0)
    [line] = caplog.messages
    assert line.startswith("The loop has been held up for 120 ms, by ")
    assert " dawdle: self.waits.append(self.dog.look(HERE)) < " in line
    assert " < net/reactor.py:" in line and "\n" not in line
    assert kennel.dog.stalls == 1


def test_each_stall_is_told(caplog: pytest.LogCaptureFixture) -> None:
    kennel = Kennel()
    for _ in range(3):
        kennel.tick(0.2, 0.2)
    assert len(caplog.messages) == kennel.dog.stalls == 3


def test_ticks_that_are_short_are_no_stall_however_many_there_are() -> None:
    kennel = Kennel()
    for _ in range(100):
        kennel.tick(0.05)
    assert kennel.dog.stalls == 0


def test_the_next_look_is_due_when_the_tick_would_be_too_long() -> None:
    kennel = Kennel()
    kennel.tick(0.03, 0.03, 0.06)
    assert kennel.waits == pytest.approx([0.07, 0.04, PATIENCE])


def test_a_sleep_is_no_stall_however_long_it_is() -> None:
    kennel = Kennel()
    assert kennel.dog.look(HERE) == PATIENCE
    kennel.tick()
    select = kennel.loop.selector.select

    def sleep_and_be_looked_at(timeout: float | None = None) -> object:
        kennel.loop.clock.advance(50.0)
        kennel.waits.append(kennel.dog.look(HERE))
        return select(timeout)

    kennel.loop.selector.select = sleep_and_be_looked_at  # type: ignore[assignment]
    kennel.tick(0.01)
    assert kennel.waits == pytest.approx([PATIENCE, 0.09])
    assert kennel.dog.stalls == 0


def test_a_tick_that_ends_while_its_stack_is_taken_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kennel = Kennel()
    reactor = kennel.loop.reactor

    def next_tick(thread: int) -> str:
        reactor.now = kennel.loop.clock.monotonic()
        return "what is not to blame"

    monkeypatch.setattr("netchat.net.watchdog.stack_of", next_tick)
    kennel.tick(0.2)
    monkeypatch.setattr(
        "netchat.net.watchdog.stack_of", lambda thread: setattr(reactor, "asleep", True)
    )
    kennel.tick(0.2)
    assert kennel.dog.stalls == 0


def test_its_thread_sees_a_real_loop_hang_and_ends_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = threading.Event()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.set()

    def hang() -> None:
        assert told.wait(10)
        reactor.stop()

    ear = Ear()
    logging.getLogger("netchat.net").addHandler(ear)
    with real_reactor() as reactor:
        dog = Watchdog(reactor, SystemClock(), 0.01)
        reactor.call_soon_threadsafe(hang)
        with dog.watching():
            reactor.run()
    logging.getLogger("netchat.net").removeHandler(ear)
    for thread in threading.enumerate():
        if thread.name == "netchat-dog":
            thread.join(10)
            assert not thread.is_alive()
    assert dog.stalls == 1 and " hang: assert told.wait(10) < " in caplog.text


def test_without_patience_there_is_no_thread() -> None:
    with real_reactor() as reactor, Watchdog(reactor, SystemClock(), 0).watching():
        assert "netchat-dog" not in {thread.name for thread in threading.enumerate()}
