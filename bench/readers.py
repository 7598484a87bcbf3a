"""The readers: a process with clients that stop reading, and go on when they are told to.

They stand in a room in which others post, and say nothing themselves. Orders on stdin, reports
on stdout, as with a generator. What they are sent in the end is checked like everybody's.
"""

from __future__ import annotations

import gc
import random
import selectors
import sys
import time

from bench.crowd import Crowd, Tally
from bench.doors import DOORS
from bench.entering import Entering
from bench.ledger import Ledger
from bench.member import NetchatMember
from bench.orders import Attend, Attended, CaughtUp, decode_attend, decode_go_on, encode
from netchat.net.clock import SystemClock
from netchat.net.reactor import Reactor
from netchat.net.rlimit import raise_file_limit

QUIET = 10.0
"""Seconds without a delivery after which what is missing counts as lost."""

AT_ONCE = 256

PRESENCE = 1.5
"""Seconds until everybody has been told how many have come."""

SIZE = 0
"""They do not post."""


class Readers:
    """All of them, in one room."""

    def __init__(self, attend: Attend) -> None:
        self._reactor = Reactor(selectors.DefaultSelector(), SystemClock())
        self._crowd = Crowd()
        self._ledger = Ledger(attend.room)
        door = DOORS[attend.door]
        self._members = [
            NetchatMember(self._crowd, self._ledger, f"{attend.prefix}.{i:x}", SIZE, "join", door)
            for i in range(attend.count)
        ]
        self._address = (attend.host, attend.port)
        self._tls = attend.door == "tls"

    def enter(self) -> Attended:
        """Everybody comes in, and then stops reading."""
        crowd = self._crowd
        entering = Entering(
            self._reactor, crowd, self._members, self._address, AT_ONCE, tls=self._tls
        )
        while not entering.is_over:
            self._reactor.run_once(0.1)
        deadline = time.monotonic() + PRESENCE
        while time.monotonic() < deadline:
            self._reactor.run_once(0.1)
        for member in self._members:
            member.pause()
        crowd.sampling(sys.maxsize)
        gc.collect()
        gc.freeze()
        return Attended(joined=crowd.joined)

    def go_on(self, messages: int) -> CaughtUp:
        """Read on, until everybody has had so many messages or nothing comes any more."""
        crowd = self._crowd
        crowd.members, crowd.owed = [*self._members], messages * len(self._members)
        for member in random.sample(self._members, len(self._members)):
            member.resume()
        began = last = time.monotonic()
        seen = crowd.delivered
        while not crowd.is_settled and last + QUIET > time.monotonic():
            self._reactor.run_once(0.1)
            if crowd.delivered != seen:
                seen, last = crowd.delivered, time.monotonic()
        return self._judge(messages, last - began)

    def _judge(self, messages: int, seconds: float) -> CaughtUp:
        tally = Tally(owed=self._crowd.owed, delivered=self._crowd.delivered)
        tally.dropped = self._crowd.dropped
        complete = 0
        for member in self._members:
            distinct = member.settle(tally)
            tally.lost += max(0, messages - distinct)
            complete += distinct == messages
        tally.errors = dict(self._crowd.errors)
        return CaughtUp(complete=complete, seconds=seconds, tally=tally)


def main() -> int:
    """Attend, and go on when told."""
    raise_file_limit()
    readers = Readers(decode_attend(sys.stdin.buffer.readline()))
    _tell(readers.enter())
    for line in sys.stdin.buffer:
        _tell(readers.go_on(decode_go_on(line).messages))
    return 0


def _tell(report: Attended | CaughtUp) -> None:
    sys.stdout.buffer.write(encode(report) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
