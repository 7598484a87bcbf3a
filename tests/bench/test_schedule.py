from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bench.scenario import Round
from bench.schedule import ClosedSchedule, OpenSchedule, schedule_of

SECOND = 1_000_000_000


def drain(schedule: OpenSchedule, now: int) -> list[int]:
    found = []
    while (due := schedule.next_due(now, 0)) is not None:
        found.append(due)
    return found


def test_messages_are_due_at_even_intervals() -> None:
    schedule = OpenSchedule(100, 1.0, 4.0)
    assert drain(schedule, 100 + 2 * SECOND) == [100 + i * SECOND // 4 for i in range(4)]
    assert schedule.is_over(0)


def test_nothing_is_due_before_its_time() -> None:
    schedule = OpenSchedule(100, 1.0, 10.0)
    assert schedule.next_due(99, 0) is None
    assert schedule.wake_at() == 100
    assert schedule.next_due(100, 0) == 100
    assert schedule.wake_at() == 100 + SECOND // 10


@given(st.lists(st.integers(0, SECOND // 2), max_size=20))
def test_a_stall_changes_no_due_time(stalls: list[int]) -> None:
    schedule, now, found = OpenSchedule(0, 2.0, 50.0), 0, []
    for stall in [*stalls, 3 * SECOND]:
        now += stall
        found += drain(schedule, now)
    assert found == drain(OpenSchedule(0, 2.0, 50.0), 3 * SECOND)


def test_the_open_schedule_does_not_look_at_the_server() -> None:
    assert OpenSchedule(0, 1.0, 10.0).next_due(0, outstanding=10**6) == 0


def test_the_closed_one_keeps_its_window() -> None:
    schedule = ClosedSchedule(0, 1.0, 2)
    assert schedule.next_due(5, outstanding=1) == 5
    assert schedule.next_due(5, outstanding=2) is None
    assert not schedule.is_over(SECOND - 1)
    assert schedule.is_over(SECOND)
    assert schedule.next_due(SECOND, outstanding=0) is None


def test_no_window_posts_nothing() -> None:
    assert ClosedSchedule(0, 1.0, 0).next_due(5, outstanding=0) is None


def test_a_round_is_open_with_a_rate_closed_with_a_window_and_idle_with_neither() -> None:
    assert isinstance(schedule_of(Round(seconds=1, rate=5), 0), OpenSchedule)
    assert schedule_of(Round(seconds=1, window=2), 0).next_due(0, outstanding=1) == 0
    idle = schedule_of(Round(seconds=1), 0)
    assert idle.next_due(0, outstanding=0) is None and idle.is_over(SECOND)
