from __future__ import annotations

import logging
import os
import selectors
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from netchat.net.clock import SystemClock
from netchat.net.reactor import READ, WRITE, Reactor
from tests.net.support import FakeLoop, FakeSocket, real_reactor, run_until


class Ear:
    """A Pollable that writes down what it hears."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.heard: list[int] = []
        self.failures: list[Exception] = []
        self.then = then

    def ready(self, mask: int, now: float) -> None:
        self.heard.append(mask)
        self.then()

    def failed(self, exc: Exception) -> None:
        self.failures.append(exc)


def fail() -> None:
    raise ZeroDivisionError


def test_the_phases_come_in_their_order() -> None:
    loop = FakeLoop()
    order: list[str] = []

    def note(name: str) -> Callable[..., Any]:
        def noted(*args: object) -> None:
            order.append(name)

        return noted

    sock = FakeSocket()
    transport, recorder = loop.transport(sock)
    recorder.on_data = lambda data: order.append("readiness")
    recorder.on_resume = lambda: order.append("flush")
    dying, last = loop.transport(FakeSocket())
    last.connection_lost = note("reap")  # type: ignore[method-assign]
    loop.reactor.collect.append(note("collect"))
    loop.reactor.append.append(note("append"))
    loop.reactor.deliver.append(note("deliver"))
    loop.reactor.call_soon_threadsafe(note("call"))
    loop.reactor.call_at(0.0, note("timer"))
    transport.request_drain()
    dying.abort()
    sock.incoming.append(b"x")
    loop.tick((sock, READ))
    assert order == [
        "reap", "call", "timer", "readiness", "collect", "append", "deliver", "flush",
    ]  # fmt: skip


def test_time_is_read_after_the_sleep_and_stands_still_in_a_tick() -> None:
    loop = FakeLoop()
    seen: list[tuple[float, int]] = []

    def look(now: float) -> bool:
        seen.append((now, loop.reactor.wall))
        loop.clock.advance(3.0)
        return False

    loop.reactor.collect.append(look)
    loop.reactor.deliver.append(look)
    start, wall = loop.clock.monotonic(), loop.clock.wall()
    loop.reactor.run_once(2.0)
    assert seen == [(start + 2, wall + 2_000)] * 2


def test_the_sleep_ends_with_the_nearest_timer_or_max_wait() -> None:
    loop = FakeLoop()
    fired: list[float] = []
    loop.reactor.call_later(5.0, fired.append)
    loop.reactor.run_once(2.0)
    loop.reactor.run_once()
    assert loop.selector.timeouts == [2.0, 3.0]
    assert fired == [1_005.0]


def test_a_timer_in_the_distant_future_does_not_overflow_the_sleep() -> None:
    loop = FakeLoop()
    loop.reactor.call_at(float("inf"), lambda now: None)
    loop.reactor.run_once()
    assert loop.selector.timeouts == [86_400.0]


@pytest.mark.parametrize("left", ["mark", "dirty", "call", "collect", "append", "deliver"])
def test_the_loop_does_not_sleep_while_something_is_left_over(left: str) -> None:
    loop = FakeLoop()
    transport, _ = loop.transport(FakeSocket())
    if left in {"collect", "append", "deliver"}:
        answers = [True, False]
        getattr(loop.reactor, left).append(lambda now: answers.pop(0) if answers else False)
        loop.reactor.run_once(0.0)
        loop.selector.timeouts.clear()
    elif left == "mark":
        # A mark from phase 1 itself is for the tick after.
        other, recorder = loop.transport(FakeSocket())
        recorder.connection_lost = lambda exc, now: transport.abort()  # type: ignore[method-assign]
        other.abort()
    elif left == "dirty":
        transport.write(b"x")
    else:
        loop.reactor.call_soon_threadsafe(lambda: None)
    assert loop.reactor.next_timeout() == 0.0
    loop.reactor.run_once(9.0)
    loop.reactor.run_once(9.0)
    loop.reactor.run_once(9.0)
    assert loop.selector.timeouts[0] == 0.0
    assert loop.selector.timeouts[-1] == 9.0


def test_next_timeout_is_none_when_there_is_nothing_to_wait_for() -> None:
    loop = FakeLoop()
    assert loop.reactor.next_timeout() is None
    timer = loop.reactor.call_later(4.0, lambda now: None)
    assert loop.reactor.next_timeout() == 4.0
    timer.cancel()
    assert loop.reactor.next_timeout() is None


def test_a_timer_set_by_a_timer_fires_in_a_later_tick_even_if_due() -> None:
    loop = FakeLoop()
    fired: list[str] = []

    def again(now: float) -> None:
        fired.append("again")
        loop.reactor.call_at(0.0, again)

    loop.reactor.call_at(0.0, again)
    loop.reactor.call_at(1.0, lambda now: fired.append("other"))
    loop.tick()
    assert fired == ["again", "other"]
    loop.tick()
    assert fired == ["again", "other", "again"]


def test_a_timer_may_cancel_another_of_the_same_tick() -> None:
    loop = FakeLoop()
    fired: list[float] = []
    loop.reactor.call_at(1.0, lambda now: victim.cancel())
    victim = loop.reactor.call_at(2.0, fired.append)
    loop.tick()
    assert not fired


def test_call_later_counts_from_the_call_not_from_the_last_tick() -> None:
    loop = FakeLoop()
    loop.clock.advance(100.0)
    assert loop.reactor.call_later(5.0, lambda now: None).when == 1_105.0


def test_an_upcall_that_fails_is_that_ones_end_and_nobody_elses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = FakeLoop(strict=False)
    bad, good = Ear(fail), Ear()
    bad_sock, good_sock = FakeSocket(), FakeSocket()
    fired: list[float] = []
    loop.reactor.register(bad_sock, READ, bad)
    loop.reactor.register(good_sock, READ, good)
    loop.reactor.call_soon_threadsafe(fail)
    loop.reactor.call_at(0.0, lambda now: fail())
    loop.reactor.call_at(0.0, fired.append)
    loop.reactor.collect.append(lambda now: 1 // 0 > 0)
    with caplog.at_level(logging.ERROR, logger="netchat.net"):
        loop.tick((bad_sock, READ), (good_sock, READ))
    assert good.heard == [READ]
    assert [type(exc) for exc in bad.failures] == [ZeroDivisionError]
    assert len(fired) == 1
    assert loop.reactor.errors == 4
    assert sum("ZeroDivisionError" in (r.exc_text or "") for r in caplog.records) == 4


def test_a_pollable_that_cannot_even_fail_does_not_hurt_others() -> None:
    loop = FakeLoop(strict=False)
    bad, good = Ear(fail), Ear()
    bad.failed = lambda exc: fail()  # type: ignore[method-assign]
    bad_sock, good_sock = FakeSocket(), FakeSocket()
    loop.reactor.register(bad_sock, READ, bad)
    loop.reactor.register(good_sock, READ, good)
    loop.tick((bad_sock, READ), (good_sock, READ))
    assert good.heard == [READ]


def test_a_transport_whose_protocol_fails_is_aborted_with_that_error() -> None:
    loop = FakeLoop(strict=False)
    sock = FakeSocket()
    _, recorder = loop.transport(sock)
    recorder.on_data = lambda data: fail()
    sock.incoming.append(b"x")
    loop.tick((sock, READ))
    loop.tick()
    assert sock.closed
    assert [type(exc) for exc in recorder.lost] == [ZeroDivisionError]


def test_a_strict_reactor_lets_exceptions_through() -> None:
    loop = FakeLoop(strict=True)
    loop.reactor.call_soon_threadsafe(fail)
    with pytest.raises(ZeroDivisionError):
        loop.tick()


def test_a_fan_out_is_flushed_in_slices_replies_first_and_timers_run_in_between() -> None:
    loop = FakeLoop()
    socks = [FakeSocket() for _ in range(5_000)]
    transports = [loop.transport(sock)[0] for sock in socks]
    blob = b"to all"
    for transport in transports:
        transport.write(blob)
    transports[-1].write(b"reply", urgent=True)
    done: list[int] = []
    backlogs: list[int] = []

    def count(now: float) -> None:
        done.append(sum(bool(sock.sent) for sock in socks))
        loop.reactor.call_at(0.0, count)

    loop.reactor.call_at(0.0, count)
    for _ in range(6):
        loop.reactor.run_once(0.0)
        backlogs.append(loop.reactor.backlog)
    assert done == [0, 1_025, 2_049, 3_073, 4_097, 5_000]
    assert backlogs == [3_976, 2_952, 1_928, 904, 0, 0]
    assert socks[-1].sent == b"to allreply"
    assert {len(sock.calls) for sock in socks} == {1}


def test_interest_in_nothing_is_refused() -> None:
    with real_reactor() as reactor:
        sock = FakeSocket()
        with pytest.raises(ValueError, match="interest"):
            reactor.modify(sock, 0, Ear())
        with pytest.raises(ValueError):
            reactor.register(sock, 0, Ear())


def test_a_tick_is_busy_from_one_select_to_the_next() -> None:
    loop = FakeLoop()

    def work(now: float) -> bool:
        loop.clock.advance(0.25)
        return False

    loop.reactor.deliver.append(work)
    loop.reactor.run_once(10.0)
    assert loop.reactor.lag.count == 0
    loop.reactor.run_once(10.0)
    assert (loop.reactor.lag.count, loop.reactor.lag.max) == (1, 0.25)


def test_threads_are_given_way_to_after_a_tick_and_their_time_is_not_its() -> None:
    loop = FakeLoop()
    asleep: list[bool] = []

    def give_way() -> None:
        asleep.append(loop.reactor.asleep)
        loop.clock.advance(0.25)

    loop.reactor.run_once(0.0)
    loop.reactor.give_way = give_way
    loop.reactor.run_once(0.0)
    loop.reactor.run_once(0.0)
    assert asleep == [True, True]
    assert loop.reactor.lag.max == 0.0


def test_a_thread_wakes_a_sleeping_loop() -> None:
    with real_reactor() as reactor:
        ran_in: list[int] = []
        main = threading.get_ident()
        threads = [
            threading.Thread(
                target=reactor.call_soon_threadsafe,
                args=(lambda: ran_in.append(threading.get_ident()),),
            )
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 5
        while len(ran_in) < 20:
            reactor.run_once(5.0)
            assert time.monotonic() < deadline
        assert ran_in == [main] * 20


def test_a_sleep_is_ended_time_and_again() -> None:
    with real_reactor() as reactor:
        start = time.monotonic()
        for _ in range(3):
            ran: list[bool] = []
            thread = threading.Timer(
                0.01, reactor.call_soon_threadsafe, (lambda ran=ran: ran.append(True),)
            )
            thread.start()
            while not ran:
                reactor.run_once(10.0)
            thread.join()
        assert time.monotonic() - start < 5


def test_many_calls_cost_one_byte() -> None:
    with real_reactor() as reactor:
        ran: list[int] = []
        for number in range(100):
            reactor.call_soon_threadsafe(lambda number=number: ran.append(number))  # type: ignore[misc]
        assert len(reactor._wakeup.reader.recv(4_096)) == 1
        reactor.run_once(0.0)
        assert ran == list(range(100))


def test_a_call_that_calls_again_does_not_hold_up_the_tick() -> None:
    loop = FakeLoop()
    ran: list[float] = []

    def again() -> None:
        ran.append(loop.reactor.now)
        loop.reactor.call_soon_threadsafe(again)

    again()
    loop.tick()
    loop.tick()
    assert len(ran) == 3


def test_a_wake_up_is_read_once_and_does_not_spin() -> None:
    with real_reactor() as reactor:
        reactor.call_soon_threadsafe(lambda: None)
        reactor.run_once(0.0)
        start = time.monotonic()
        reactor.run_once(0.02)
        assert time.monotonic() - start >= 0.015


def test_a_broken_wake_up_pair_stops_the_loop() -> None:
    reactor = Reactor(selectors.DefaultSelector(), SystemClock())
    reactor._wakeup._writer.close()
    reactor.call_later(30.0, lambda now: None)
    reactor.run()
    assert reactor.errors == 1
    reactor.close()


def test_stop_ends_run_after_the_tick_and_it_can_run_again() -> None:
    with real_reactor() as reactor:
        hooked: list[float] = []
        reactor.deliver.append(lambda now: hooked.append(now) or False)  # type: ignore[func-returns-value]
        for ticks in (1, 2):
            reactor.call_at(0.0, lambda now: reactor.stop())
            reactor.run()
            assert len(hooked) == ticks


def test_a_signal_runs_its_callback_on_the_loop_and_is_given_back() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with real_reactor() as reactor:
        got: list[str] = []
        reactor.add_signal(signal.SIGUSR1, lambda: got.append("usr1"))
        reactor.add_signal(signal.SIGUSR2, lambda: got.append("usr2"))
        os.kill(os.getpid(), signal.SIGUSR1)
        assert not got
        run_until(reactor, lambda: got)
        os.kill(os.getpid(), signal.SIGUSR2)
        run_until(reactor, lambda: len(got) == 2)
        assert got == ["usr1", "usr2"]
    assert signal.getsignal(signal.SIGUSR1) == before
    assert signal.set_wakeup_fd(-1) == -1


def test_a_signal_ends_a_sleep() -> None:
    with real_reactor() as reactor:
        reactor.add_signal(signal.SIGUSR1, reactor.stop)
        timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        start = time.monotonic()
        reactor.run()
        timer.join()
        assert time.monotonic() - start < 5


def test_a_signal_cannot_be_taken_over_outside_of_the_main_thread() -> None:
    with real_reactor() as reactor:
        caught: list[ValueError] = []

        def attempt() -> None:
            try:
                reactor.add_signal(signal.SIGUSR1, lambda: None)
            except ValueError as exc:
                caught.append(exc)

        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
        assert caught


def test_another_selector_can_watch_the_whole_reactor() -> None:
    with real_reactor() as reactor, selectors.DefaultSelector() as outer:
        ran: list[bool] = []
        outer.register(reactor, READ)
        assert outer.select(0) == []
        threading.Thread(
            target=reactor.call_soon_threadsafe, args=(lambda: ran.append(True),)
        ).start()
        assert outer.select(5)
        reactor.run_once(0.0)
        assert ran
        assert outer.select(0) == []


def test_a_selector_without_a_descriptor_says_so() -> None:
    reactor = Reactor(selectors.SelectSelector(), SystemClock())
    with pytest.raises(OSError, match="descriptor"):
        reactor.fileno()
    reactor.close()


def test_a_closed_reactor_refuses_everything() -> None:
    reactor = Reactor(selectors.DefaultSelector(), SystemClock())
    reactor.close()
    reactor.close()
    for call in (
        reactor.run_once,
        lambda: reactor.call_later(1.0, lambda now: None),
        lambda: reactor.call_soon_threadsafe(fail),
        lambda: reactor.register(FakeSocket(), WRITE, Ear()),
        lambda: reactor.add_signal(signal.SIGUSR1, fail),
    ):
        with pytest.raises(RuntimeError, match="closed"):
            call()


def test_ends_that_take_long_are_spread_over_ticks_in_their_order() -> None:
    loop, ended = FakeLoop(), list[int]()

    class Ending:
        def __init__(self, number: int) -> None:
            self.number = number

        def finish(self, exc: Exception | None, now: float) -> None:
            loop.clock.advance(0.000_9)
            ended.append(self.number)
            if self.number == 0:
                loop.reactor.mark(Ending(9), None)  # type: ignore[arg-type]

    for number in range(5):
        loop.reactor.mark(Ending(number), None)  # type: ignore[arg-type]
    loop.tick()
    assert ended == [0, 1, 2], "two milliseconds"
    assert loop.reactor.next_timeout() == 0
    loop.tick()
    assert ended == [0, 1, 2, 3, 4, 9]
