from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netchat.net.timers import Timer, Timers


def nothing(now: float) -> None:
    pass


def held(timers: Timers) -> int:
    """Entries in the heap, the cancelled ones included."""
    return len(timers._heap)


def live(timers: Timers) -> int:
    return len(timers._heap) - timers._cancelled


def test_timers_come_out_in_order_of_their_instants() -> None:
    timers = Timers()
    late, early = timers.add(3.0, nothing), timers.add(1.0, nothing)
    middle = timers.add(2.0, nothing)
    assert timers.due(2.0) == [early, middle]
    assert timers.due(3.0) == [late]


def test_timers_of_one_instant_come_out_in_order_of_setting() -> None:
    timers = Timers()
    made = [timers.add(1.0, nothing) for _ in range(10)]
    assert timers.due(1.0) == made


def test_a_cancelled_timer_is_neither_due_nor_next() -> None:
    timers = Timers()
    first, second = timers.add(1.0, nothing), timers.add(2.0, nothing)
    first.cancel()
    assert timers.next_when() == 2.0
    assert timers.due(5.0) == [second]
    assert timers.next_when() is None


def test_cancelling_twice_or_late_does_not_disturb_the_count() -> None:
    timers = Timers()
    fired = timers.add(1.0, nothing)
    waiting = [timers.add(2.0, nothing) for _ in range(5)]
    timers.due(1.0)
    fired.cancel()
    fired.cancel()
    assert live(timers) == 5
    waiting[0].cancel()
    waiting[0].cancel()
    assert live(timers) == 4


def test_the_bound_holds_when_the_live_ones_go_first() -> None:
    timers = Timers()
    for when in (1.0, 1.0, 10.0):
        timers.add(when, nothing)
    for timer in [timers.add(20.0, nothing) for _ in range(2)]:
        timer.cancel()
    assert (live(timers), held(timers)) == (3, 5)
    timers.due(1.0)
    assert (live(timers), held(timers)) == (1, 1)


def test_a_timer_that_is_cancelled_while_due_has_nothing_to_run() -> None:
    timers = Timers()
    timers.add(1.0, nothing)
    (timer,) = timers.due(1.0)
    timer.cancel()
    assert timer.take() is None


@given(st.lists(st.tuples(st.sampled_from(["add", "cancel", "due"]), st.integers(0, 20))))
def test_the_heap_holds_at_most_twice_the_live_timers(steps: list[tuple[str, int]]) -> None:
    timers = Timers()
    waiting: list[Timer] = []
    for step, number in steps:
        if step == "add":
            waiting.append(timers.add(float(number), nothing))
        elif step == "cancel" and waiting:
            waiting.pop(number % len(waiting)).cancel()
        elif step == "due":
            due = timers.due(float(number))
            assert due == sorted((t for t in waiting if t.when <= number), key=lambda t: t.when)
            waiting = [t for t in waiting if t.when > number]
        assert live(timers) == len(waiting)
        assert held(timers) <= 2 * len(waiting)
