"""Timers: callbacks that are due at an instant, kept in a heap.

A cancelled timer stays in the heap and is skipped when it comes up (lazy deletion). When the
cancelled outnumber the live, the heap is rebuilt without them, so it holds at most two
entries a live timer however many deadlines are set and lifted, and a cancel costs O(1) on
average.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

Callback = Callable[[float], None]
"""Takes the tick's `now`, in monotonic seconds."""


class Timer:
    """One callback at one instant; `when` is in monotonic seconds."""

    __slots__ = ("_heap", "callback", "when")

    def __init__(self, when: float, callback: Callback, heap: Timers) -> None:
        self.when = when
        self.callback: Callback | None = callback
        self._heap: Timers | None = heap

    def cancel(self) -> None:
        """The callback will not run. Does nothing where it has run or was cancelled before."""
        self.callback = None
        heap, self._heap = self._heap, None
        if heap is not None:
            heap.forget_one()

    def take(self) -> Callback | None:
        """The callback, to be run now; None if it was cancelled at the last moment."""
        callback, self.callback = self.callback, None
        return callback


class Timers:
    """All timers of a reactor, the earliest first, those of one instant in order of setting."""

    __slots__ = ("_cancelled", "_heap", "_serial")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._serial = 0
        self._cancelled = 0

    def add(self, when: float, callback: Callback) -> Timer:
        """Set a timer."""
        timer = Timer(when, callback, self)
        self._serial += 1
        heapq.heappush(self._heap, (when, self._serial, timer))
        return timer

    def next_when(self) -> float | None:
        """The instant of the earliest live timer, None if there is none."""
        heap = self._heap
        while heap:
            when, _, timer = heap[0]
            if timer.callback is not None:
                return when
            heapq.heappop(heap)
            self._cancelled -= 1
        return None

    def due(self, now: float) -> list[Timer]:
        """Take out all timers that are due, in order. Those set from here on wait for the
        next call, so a timer that sets itself again at once cannot hold up the loop."""
        found = []
        while (when := self.next_when()) is not None and when <= now:
            timer = heapq.heappop(self._heap)[2]
            timer._heap = None
            found.append(timer)
        self._trim()
        return found

    def forget_one(self) -> None:
        """A timer in the heap has been cancelled."""
        self._cancelled += 1
        self._trim()

    def _trim(self) -> None:
        if self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0
