"""Turns: round robin, within budgets, never less than one request to whom a round reaches."""

from __future__ import annotations

import pytest

from netchat.chat.now import Now
from netchat.sessions.turns import SERVING, TICK, TURN, Turns


class Queue:
    """A session with so many requests."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.served: list[int] = []
        self.moments: list[Now] = []

    def serve(self, budget: int, now: Now) -> bool:
        count = min(budget, self.left)
        self.left -= count
        self.served.append(count)
        self.moments.append(now)
        return self.left > 0


def served(*queues: Queue) -> Turns:
    turns = Turns(lambda: 7, lambda: 0.0)
    for queue in queues:
        turns.add(queue)
    turns.run(5.0)
    return turns


def test_one_turn_takes_up_to_256_requests() -> None:
    queue = Queue(1_000)
    turns = served(queue)
    assert queue.served == [TURN]
    assert queue.moments == [Now(5.0, 7)]
    while turns.run(5.0):
        pass
    assert queue.served == [256, 256, 256, 232]


@pytest.mark.parametrize(("waiting", "share"), [(16, 256), (32, 128), (4_096, 1), (5_000, 1)])
def test_many_who_wait_share_the_tick_and_nobody_gets_none(waiting: int, share: int) -> None:
    queues = [Queue(1_000) for _ in range(waiting)]
    served(*queues)
    assert {queue.served[0] for queue in queues} == {share}
    assert share * waiting <= max(TICK, waiting)


def test_a_session_is_served_once_a_round_however_often_it_is_added() -> None:
    queue = Queue(10)
    served(queue, queue)
    assert queue.served == [10]


def test_whoever_has_more_comes_again_and_whoever_has_not_does_not() -> None:
    long, short = Queue(300), Queue(3)
    turns = served(long, short)
    assert turns.is_waiting(5.0)
    assert turns.run(5.0) is False
    assert (long.served, short.served) == ([256, 44], [3])
    assert not turns.is_waiting(5.0)


def test_a_round_ends_with_its_time_and_the_next_begins_with_those_not_reached() -> None:
    now, order = 0.0, ""

    class Costly(Queue):
        def __init__(self, name: str) -> None:
            super().__init__(300)
            self.name = name

        def serve(self, budget: int, moment: Now) -> bool:
            nonlocal now, order
            now += SERVING * 0.6
            order += self.name
            return super().serve(budget, moment)

    turns = Turns(lambda: 7, lambda: now)
    for name in "abcde":
        turns.add(Costly(name))
    rounds = []
    while turns.run(now):
        rounds.append(order)
        order = ""
    assert [*rounds, order] == ["ab", "cd", "ea", "bc", "de"]


def test_one_who_is_added_during_the_round_is_served_in_the_next() -> None:
    turns = Turns(lambda: 7, lambda: 0.0)

    class Waker(Queue):
        def serve(self, budget: int, now: Now) -> bool:
            turns.add(self)
            return super().serve(budget, now)

    queue = Waker(1)
    turns.add(queue)
    assert turns.run(5.0)
    assert queue.served == [1]


def test_with_nobody_there_is_nothing_to_do() -> None:
    assert Turns(lambda: 7, lambda: 0.0).run(5.0) is False
