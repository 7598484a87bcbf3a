"""The worker: a store's calls, run in the loop's own thread at a drawn later instant.

A call takes effect at one instant, and the loop is told at a later one. So a crash can fall
before the effect, or between it and the news of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from netchat.chat.log import Batch, LogPost, OnDone
from netchat.errors import StoreError, StoreFailed, StoreFull
from netchat.storage.worker import InlineWorker

from .world import World

CallSoon = Callable[[Callable[[], None]], None]


@dataclass
class Pace:
    """How long calls take, and how they fail."""

    quick: int
    """Milliseconds that a call takes at most, as a rule."""
    slow: int
    """... and every so often."""
    slow_share: float
    failing: type[StoreError] | None = None
    """What every call fails with at present."""
    failures: float = 0.0
    """How often a single call fails."""

    def heal(self) -> None:
        """From now on all is quick and well."""
        self.failing = None
        self.failures = self.slow_share = 0.0
        self.quick = min(self.quick, 10)


class TracedWorker(InlineWorker):
    """Runs each call at once, and notes that something was done."""

    def __init__(self, world: World) -> None:
        self._world = world

    def submit(self, call: Callable[[], Any], on_done: OnDone) -> None:
        self._world.trace("the log in memory is asked")
        super().submit(call, on_done)


class SimWorker:
    """A Worker, see `chat.log`."""

    def __init__(self, world: World, name: str, pace: Pace, call_soon: CallSoon) -> None:
        self._world = world
        self._name = name
        self._pace = pace
        self._call_soon = call_soon
        self._random = world.random(f"{name}/{world.now}")
        self._queue: deque[tuple[Callable[[], Any], OnDone]] = deque()
        self._done = False
        self._dead = False

    def submit(self, call: Callable[[], Any], on_done: OnDone) -> None:
        assert not self._dead
        self._queue.append((call, on_done))
        if len(self._queue) == 1:
            self._begin()

    def close(self) -> None:
        """As the real one: everything submitted is run, nobody is told."""
        if not self._dead:
            self._dead = True
            for call, _ in list(self._queue)[self._done :]:
                self._run(call)

    def abandon(self) -> None:
        """The process is gone. What was under way may have had its effect or not."""
        if self._queue and not self._dead:
            posts = self.posts_under_way()
            if not self._done and self._random.random() < 0.5:
                self._run(self._queue[0][0])
                self._done = True
            if posts and self._done:
                self._world.sometimes["crash between commit and acknowledgement"] += 1
            elif posts:
                self._world.sometimes["crash before commit"] += 1
        self._dead = True

    def posts_under_way(self) -> list[LogPost]:
        """The posts of the batch that the store is busy with."""
        if not self._queue:
            return []
        call = self._queue[0][0]
        batch = call.args[0] if isinstance(call, partial) and call.args else None
        return list(batch.posts) if isinstance(batch, Batch) else []

    def _begin(self) -> None:
        self._done = False
        pace, draw = self._pace, self._random
        limit = pace.slow if draw.random() < pace.slow_share else pace.quick
        effect = draw.randint(0, limit)
        self._world.after(effect, partial(self._take_effect, draw.randint(0, limit // 2)))

    def _take_effect(self, delay: int) -> None:
        if self._dead:
            return
        outcome = self._run(self._queue[0][0])
        self._done = True
        self._world.after(delay, partial(self._tell, outcome))

    def _run(self, call: Callable[[], Any]) -> object:
        pace = self._pace
        failing = pace.failing
        if failing is None and self._random.random() < pace.failures:
            failing = self._random.choice([StoreFailed, StoreFull])
        if failing is not None:
            self._world.trace(f"{self._name} fails with {failing.code}")
            self._world.sometimes[f"{self._name} failed"] += 1
            return failing(retry_after=1.0)
        try:
            outcome = call()
        except Exception as exc:  # noqa: BLE001 - whatever went wrong is the outcome
            outcome = exc
        self._world.trace(f"{self._name} has run: {outcome!r:.300}")
        return outcome

    def _tell(self, outcome: object) -> None:
        if self._dead:
            return
        _, on_done = self._queue.popleft()
        self._call_soon(partial(on_done, outcome))
        self._world.woken = True
        if self._queue:
            self._begin()
