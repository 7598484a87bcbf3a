"""Workers: where a store's calls run. The contract is `chat.log.Worker`."""

from __future__ import annotations

import ctypes
import os
import sys
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread, get_native_id
from time import perf_counter
from typing import Any

from netchat.chat.log import OnDone
from netchat.errors import LocalProtocolError

Call = Callable[[], Any]

_yield_core = ctypes.CDLL(None).sched_yield
"""Not `os.sched_yield`, which keeps the interpreter: who gets the core could do nothing with it."""


class InlineWorker:
    """Runs each call, and its `on_done`, inside `submit`: for stores that never wait."""

    def submit(self, call: Call, on_done: OnDone) -> None:
        try:
            outcome = call()
        except Exception as exc:  # noqa: BLE001 - whatever went wrong is the outcome
            outcome = exc
        on_done(outcome)

    def close(self) -> None:
        """Nothing is ever under way."""


class ThreadWorker:
    """Runs calls on one thread of its own; outcomes come back through `call_soon_threadsafe`.

    The loop is woken once for all the calls that finish before it gets round to them. With a
    `niceness` the thread lets others go first, where the system can do that for one thread.
    `took` is told, on the loop, how many seconds each call has taken.
    """

    def __init__(
        self,
        name: str,
        call_soon_threadsafe: Callable[[Call], None],
        niceness: int = 0,
        took: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._took: Callable[[float], None] = took
        self._niceness = niceness
        self._call_soon = call_soon_threadsafe
        self._calls: SimpleQueue[tuple[Call, OnDone] | None] = SimpleQueue()
        self._done: deque[tuple[OnDone, Any, float]] = deque()
        self._drain_due = False
        self._under_way = 0
        self._closed = False
        # Not a daemon: the interpreter must not cut a commit short on its way out.
        self._thread = Thread(target=self._run, name=name)
        self._thread.start()

    def submit(self, call: Call, on_done: OnDone) -> None:
        """Queue `call`. Raises LocalProtocolError after `close`, as nothing would answer."""
        if self._closed:
            raise LocalProtocolError("The worker has been closed.")
        self._under_way += 1
        self._calls.put((call, on_done))

    def give_way(self) -> None:
        """On the loop, at the end of a tick: this thread goes on where it has something to do.

        Where both have one core, a loop that finds a little to read in each tick would keep it
        from the thread until the kernel steps in, two to four milliseconds later.
        """
        if self._under_way:
            _yield_core()

    def close(self) -> None:
        """Run what was submitted, then end the thread. Closing again does nothing."""
        self._closed = True
        self._calls.put(None)
        self._thread.join()

    def _run(self) -> None:
        if self._niceness and sys.platform == "linux":  # elsewhere it is the whole process's
            self._let_others_go_first()
        while (work := self._calls.get()) is not None:
            call, on_done = work
            began = perf_counter()
            try:
                outcome = call()
            except BaseException as exc:  # noqa: BLE001 - even SystemExit must be answered
                outcome = exc
            # Append first, look second: a drain that is due still sees this outcome, and one
            # that has begun has cleared the mark.
            self._done.append((on_done, outcome, perf_counter() - began))
            self._wake()

    def _let_others_go_first(self) -> None:
        """Also when it has just got something to do (SCHED_BATCH): that comes from the loop, which
        would lie still meanwhile."""
        thread = get_native_id()
        priority = os.getpriority(os.PRIO_PROCESS, thread) + self._niceness
        os.setpriority(os.PRIO_PROCESS, thread, min(19, priority))
        os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))

    def _wake(self) -> None:
        if not self._drain_due:
            self._drain_due = True
            self._call_soon(self._drain)

    def _drain(self) -> None:
        """On the loop: hand over what is done by now, not what becomes done meanwhile."""
        self._drain_due = False
        try:
            for _ in range(len(self._done)):
                on_done, outcome, seconds = self._done.popleft()
                self._under_way -= 1
                self._took(seconds)
                on_done(outcome)
        finally:
            if self._done:  # an on_done raised: those behind it get their turn all the same
                self._wake()
