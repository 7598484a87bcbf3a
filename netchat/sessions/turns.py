"""Turns: which sessions are served in this tick, and how much of each.

A session with complete requests waits here. Mostly all are served in the tick in which they come,
up to TURN requests of each. What one may not yet serve (its replies are due, its peer does not
read) it comes back with when it is woken.

Theory of operation. Counting requests says little: one may cost three microseconds, or a hundred
times as much (JSON of 64 KiB, a page). So the time is counted that each session has taken lately,
in seconds that are worth half after each HALF_LIFE. Whoever has taken less than a part of what
the heaviest has is light, everybody else is heavy. A round goes

    1 light     each in its turn, up to TURN requests, while it is light; for SERVING seconds
    2 heavy     each in its turn, up to TURN requests, for SERVING seconds in all. But where
                somebody light was here lately: FEW in all, for HEAVY seconds, and not at all where
                somebody light is served now, or posts are being committed

and whom it has not reached is among the first of the next. So a person who says something now and
then does not wait behind the backlog of a flood, and finds the loop in a short tick whenever he
comes; while those who load it all alike, sixteen who post into a large room, are all heavy, have
nobody light beside them, and are served in long rounds, which are cheaper. (Floods by the thousand
take no more than a person each: all are light then, and have their turns.)

What somebody light has said goes through two ticks and the commit between them, and the heavy
would lengthen all three: they take a part of each tick, the interpreter, which the commit's thread
wants again and again, and a part of the next batch, which is committed with his post in it, or
before it. So they rest until the batch has come back and gone out. A flood of posts has as many in
a batch as it posts between two of them, some eight; without a rest it was thousands.

Nobody starves: the heavy rest for one batch, or until a tick comes that is REST seconds later; then
a round reaches at least one of them, in their order. It is the one place below the reactor that
asks a clock. (RFC 8290, FQ-CoDel, has new flows go before old ones; here who leaves and comes back
is not new.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from netchat.chat.now import Now

TURN = 256
"""Requests of one connection in one turn (the protocol's fairness)."""

TICK = 4_096
"""Requests in one tick: what is in flight at once stays bounded, however little each costs."""

SMALL = 64
"""Requests of somebody light between two looks at the clock: a part of a turn, of which it has as
many as it is light for. Not less than a page costs, or a turn would have more of them."""

SERVING = 0.003
"""Seconds. A flood of posts keeps the later phases four times as long as this one, and everybody
else waits for all of them."""

FEW = 8
"""Requests of the heavy in all, while others are light; fewer where the first has shown that there
is no time for so many. A post is quickly taken, costs four times as much in the later phases, and
makes the commit longer: 40 of them took a third of a millisecond of what others waited."""

HEAVY = 0.000_25
"""Seconds for them: a dozen who come in, so that what is done once a tick is little beside them."""

REST = 0.004
"""Seconds: longer than most disks take for a batch. Where light posts follow each other without a
pause, or the disk is slow, the heavy still get a sixteenth of the time."""

HALF_LIFE = 0.25
"""Seconds: longer than a flood lies still for its commits, shorter than a person's patience."""

PART = 1 / 16
"""Of what the heaviest has taken: those of one load differ by less, a person takes a hundredth."""

LEAST = 0.000_1
"""Seconds: whoever has taken less is light beside anybody. It is what somebody takes who posts
thirty times a second. Else people would be heavy beside each other by chance where nobody takes
much: a thousand who post thirty a second each waited twice as long, and cost an eighth more. And
the first batch of a flood in a quiet chat would be a long one, as nobody light is there then."""

LONGEST = 0.001
"""Seconds that are counted of one turn. What takes longer is mostly not its own: the collector
came, or another process had the core."""

FORGOTTEN = 0.000_01
"""Seconds taken that are not worth remembering: two requests."""


class Served(Protocol):
    """A session, as its turns see it."""

    def serve(self, budget: int, now: Now) -> bool:
        """Serve up to `budget` requests. True: there are more that could be served."""


class Turns:
    """The sessions that are ready to be served."""

    def __init__(
        self,
        wall: Callable[[], int],
        clock: Callable[[], float],
        is_committing: Callable[[], bool],
    ) -> None:
        self._wall = wall
        self._clock = clock
        self._is_committing = is_committing
        self._ready: dict[Served, None] = {}
        self._resting: dict[Served, None] = {}
        """Those who were ready when a batch was under way; it brings a tick with it."""
        self._taken: dict[Served, float] = {}
        """Seconds that each has taken lately."""
        self._bound = LEAST
        """Whoever has taken more is heavy."""
        self._left: list[Served] = []
        self._looked = self._faded_at = 0.0
        self._light_at = self._heavy_at = float("-inf")
        """When somebody light was served last, and when somebody heavy beside him."""
        self._is_light_here = False
        """Somebody light was served in this round."""

    @property
    def known(self) -> int:
        """Of how many it is known what they have taken."""
        return len(self._taken)

    def enter(self, session: Served) -> None:
        """One who comes is not known yet. It begins as the heaviest, or a new connection would be
        the way to be served before others; a second later it is light. In a quiet chat, where
        nobody takes much, it is so at once."""
        if self._bound > LEAST:
            self._taken[session] = self._bound / PART

    def leave(self, session: Served) -> None:
        """It has come to its end, maybe in its own turn: nothing of it is kept after this tick."""
        self._left.append(session)

    def add(self, session: Served) -> None:
        """Serve this session in the next round."""
        self._ready[session] = None

    def is_waiting(self, _now: float) -> bool:
        """Whether somebody was woken since the round, by the log or by delivery."""
        return bool(self._ready)

    def run(self, now: float) -> bool:
        """Phase 2: one round. True while somebody could be served further."""
        if now >= self._faded_at + HALF_LIFE:
            self._fade(now)
        rested, self._resting = self._resting, {}
        ready, self._ready = rested | self._ready, {}
        if not ready:
            self._forget()
            return False
        moment, share = Now(now, self._wall()), max(1, min(TURN, TICK // len(ready)))
        self._looked = self._clock()
        until = self._looked + SERVING
        waiting = iter(ready)
        if heavy := self._serve_light(waiting, share, moment, until):
            if now >= self._light_at + HALF_LIFE:
                heavy = self._serve_long(heavy, share, moment, until)
            elif not self._must_rest(now, back=bool(rested)):
                heavy = self._serve_briefly(heavy, share, moment, until)
            elif self._is_committing():
                self._resting, heavy = dict.fromkeys(heavy), []
        if left := [*waiting, *heavy]:
            self._ready = dict.fromkeys(left) | self._ready
        self._forget()
        return bool(self._ready)

    def _forget(self) -> None:
        while self._left:
            self._taken.pop(self._left.pop(), None)

    def _must_rest(self, now: float, *, back: bool) -> bool:
        """Whether the heavy make way for what somebody light has said, from here into the log and
        out again. `back`: a batch that they have rested for is no longer under way."""
        if now >= self._heavy_at + REST:
            return False
        return self._is_light_here or back or self._is_committing()

    def _serve_light(
        self, waiting: Iterator[Served], share: int, moment: Now, until: float
    ) -> list[Served]:
        """Serve those who are light, while there is time. The heavy among those looked at.

        The hot path: `_account` stands here without its call.
        """
        heavy: list[Served] = []
        known, clock, small = self._taken, self._clock, min(share, SMALL)
        bound, looked, somebody = self._bound, self._looked, False
        for session in waiting:
            taken = known.get(session, 0.0)
            if taken > bound:
                heavy.append(session)
                continue
            more = session.serve(small, moment)
            took, looked = looked, clock()
            took = looked - took
            known[session] = taken = taken + (took if took < LONGEST else LONGEST)
            if taken <= bound:
                somebody = True
            elif taken * PART > bound:
                bound = taken * PART
            if more:
                self._bound, self._looked = bound, looked
                if self._serve_further(session, share - small, moment, until):
                    self._ready[session] = None
                bound, looked = self._bound, self._looked
            if looked >= until:
                break
        self._bound, self._looked = bound, looked
        self._is_light_here = somebody
        if somebody:
            self._light_at = moment.monotonic
        return heavy

    def _serve_further(self, session: Served, share: int, moment: Now, until: float) -> bool:
        """Serve one who was light, while it is."""
        while share >= SMALL and self._looked < until and self._taken[session] <= self._bound:
            if not session.serve(SMALL, moment):
                self._account(session)
                return False
            self._account(session)
            share -= SMALL
        return True

    def _serve_long(
        self, heavy: list[Served], share: int, moment: Now, until: float
    ) -> list[Served]:
        """Serve the heavy, while there is time. Those who have had no turn."""
        waiting = iter(heavy)
        for session in waiting:
            if session.serve(share, moment):
                self._ready[session] = None
            self._account(session)
            if self._looked >= until:
                break
        return [*waiting]

    def _serve_briefly(
        self, heavy: list[Served], share: int, moment: Now, until: float
    ) -> list[Served]:
        """Serve the heavy a few requests each, for HEAVY seconds, FEW at the most. Those who have
        had no turn."""
        self._heavy_at = moment.monotonic
        until, left = min(until, self._looked + HEAVY), FEW
        waiting = iter(heavy)
        for session in waiting:
            left -= self._serve_few(session, min(share, left), moment, until)
            if not left or self._looked >= until:
                break
        return [*waiting]

    def _serve_few(self, session: Served, few: int, moment: Now, until: float) -> int:
        """One request, and as many more as there is time for if they cost the same: how many that
        was, as far as can be told."""
        began = self._looked
        more = session.serve(1, moment)
        self._account(session)
        if not more:
            return 1
        left, took = until - self._looked, self._looked - began
        further = few - 1 if took * (few - 1) <= left else int(max(0.0, left) / took)
        if further:
            more = session.serve(further, moment)
            self._account(session)
            if not more:
                return 1
        self._ready[session] = None
        return 1 + further

    def _account(self, session: Served) -> None:
        """Add the time since the last look to what it has taken."""
        took, looked = self._looked, self._clock()
        took = looked - took
        self._looked = looked
        taken = self._taken.get(session, 0.0) + (took if took < LONGEST else LONGEST)
        self._taken[session] = taken
        if taken * PART > self._bound:
            self._bound = taken * PART

    def _fade(self, now: float) -> None:
        """What was taken counts for less, and at last for nothing."""
        part = 0.5 ** ((now - self._faded_at) / HALF_LIFE)
        self._faded_at = now
        self._taken = {
            session: taken * part
            for session, taken in self._taken.items()
            if taken * part > FORGOTTEN
        }
        self._bound = max(LEAST, PART * max(self._taken.values(), default=0.0))
