"""Refusals: how often something was refused, by code.

Some codes are what attacks look like. Of those a line is logged, with the counts of all that
came since the last one, at most once a second however many there are.
"""

from __future__ import annotations

import logging
from collections import Counter

from netchat.chat.now import Later
from netchat.errors import FatalError, RefusedError, StoreError

log = logging.getLogger("netchat.chat")

LOUD = frozenset({
    "auth_busy", "bad_credentials", "bad_frame", "bad_json", "bad_token", "frame_too_large",
    "kicked", "login_timeout", "rate_limited", "too_many_connections",
})  # fmt: skip

EVERY = 1.0
"""Seconds between two lines."""


def _codes(kind: type[RefusedError]) -> set[str]:
    own = set() if kind in (RefusedError, FatalError, StoreError) else {kind.code}
    return own.union(*map(_codes, kind.__subclasses__()))


CODES = sorted(_codes(RefusedError))
"""All that there are."""


class Refusals:
    """Counts them. `later` arranges timers."""

    def __init__(self, later: Later) -> None:
        self._later = later
        self.counts: Counter[str] = Counter()
        self._untold: Counter[str] = Counter()

    def add(self, code: str) -> None:
        """Something was refused."""
        self.counts[code] += 1
        if code in LOUD:
            if not self._untold:
                self._later(EVERY, self._tell)
            self._untold[code] += 1

    def _tell(self, _now: float) -> None:
        untold, self._untold = self._untold, Counter()
        counts = ", ".join(f"{code} {count}" for code, count in sorted(untold.items()))
        log.info("Refused within a second: %s.", counts)
