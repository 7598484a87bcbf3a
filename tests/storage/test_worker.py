from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, current_thread
from typing import Any

import pytest

from netchat.errors import LocalProtocolError, StoreFull
from netchat.storage.worker import InlineWorker, ThreadWorker


class Loop:
    """Runs what other threads ask for, when the test says so."""

    def __init__(self) -> None:
        self.soon: SimpleQueue[Callable[[], Any]] = SimpleQueue()
        self.outcomes: list[Any] = []

    def run_until(self, count: int) -> None:
        while len(self.outcomes) < count:
            self.soon.get(timeout=10)()

    def run_pending(self) -> int:
        ran = 0
        while not self.soon.empty():
            self.soon.get()()
            ran += 1
        return ran


def fail(exc: BaseException) -> Callable[[], None]:
    def call() -> None:
        raise exc

    return call


def started() -> tuple[Loop, ThreadWorker]:
    loop = Loop()
    return loop, ThreadWorker("test", loop.soon.put)


def test_inline_runs_call_and_answer_at_once() -> None:
    outcomes: list[Any] = []
    worker = InlineWorker()
    worker.submit(lambda: 7, outcomes.append)
    worker.submit(fail(full := StoreFull()), outcomes.append)
    worker.close()
    assert outcomes == [7, full]


def test_outcomes_arrive_in_order_of_submission() -> None:
    loop, worker = started()
    for number in range(200):
        worker.submit(lambda number=number: number, loop.outcomes.append)  # type: ignore[misc]
    loop.run_until(200)
    worker.close()
    assert loop.outcomes == list(range(200))


def test_calls_run_on_the_thread_and_answers_on_the_loop() -> None:
    loop, worker = started()
    threads: list[Any] = []

    def on_done(outcome: Any) -> None:
        threads.extend([outcome, current_thread()])
        loop.outcomes.append(None)

    worker.submit(current_thread, on_done)
    loop.run_until(1)
    worker.close()
    assert threads[0].name == "test"
    assert threads[1] is current_thread()


@pytest.mark.parametrize("exc", [StoreFull(), ValueError("odd"), SystemExit(1)])
def test_an_exception_is_the_outcome_and_the_thread_lives(exc: BaseException) -> None:
    loop, worker = started()
    worker.submit(fail(exc), loop.outcomes.append)
    worker.submit(lambda: "next", loop.outcomes.append)
    loop.run_until(2)
    worker.close()
    assert loop.outcomes == [exc, "next"]


def test_close_runs_what_was_submitted() -> None:
    loop, worker = started()
    ran: list[int] = []
    go = Event()
    worker.submit(lambda: go.wait(10), loop.outcomes.append)
    for number in range(20):
        worker.submit(lambda number=number: ran.append(number), loop.outcomes.append)  # type: ignore[misc]
    assert ran == []
    go.set()
    worker.close()
    assert ran == list(range(20))


def test_the_core_is_given_up_while_something_is_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    yields: list[None] = []
    monkeypatch.setattr("netchat.storage.worker._yield_core", lambda: yields.append(None))
    loop, worker = started()
    worker.give_way()
    assert not yields
    worker.submit(lambda: 1, loop.outcomes.append)
    worker.submit(fail(StoreFull()), loop.outcomes.append)
    worker.give_way()
    assert len(yields) == 1
    loop.run_until(2)
    worker.give_way()
    worker.close()
    assert len(yields) == 1


def test_submitting_after_close_is_an_error() -> None:
    loop, worker = started()
    worker.close()
    worker.close()
    with pytest.raises(LocalProtocolError):
        worker.submit(lambda: 1, loop.outcomes.append)


def test_the_loop_is_woken_once_for_many_outcomes() -> None:
    loop, worker = started()
    for number in range(50):
        worker.submit(lambda number=number: number, loop.outcomes.append)  # type: ignore[misc]
    worker.close()
    assert loop.run_pending() == 1
    assert loop.outcomes == list(range(50))


def test_an_answer_that_raises_does_not_hold_up_the_others() -> None:
    loop, worker = started()
    worker.submit(lambda: 1, lambda _: fail(ValueError("odd"))())
    worker.submit(lambda: 2, loop.outcomes.append)
    worker.close()
    with pytest.raises(ValueError):
        loop.run_pending()
    loop.run_pending()
    assert loop.outcomes == [2]
