"""The porter: who may come in at the doors, and who is told to come back later.

Nothing has been done for a newcomer yet, no TLS, no buffer; all that is known is the address.
The questions, in this order:

    places      are there any left, of those that the process can have?
    memory      do others keep as many bytes waiting as we can afford?
    address     has the address (IPv6: its /64) as many as one may hold?
    arrivals    has it come too often? So many times a minute, after a burst of as many as it
                may hold: those of a school come back at once after a restart
    crowd       are there many who have not said who they are? Then newcomers are turned away
                at random: 30 % of them at a quarter of what is bearable, all of them at the
                whole, as OpenSSH's MaxStartups has it. So a flood from everywhere leaves some
                chance to everybody, and does nothing to those who are in
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sized

from netchat.chat.limits import Census, Recent, TokenBucket, address_class

EARLY, CHANCE = 0.25, 0.3
"""The share of the bearable strangers at which newcomers begin to be turned away, and the chance
of that there (OpenSSH: "10:30:100")."""

QUESTIONS = ("places", "memory", "address", "arrivals", "crowd")

MINUTE = 60.0

SOON, LATE = 1.0, 5.0
"""Seconds after which one who was turned away may try again, drawn anew for each: they shall not
come back as the crowd that they were."""


class Porter:
    """One for all doors. `places` are the connections that there can be; `random` draws from 0
    to 1. Where `limited` is false, only places and memory are asked about."""

    def __init__(
        self,
        *,
        census: Census,
        strangers: Sized,
        is_short_of_memory: Callable[[], bool],
        random: Callable[[], float],
        places: int,
        limited: bool,
        per_address: int,
        arrivals: int,
        crowd: int,
    ) -> None:
        self._census = census
        self._strangers = strangers
        self._is_short_of_memory = is_short_of_memory
        self._random = random
        self._places = places
        self._limited = limited
        self._per_address = min(per_address, max(1, places // 2))
        self._rate = arrivals / MINUTE
        self._early = int(crowd * EARLY)
        self._crowd = crowd
        self._arrivals: Recent[TokenBucket] = Recent()
        self.turned_away: Counter[str] = Counter()
        """How many so far, by the question that decided it."""

    def turn_away(self, address: str, now: float) -> float | None:
        """Seconds after which somebody from there may try again; None: it is let in."""
        wait = 0.0
        if self._census.total >= self._places:
            why = "places"
        elif self._is_short_of_memory():
            why = "memory"
        elif not self._limited:
            return None
        elif self._census[address] >= self._per_address:
            why = "address"
        elif wait := self._arrive(address, now):
            why = "arrivals"
        elif self._is_crowded():
            why = "crowd"
        else:
            return None
        self.turned_away[why] += 1
        return round(wait + SOON + (LATE - SOON) * self._random(), 3)

    def _arrive(self, address: str, now: float) -> float:
        """Count somebody who comes, or the seconds that there are to wait before."""
        key = address_class(address)
        bucket = self._arrivals.get(key) or TokenBucket(self._rate, self._per_address)
        wait = bucket.wait(now)
        if not wait:
            bucket.take(now)
            self._arrivals.put(key, bucket)
        return wait

    def _is_crowded(self) -> bool:
        there = len(self._strangers)
        if there < self._early or there >= self._crowd:
            return there >= self._crowd
        share = (there - self._early) / (self._crowd - self._early)
        return self._random() < CHANCE + (1 - CHANCE) * share
