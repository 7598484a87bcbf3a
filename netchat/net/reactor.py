"""The reactor: one selector, one thread, one tick after the other.

Rules of this file
    1. A tick has five phases, each with one owner:

           1 reap      finish() for transports that were marked, so many at a time
           2 collect   `give_way`; select; threads' and signals' callbacks; due timers;
                       readiness; the `collect` hooks
           3 append    the `append` hooks
           4 deliver   the `deliver` hooks
           5 flush     flush() for dirty transports (see `flushing`)

    2. Time is read once a tick, right after select, and passed down as `now`. (One more
       reading, just before select, serves the sleep and the lag histogram only; `elapsed` is
       for what is cut off by time.)
    3. The loop does not sleep while anything is left over: marked or dirty transports,
       callbacks of threads, a hook that said so.
    4. Readiness is dispatched on `key.data`, never by descriptor: the kernel reuses numbers.
    5. Interest is never 0. The selectors take it, and then report a hang-up forever.
    6. What an upcall raises goes to `_failed`: it is that one's end, never the loop's.
    7. Whatever an upcall queues (timer, callback, mark, dirty) is for a later phase or tick,
       so no phase can keep itself going.

Only `call_soon_threadsafe` may be called from another thread.
"""

from __future__ import annotations

import io
import logging
import selectors
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from netchat.net.clock import Clock
from netchat.net.flushing import Flushable, FlushableFanOut, FlushQueue, Ring
from netchat.net.histogram import MICROSECONDS, Histogram
from netchat.net.signals import Signals
from netchat.net.timers import Callback, Timer, Timers
from netchat.net.wakeup import WakeUp

log = logging.getLogger("netchat.net")

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE

LONGEST_SLEEP = 86_400.0
"""Seconds; epoll counts milliseconds in 32 bits. asyncio sleeps no longer either."""

REAPED, REAPING = 1_024, 0.002
"""Transports finished a tick, and seconds for it: resets come in storms, and can wait."""

SHARE = 1 / 4
"""Of the tick before; see `until`."""

Hook = Callable[[float], bool]
"""Takes `now`. True: something is left over, do not sleep."""


class Pollable(Protocol):
    """What the selector wakes up: the data of a registered file object."""

    def ready(self, mask: int, now: float) -> None:
        """Phase 2: the file object is readable or writable (READ, WRITE, or both)."""

    def failed(self, exc: Exception) -> None:
        """`ready` raised: end this one, the loop lives."""


class Reactor:
    """The loop. See the head of this file for its rules.

    `strict` lets what an upcall raises through to the caller of `run_once` (for tests);
    else it is logged with its traceback and counted in `errors`. `ring`: how fan-outs are sent.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        clock: Clock,
        *,
        strict: bool = False,
        ring: Ring | None = None,
    ) -> None:
        self.now = clock.monotonic()
        self.wall = clock.wall()
        self.lag = Histogram(MICROSECONDS)
        self.asleep = True
        """Inside of select: no tick is under way."""
        self.errors = 0
        self.unsent = 0
        """Bytes that wait for sockets which have refused some, of all transports together."""
        self.collect: list[Hook] = []
        self.append: list[Hook] = []
        self.deliver: list[Hook] = []
        self.give_way: Callable[[], None] = lambda: None
        """Called before each select, for the threads whose outcomes the loop waits for."""
        self.ring = ring
        self._selector = selector
        self._clock = clock
        self._strict = strict
        self._timers = Timers()
        self._signals = Signals()
        self._calls: deque[Callable[[], None]] = deque()
        self._marked: deque[tuple[Flushable, Exception | None]] = deque()
        self._flushes = FlushQueue()
        self._hooks_left = False
        self._ticked = False
        self._busy = 0.0
        """Seconds that the tick before has taken, its sleep left out."""
        self._stopped = False
        self._closed = False
        self._wakeup = WakeUp(self._signalled, self._broken)
        selector.register(self._wakeup.reader, READ, self._wakeup)
        self.dirty: Callable[[Flushable, bool], None] = self._flushes.add
        """dirty(transport, urgent): queue for phase 5. A bound method: it is the hot path."""
        self.dirty_all: Callable[[Iterable[Flushable]], None] = self._flushes.add_all
        """dirty_all(transports): the same for many, none urgent; see `FlushQueue.add_all`."""
        self.fan_out: Callable[[FlushableFanOut], None] = self._flushes.add_fanout
        """fan_out(fanout): the same for many who are sent the same."""

    # The tick

    def run_once(self, max_wait: float | None = None) -> None:
        """One tick; sleeps at most `max_wait` seconds (None: until something happens)."""
        self._check_open()
        self._reap()
        events = self._sleep(max_wait)
        now = self.now
        self._hooks_left = False
        self._run_calls()
        for timer in self._timers.due(now):
            if (callback := timer.take()) is not None:
                self._guard(None, callback, now)
        for key, mask in events:
            pollable = key.data
            try:
                pollable.ready(mask, now)
            except Exception as exc:  # noqa: BLE001 - `_guard`, without its call
                self._failed(pollable, exc)
        self._run_hooks(self.collect)
        self._run_hooks(self.append)
        self._run_hooks(self.deliver)
        self._flushes.flush(now, self._failed)

    def run(self) -> None:
        """Tick until `stop`."""
        while not self._stopped:
            self.run_once()
        self._stopped = False

    def stop(self) -> None:
        """End `run` after the present tick (or at once, if it comes before)."""
        self._stopped = True

    def _reap(self) -> None:
        if not self._marked:
            return
        until = self.until(REAPING)
        for _ in range(min(REAPED, len(self._marked))):
            transport, exc = self._marked.popleft()
            self._guard(None, transport.finish, exc, self.now)
            if self.elapsed() >= until:
                break

    def _sleep(self, max_wait: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Select, and read the clock."""
        before = self._clock.monotonic()
        if self._ticked:
            self._busy = before - self.now
            self.lag.record(self._busy)
        self._ticked = True
        timeout = self._timeout(before)
        if max_wait is not None and (timeout is None or max_wait < timeout):
            timeout = max_wait
        self.asleep = True
        self.give_way()
        events = self._selector.select(timeout)
        self.now = self._clock.monotonic()
        self.wall = self._clock.wall()
        self.asleep = False
        return events

    def _timeout(self, now: float) -> float | None:
        """How long there is nothing to do, in seconds; None: for ever."""
        if self._marked or self._flushes or self._calls or self._hooks_left:
            return 0.0
        when = self._timers.next_when()
        return None if when is None else min(max(0.0, when - now), LONGEST_SLEEP)

    def _run_calls(self) -> None:
        for _ in range(len(self._calls)):
            self._guard(None, self._calls.popleft())

    def _run_hooks(self, hooks: list[Hook]) -> None:
        for hook in hooks:
            if self._guard(None, hook, self.now):
                self._hooks_left = True

    def _guard(self, owner: Any, call: Callable[..., object], *args: object) -> object:
        """Call, and turn what is raised into the end of `owner`."""
        try:
            return call(*args)
        except Exception as exc:  # noqa: BLE001 - the one boundary
            self._failed(owner, exc)
            return None

    def _failed(self, owner: Any, exc: Exception) -> None:
        """An upcall raised: `owner.failed` is told, the loop lives."""
        self.errors += 1
        if owner is not None:
            self._guard(None, owner.failed, exc)
        if self._strict:
            raise exc
        log.error("An upcall failed.", exc_info=exc)

    # Being used

    @property
    def backlog(self) -> int:
        """Transports that the last flush left waiting in the slow queue."""
        return self._flushes.backlog

    def elapsed(self) -> float:
        """Seconds since the tick began."""
        return self._clock.monotonic() - self.now

    def until(self, seconds: float) -> float:
        """How far `elapsed` may go until somebody has to stop who could fill the tick, while
        everybody else waits: for so many seconds, or for a part of the tick before, where that is
        more. For in a loop that is busy ticks are long and few, and a crowd has to be through
        them before its deadlines."""
        return self.elapsed() + max(seconds, SHARE * self._busy)

    def call_at(self, when: float, callback: Callback) -> Timer:
        """Run `callback(now)` in phase 2 of the first tick at or after `when`."""
        self._check_open()
        return self._timers.add(when, callback)

    def call_later(self, delay: float, callback: Callback) -> Timer:
        """Run `callback(now)` in `delay` seconds, counted from this very moment: the tick's
        `now` may be old when the caller stands outside of a tick."""
        return self.call_at(self._clock.monotonic() + delay, callback)

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        """Run `callback()` on the loop, in order of calls. From any thread."""
        self._check_open()
        self._calls.append(callback)
        self._wakeup.wake()

    def register(self, fileobj: Any, events: int, pollable: Pollable) -> None:
        """Watch a file object; `events` is READ, WRITE or both."""
        self._check_open()
        self._selector.register(fileobj, events, pollable)

    def modify(self, fileobj: Any, events: int, pollable: Pollable) -> None:
        """Watch a registered file object for something else, or for somebody else."""
        if not events:
            raise ValueError("Nothing is watched for with no interest; unregister instead.")
        self._selector.modify(fileobj, events, pollable)

    def unregister(self, fileobj: Any) -> None:
        """Watch it no longer. Comes before closing it, always."""
        self._selector.unregister(fileobj)

    def hurry(self) -> None:
        """Do not sleep before the next tick: something has been left over since the hooks."""
        self._hooks_left = True

    def mark(self, transport: Flushable, exc: Exception | None) -> None:
        """Have phase 1 of a tick to come call `transport.finish(exc, now)`. Once a transport."""
        self._marked.append((transport, exc))

    # Signals

    def add_signal(self, signum: int, callback: Callable[[], None]) -> None:
        """Run `callback()` on the loop, in phase 2, whenever the signal has arrived.

        In the main thread only (ValueError). `close` restores what was there before.
        """
        self._check_open()
        self._signals.add(signum, callback, self._wakeup.fileno())

    def _signalled(self, signum: int) -> None:
        callback = self._signals.callback(signum)
        if callback is not None:
            self._calls.append(callback)

    def _broken(self, exc: Exception) -> None:
        log.critical("The loop can no longer be woken and stops: %s", exc)
        self.stop()

    # Being watched by another selector, and the end

    def fileno(self) -> int:
        """The selector's own descriptor, readable when a tick has something to do: lets
        another selector watch the whole reactor (beside `next_timeout`).

        Raises io.UnsupportedOperation where the selector has none (select, poll).
        """
        fileno: Callable[[], int] | None = getattr(self._selector, "fileno", None)
        if fileno is None:
            raise io.UnsupportedOperation("This selector has no descriptor of its own.")
        return fileno()

    def next_timeout(self) -> float | None:
        """Seconds until a tick has something to do by itself; 0: now; None: never."""
        return self._timeout(self._clock.monotonic())

    def close(self) -> None:
        """Close the selector and the wake-up pair, restore signals. Transports and listeners
        are to be closed before. Again: does nothing; other calls raise RuntimeError."""
        if self._closed:
            return
        self._closed = True
        self._signals.restore()
        self._selector.close()
        self._wakeup.close()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("The reactor is closed.")
