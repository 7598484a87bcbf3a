"""The watchdog: a thread that sees when the loop hangs in one tick, and says where.

Rules of this file
    1. It looks on and touches nothing. All that it needs of the loop is two assignments a tick.
    2. Each look is due when the present tick would be too long: what runs for longer than the
       patience is seen, and a busy loop is looked at ten times a second.
    3. A stall is told once, while it lasts. A sleep is none, however long it is.
    4. Nothing here can judge a call that keeps Python's lock: it keeps the watchdog out, too.
       Such a tick is told when the lock is free again, if it is still not over; the histogram
       of ticks has it in any case.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netchat.net.clock import Clock
from netchat.net.reactor import Reactor

log = logging.getLogger("netchat.net")

DEEPEST = 16
"""Calls of a stack that are told, the innermost first: from the reactor down there are fewer
in our own code, and a log line holds about as many."""


class Watchdog:
    """Watches the ticks of a reactor. `patience`: seconds that one may take; 0: any."""

    def __init__(self, reactor: Reactor, clock: Clock, patience: float) -> None:
        self.stalls = 0
        """Stalls that were told."""
        self._reactor = reactor
        self._clock = clock
        self._patience = patience
        self._told: float | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the thread that comes here to run the reactor, until it leaves."""
        over = threading.Event()
        args = (threading.get_ident(), over)
        thread = threading.Thread(target=self._watch, args=args, name="netchat-dog", daemon=True)
        if self._patience:
            thread.start()
        try:
            yield
        finally:
            over.set()

    def _watch(self, loop: int, over: threading.Event) -> None:
        """The thread."""
        wait = self._patience
        while not over.wait(wait):
            wait = self.look(loop)

    def look(self, loop: int) -> float:
        """Tell of a stall of this thread; in how many seconds to look again."""
        reactor, began = self._reactor, self._reactor.now
        lasted = self._clock.monotonic() - began
        if reactor.asleep or began == self._told:
            return self._patience
        if lasted < self._patience:
            return self._patience - lasted
        stack = stack_of(loop)
        # In this order: a tick that began before the stack was taken and is under way now.
        if not reactor.asleep and reactor.now == began:
            self._told = began
            self.stalls += 1
            log.warning("The loop has been held up for %.0f ms, by %s", lasted * 1e3, stack)
        return self._patience


def stack_of(thread: int) -> str:
    """Where a thread is, in one line: the innermost call first, each with its source."""
    calls = traceback.extract_stack(sys._current_frames()[thread], DEEPEST)
    return " < ".join(
        f"{'/'.join(Path(call.filename).parts[-2:])}:{call.lineno} {call.name}: {call.line}"
        for call in reversed(calls)
    )
