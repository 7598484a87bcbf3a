from __future__ import annotations

from collections.abc import Callable

from netchat.net.flushing import FLUSH_SLICE, Failed, Flushable, FlushQueue


class Dirty:
    """A Flushable that counts its flushes."""

    def __init__(self) -> None:
        self.dirty = self.in_slow = self.in_urgent = False
        self.flushes = 0
        self.then: Callable[[], None] = lambda: None

    def flush(self, now: float) -> None:
        self.dirty = False
        self.flushes += 1
        self.then()

    def finish(self, exc: Exception | None, now: float) -> None:
        raise AssertionError

    def failed(self, exc: Exception) -> None:
        raise AssertionError


def nobody_fails(transport: Flushable, exc: Exception) -> None:
    raise exc


def test_a_transport_is_flushed_once_however_often_it_is_queued() -> None:
    queue, one = FlushQueue(), Dirty()
    for urgent in (False, True, False, True):
        queue.add(one, urgent)
    queue.flush(0.0, nobody_fails)
    assert one.flushes == 1
    assert not queue


def test_all_urgent_ones_go_and_a_slice_of_the_slow() -> None:
    queue = FlushQueue()
    slow = [Dirty() for _ in range(FLUSH_SLICE + 10)]
    urgent = [Dirty() for _ in range(FLUSH_SLICE + 10)]
    for transport in slow:
        queue.add(transport, False)
    for transport in urgent:
        queue.add(transport, True)
    queue.flush(0.0, nobody_fails)
    assert sum(t.flushes for t in urgent) == len(urgent)
    assert [t.flushes for t in slow] == [1] * FLUSH_SLICE + [0] * 10
    assert queue.backlog == 10


def test_one_flushed_as_urgent_is_passed_over_in_the_slow_queue() -> None:
    queue = FlushQueue()
    both = [Dirty() for _ in range(FLUSH_SLICE)]
    behind = Dirty()
    for transport in both:
        queue.add(transport, False)
        queue.add(transport, True)
    queue.add(behind, False)
    queue.flush(0.0, nobody_fails)
    assert {t.flushes for t in both} == {1}
    assert (behind.flushes, queue.backlog) == (0, 1)
    queue.flush(0.0, nobody_fails)
    assert {t.flushes for t in both} == {1}
    assert behind.flushes == 1


def test_one_that_becomes_dirty_again_keeps_its_place() -> None:
    queue = FlushQueue()
    first, *rest = [Dirty() for _ in range(FLUSH_SLICE + 1)]
    for transport in [*rest, first]:
        queue.add(transport, False)
    queue.add(first, True)
    queue.flush(0.0, nobody_fails)
    assert queue.backlog == 1
    queue.add(first, False)
    queue.flush(0.0, nobody_fails)
    assert first.flushes == 2
    assert not queue


def test_what_a_flush_queues_waits_for_the_next_tick() -> None:
    queue, one, two = FlushQueue(), Dirty(), Dirty()
    one.then = lambda: queue.add(one, True)
    two.then = lambda: queue.add(two, False)
    queue.add(one, True)
    queue.add(two, False)
    queue.flush(0.0, nobody_fails)
    assert (one.flushes, two.flushes) == (1, 1)
    queue.flush(0.0, nobody_fails)
    assert (one.flushes, two.flushes) == (2, 2)


def test_one_that_fails_keeps_nobody_else_from_being_flushed() -> None:
    queue, failed = FlushQueue(), list[tuple[Flushable, str]]()
    broken = [Dirty(), Dirty()]
    others = [Dirty() for _ in range(4)]

    def fail() -> None:
        raise OSError("broken")

    for transport, urgent in zip(broken, (True, False), strict=True):
        transport.then = fail
        queue.add(others.pop(), urgent)
        queue.add(transport, urgent)
    behind = [(Dirty(), True), (Dirty(), False)]
    for other, urgent in behind:
        queue.add(other, urgent)
    queue.flush(0.0, lambda transport, exc: failed.append((transport, str(exc))))
    assert failed == [(broken[0], "broken"), (broken[1], "broken")]
    assert [other.flushes for other, _ in behind] == [1, 1]
    assert not queue


class FanOutOf:
    """So many turns."""

    def __init__(self, turns: int) -> None:
        self.turns = turns

    def __len__(self) -> int:
        return self.turns

    def flush(self, most: int, now: float, failed: Failed) -> None:
        self.turns -= min(self.turns, most)


def test_fan_outs_and_slow_ones_share_the_turns_of_a_tick() -> None:
    queue, slow = FlushQueue(), [Dirty() for _ in range(30)]
    fanouts = [FanOutOf(FLUSH_SLICE - 10), FanOutOf(20), FanOutOf(FLUSH_SLICE)]
    for fanout in fanouts:
        queue.add_fanout(fanout)
    for transport in slow:
        queue.add(transport, False)
    left = []
    for _ in range(3):
        queue.flush(0.0, nobody_fails)
        left.append(([fanout.turns for fanout in fanouts], sum(1 - t.flushes for t in slow)))
    assert left == [
        ([0, 10, FLUSH_SLICE], 30),
        ([0, 0, 10], 30),
        ([0, 0, 0], 0),
    ]
    assert queue.backlog == 0
    assert not queue
