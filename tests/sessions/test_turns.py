"""Turns: the light before the heavy, within budgets, and nobody starves."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.now import Now
from netchat.sessions.turns import (
    FEW,
    FORGOTTEN,
    HALF_LIFE,
    HEAVY,
    LEAST,
    LONGEST,
    REST,
    SERVING,
    SMALL,
    TICK,
    TURN,
    Turns,
)

MICRO = 1e-6


class World:
    """Turns, and a clock that goes only while a session is served."""

    def __init__(self) -> None:
        self.now = 5.0
        self.committing = False
        self.turns = Turns(lambda: 7, lambda: self.now, lambda: self.committing)
        self.order: list[Queue] = []

    def round(self) -> list[Queue]:
        """One tick; whom it has reached, in that order."""
        self.order.clear()
        self.turns.run(self.now)
        return list(dict.fromkeys(self.order))

    def make_heavy(self, *queues: Queue) -> None:
        """Each takes as much as only a flood does."""
        for queue in queues:
            for _ in range(3):
                queue.asks(1, costs=LONGEST)
                self.round()


class Queue:
    """A session with so many requests, each of which takes so many seconds."""

    def __init__(self, world: World, count: int = 0, cost: float = 0.0) -> None:
        self.world = world
        self.cost = cost
        self.left = 0
        self.served: list[int] = []
        self.moments: set[Now] = set()
        if count:
            self.asks(count)

    def asks(self, count: int, costs: float | None = None) -> None:
        self.left += count
        self.cost = self.cost if costs is None else costs
        self.world.turns.add(self)

    def serve(self, budget: int, now: Now) -> bool:
        assert budget > 0
        count = min(budget, self.left)
        self.left -= count
        self.served.append(count)
        self.moments.add(now)
        self.world.now += count * self.cost
        self.world.order.append(self)
        return self.left > 0

    def got(self) -> int:
        """How many were served since the last time."""
        count = sum(self.served)
        self.served.clear()
        return count


def test_one_turn_takes_up_to_256_requests() -> None:
    world = World()
    queue = Queue(world, 1_000)
    turns = []
    while world.round():
        turns.append(queue.got())
    assert turns == [TURN, TURN, TURN, 232]
    assert queue.moments == {Now(5.0, 7)}


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize(("waiting", "share"), [(16, 256), (32, 128), (4_096, 1), (5_000, 1)])
def test_many_who_wait_share_the_tick_and_nobody_gets_none(
    waiting: int, share: int, heavy: bool
) -> None:
    world = World()
    queues = [Queue(world, 1_000) for _ in range(waiting)]
    if heavy:
        for queue in queues:
            world.turns.enter(queue)
    world.round()
    assert {queue.got() for queue in queues} == {share}
    assert share * waiting <= max(TICK, waiting)


def test_in_a_crowd_of_which_nobody_takes_much_all_are_served_in_each_round() -> None:
    """Thirty posts a second each, whoever has had some more of them by chance."""
    world = World()
    crowd = [Queue(world, cost=5 * MICRO) for _ in range(60)]
    for number in range(40):
        asking = crowd if number % 4 else crowd[:20]
        for queue in asking:
            queue.asks(1)
        assert len(world.round()) == len(asking)
        world.now += 1 / 30


def test_a_session_is_served_once_a_round_however_often_it_is_added() -> None:
    world = World()
    queue = Queue(world, 10)
    world.turns.add(queue)
    world.round()
    assert queue.served == [10]


def test_whoever_has_more_comes_again_and_whoever_has_not_does_not() -> None:
    world = World()
    long, short = Queue(world, 300), Queue(world, 3)
    world.round()
    assert world.turns.is_waiting(5.0)
    assert (long.got(), short.got()) == (256, 3)
    world.round()
    assert (long.got(), short.got()) == (44, 0)
    assert not world.turns.is_waiting(5.0)


def test_one_who_is_added_during_the_round_is_served_in_the_next() -> None:
    world = World()

    class Waker(Queue):
        def serve(self, budget: int, now: Now) -> bool:
            world.turns.add(self)
            return super().serve(budget, now)

    queue = Waker(world, 1)
    assert world.round() == [queue]
    assert world.turns.is_waiting(5.0)
    assert queue.served == [1]


def test_with_nobody_there_is_nothing_to_do() -> None:
    assert World().turns.run(5.0) is False


def test_a_round_ends_with_its_time_and_the_next_begins_with_those_not_reached() -> None:
    world = World()
    alike = [Queue(world, 10_000, SERVING * 0.6 / SMALL) for _ in range(5)]
    first, *others = (set(world.round()) for _ in range(3))
    assert len(first) == 2
    assert first | others[0] | others[1] == set(alike)


def test_a_load_of_alike_is_served_in_long_rounds() -> None:
    world = World()
    alike = [Queue(world, cost=3 * MICRO) for _ in range(4)]
    world.make_heavy(*alike)
    world.now += 2 * HALF_LIFE
    for queue in alike:
        queue.asks(1_000, costs=3 * MICRO)
    world.round()
    assert sum(queue.got() for queue in alike) >= SERVING / (3 * MICRO) * 0.9


def test_somebody_light_is_served_first_and_makes_the_round_short() -> None:
    world = World()
    floods = [Queue(world) for _ in range(20)]
    world.make_heavy(*floods)
    for flood in floods:
        flood.asks(10_000, costs=3 * MICRO)
        flood.served.clear()
    light = Queue(world, 1, 3 * MICRO)
    began = world.now
    assert world.round()[0] is light
    assert 0 < sum(flood.got() for flood in floods) <= FEW
    assert world.now - began <= HEAVY + FEW * 3 * MICRO
    light.asks(1)
    assert world.round()[0] is light


@pytest.fixture
def beset() -> tuple[World, Queue, Queue]:
    """A flood that has just been served, and one who is light, and was here."""
    world = World()
    light, flood = Queue(world), Queue(world)
    world.make_heavy(flood)
    flood.asks(10_000, costs=3 * MICRO)
    light.asks(1, costs=3 * MICRO)
    assert world.round() == [light, flood]
    return world, light, flood


def test_the_heavy_rest_in_a_round_that_serves_somebody_light(
    beset: tuple[World, Queue, Queue],
) -> None:
    world, light, flood = beset
    world.now += REST / 4
    light.asks(1, costs=0.0)  # the clock may stand still from one round to the next
    assert world.round() == [light]
    assert world.turns.is_waiting(world.now)
    assert world.round() == [flood]


def test_the_heavy_rest_while_posts_are_committed_and_in_the_tick_in_which_they_are_back(
    beset: tuple[World, Queue, Queue],
) -> None:
    world, light, flood = beset
    world.committing = True
    assert world.round() == []
    assert not world.turns.is_waiting(world.now)  # the batch brings a tick with it
    light.asks(1)
    assert world.round() == [light]
    assert world.round() == []
    world.committing = False
    assert world.round() == []
    assert world.turns.is_waiting(world.now)
    assert world.round() == [flood]


def test_the_heavy_do_not_rest_for_ever(beset: tuple[World, Queue, Queue]) -> None:
    world, light, flood = beset
    world.committing = True
    served = []
    for _ in range(100):
        world.now += REST / 10
        light.asks(1)
        served.append(flood in world.round())
    assert 8 <= sum(served) <= 10


def test_the_heavy_do_not_rest_where_nobody_light_is(beset: tuple[World, Queue, Queue]) -> None:
    world, _, flood = beset
    world.committing = True
    for _ in range(4):
        world.make_heavy(flood)
        world.now += HALF_LIFE
    flood.asks(10_000, costs=3 * MICRO)
    flood.served.clear()
    world.round()
    assert flood.served == [TURN]


def test_one_who_rested_and_has_gone_is_asked_once_more_and_no_longer(
    beset: tuple[World, Queue, Queue],
) -> None:
    world, _, flood = beset
    world.committing = True
    world.round()
    flood.left = 0
    world.now += REST
    assert world.round() == [flood]
    assert world.round() == []


def test_those_who_take_as_little_as_a_person_are_light_beside_each_other() -> None:
    world = World()
    more, less = Queue(world, 1, LEAST * 0.9), Queue(world, 1, FORGOTTEN)
    world.round()
    flood = Queue(world)
    world.turns.enter(flood)
    flood.asks(10_000, costs=3 * MICRO)
    world.round()
    assert sum(flood.served) == SMALL  # and is known for what it is
    more.asks(1)
    less.asks(1, costs=MICRO)
    assert world.round() == [more, less, flood]


def test_what_costs_as_much_as_all_of_the_time_is_served_once_a_round() -> None:
    world = World()
    flood, light = Queue(world), Queue(world)
    world.make_heavy(flood)
    flood.asks(100, costs=2 * HEAVY)
    light.asks(1)
    flood.served.clear()
    world.round()
    assert flood.served == [1]


def test_one_who_comes_is_not_known_to_be_light_before_it_has_been_there_for_a_while() -> None:
    world = World()
    flood, new = Queue(world), Queue(world)
    world.make_heavy(flood)
    world.turns.enter(new)
    new.asks(1)
    known = Queue(world, 1)
    assert world.round() == [known, new]
    for _ in range(8):
        world.make_heavy(flood)
        world.now += HALF_LIFE / 2
        world.round()
    new.asks(1)
    flood.asks(1)
    assert world.round()[0] is new


def test_one_during_whose_turn_the_process_stood_still_is_not_heavy_for_it() -> None:
    world = World()
    flood, unlucky = Queue(world), Queue(world)
    for _ in range(20):
        world.make_heavy(flood)
    unlucky.asks(1, costs=0.1)
    world.round()
    for queue in (flood, unlucky):
        queue.asks(1, costs=3 * MICRO)
    assert world.round()[0] is unlucky


def test_what_was_taken_is_forgotten() -> None:
    world = World()
    world.make_heavy(Queue(world))
    assert world.turns.known == 1
    world.now += 60.0
    world.round()
    assert world.turns.known == 0


def test_nothing_is_kept_of_one_who_has_left_also_in_its_own_turn() -> None:
    class Leaves(Queue):
        def serve(self, budget: int, now: Now) -> bool:
            self.world.turns.leave(self)
            return super().serve(budget, now)

    world = World()
    gone, leaves = Queue(world), Leaves(world)
    world.make_heavy(gone)
    world.turns.leave(gone)
    leaves.asks(1, costs=LONGEST)
    gone.asks(1)
    assert set(world.round()) == {gone, leaves}
    assert world.turns.known == 0


class Flood(Queue):
    """Who sends more than can be served. Of what costs much there is little in a turn: sessions
    count pages, and read so many bytes at a time."""

    def serve(self, budget: int, now: Now) -> bool:
        return super().serve(min(budget, max(1, int(0.001 / self.cost))), now)


COSTS = st.lists(st.floats(1 * MICRO, 1_000 * MICRO), min_size=1, max_size=30)
COMINGS = st.lists(st.integers(1, 4), max_size=10)


@given(COSTS, COMINGS)
def test_nobody_gets_two_turns_while_somebody_light_waits_and_nobody_starves(
    costs: list[float], comings: list[int]
) -> None:
    """Floods of any cost, and one who says something once in so many rounds."""
    world = World()
    light, floods = Queue(world), [Flood(world) for _ in costs]
    world.make_heavy(*floods)
    for flood, cost in zip(floods, costs, strict=True):
        flood.asks(10**6, costs=cost)
    missed, rests = Counter[Queue](), 0
    for rounds in comings:
        light.asks(1, costs=3 * MICRO)
        since: Counter[Queue] = Counter()
        for _ in range(rounds):
            world.now += REST / 2
            reached = world.round()
            if light.left or light in reached:
                since.update(reached)
            rests = rests + 1 if reached == [light] else 0
            assert rests <= 1
            missed.update([] if rests else floods)
            for each in reached:
                del missed[each]
            assert missed.total() == 0 or max(missed.values()) <= 2 * len(floods)
        assert not since or max(since.values()) == 1


@given(COSTS)
def test_while_one_speaks_now_and_then_rounds_are_short(costs: list[float]) -> None:
    world = World()
    light, floods = Queue(world), [Flood(world) for _ in costs]
    world.make_heavy(*floods)
    for flood in floods:
        flood.asks(10**6, costs=costs[0])
    for _ in range(20):
        light.asks(1, costs=3 * MICRO)
        began = world.now
        assert world.round()[0] is light
        assert world.now - began <= 3 * MICRO + 2 * HEAVY + max(HEAVY, costs[0])
