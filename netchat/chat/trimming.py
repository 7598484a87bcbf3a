"""Trimming: the log's oldest messages go, where the operator wants them to.

The store is given a page of deletions at a time, so that posts never wait for more than one of
them: whatever gathers meanwhile goes into the log before the next page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from netchat.chat.log import Store, Trimmed, Worker
from netchat.chat.now import Later
from netchat.errors import StoreError

log = logging.getLogger("netchat.chat")

INTERVAL = 60.0
"""Seconds between two looks: what is counted in days need not go to the second."""

PAGE = 500
"""Messages deleted in one commit: 2 to 15 ms, what a busy room's batch takes."""


class Trimming:
    """Once begun it goes on for ever. `on_firsts` is told each trimmed room's new oldest seq."""

    def __init__(
        self,
        store: Store,
        worker: Worker,
        later: Later,
        on_firsts: Callable[[dict[int, int]], None],
    ) -> None:
        self._store = store
        self._worker = worker
        self._later = later
        self._on_firsts = on_firsts

    def trim(self, _now: float = 0.0) -> None:
        """Have a page deleted, and then the next one: at once if there is more, or in a while."""
        self._worker.submit(partial(self._store.trim, PAGE), self._trimmed)

    def _trimmed(self, outcome: Trimmed | BaseException) -> None:
        more = False
        if isinstance(outcome, BaseException):
            bug = None if isinstance(outcome, StoreError) else outcome
            log.warning("Old messages could not be deleted: %s", outcome, exc_info=bug)
        else:
            self._on_firsts(outcome.firsts)
            more = outcome.more
        self._later(0.0 if more else INTERVAL, self.trim)
