"""A server under load is killed with -9, started again, and audited: again and again.

python -m tests.crash.killing --cycles 1000              until so many cycles count
python -m tests.crash.killing --minutes 5                as many as there is time for
python -m tests.crash.killing --durability wal           `accepted` says less, but survives this

A cycle: the server is started on the folder as it was left, and its log is compared with all
that anybody was told. Then the posters come back, send again what was not acknowledged, and
post on, until the process is killed at a random instant, by a thread that knows nothing of what
they do. What had reached the posters by then they still read. The cycle counts if a post that
was sent before that instant is unacknowledged even so. In one of several the server is also
killed while it starts.

At the end the posters finish, and the whole log is compared once more.
"""

from __future__ import annotations

import argparse
import random
import select
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Timer

from tests.crash.audit import Audit
from tests.crash.poster import Poster, check
from tests.e2e.client import WITHIN, RawClient
from tests.e2e.support import UNLIMITED, ServerProcess

WINDOWS = (1, 2, 4, 8, 1)
"""One poster each. From who waits for each answer to who hurries; the last one posts once, and
only reads from then on."""

LONGEST_LIFE = 0.15
"""Seconds under load: long enough for dozens of commits, and shorter than a start."""

LONGEST_START = 0.2
"""Seconds: a start that is cut short ends somewhere between its first line and its last."""

CUT_STARTS = 0.125
"""The share of cycles with such a start."""


class Killing:
    """The server, its folder, and those who talk to it through all of its lives."""

    def __init__(self, folder: Path, durability: str) -> None:
        self.server = ServerProcess(folder, "--durability", durability, *UNLIMITED)
        self.posters = [Poster(f"poster{n}", window) for n, window in enumerate(WINDOWS)]
        self.audit = Audit(self.posters)
        self.cycles = self.counted = self.cut_starts = 0
        self._auditors = 0
        self._killed_at = 0.0

    def __enter__(self) -> Killing:
        self.server.__enter__()
        self.connect()
        # A token is on disk no later than the first post: from here on nobody is forgotten.
        self.talk_until(lambda: all(poster.seqs for poster in self.posters))
        self.posters[-1].posting = False
        self.kill()
        return self

    def __exit__(self, *_: object) -> None:
        for poster in self.posters:
            poster.lose()
        self.server.__exit__()

    def cycle(self) -> None:
        """One life of the server, from its start to its death."""
        if random.random() < CUT_STARTS:
            self._cut_start()
        self.recover()
        self._live()
        self.cycles += 1
        doubts = [poster.undecided_since for poster in self.posters]
        self.counted += any(since is not None and since < self._killed_at for since in doubts)

    def recover(self) -> None:
        """Start the server, and see that its log has all that anybody was told."""
        self.server.start()
        with self._auditor() as client:
            self.audit.read_on(self._file, client)

    def finish(self) -> None:
        """Let everybody finish, and compare everything once more."""
        self.recover()
        for poster in self.posters:
            poster.posting = False
        self.connect()
        self.talk_until(self._is_quiet)
        with self._auditor() as client:
            self.audit.read_on(self._file, client)
            self.audit.check_complete()
            self.audit.read_all(self._file, client)
        check(self.server.stop() == 0, self.server.logs())

    @property
    def _file(self) -> Path:
        return self.server.data / "netchat.db"

    def _auditor(self) -> RawClient:
        self._auditors += 1
        client = self.server.client(f"auditor{self._auditors}")
        for room in self.audit.rows:
            client.join(room, backlog=0)
        return client

    def _cut_start(self) -> None:
        self.server.launch()
        time.sleep(random.uniform(0, LONGEST_START))
        self.server.kill()
        self.cut_starts += 1

    def _live(self) -> None:
        timer = Timer(random.uniform(0, LONGEST_LIFE), self._strike)
        timer.start()
        self.connect()
        self.talk_until(self._is_over)
        timer.join()
        self.server.kill()

    def _strike(self) -> None:
        self._killed_at = time.monotonic()
        self.server.process.kill()

    def kill(self) -> None:
        """Kill it now, and hear the last that it said."""
        self.server.kill()
        self.talk_until(self._is_over)

    def connect(self) -> None:
        """Everybody comes back."""
        for poster in self.posters:
            poster.connect(self.server.address)

    def _is_over(self) -> bool:
        """Whether nobody has a connection any more."""
        return not any(poster.client for poster in self.posters)

    def _is_quiet(self) -> bool:
        """Whether everything is acknowledged, and everybody has everything."""
        heads = {room: max(p.heads[room] for p in self.posters) for room in self.audit.rows}
        return all(
            poster.rooms_joined == len(heads) and not poster.in_flight and poster.held == heads
            for poster in self.posters
        )

    def talk_until(self, done: Callable[[], bool]) -> None:
        """Everybody posts and reads. Raises Violation when that takes too long."""
        deadline = time.monotonic() + WITHIN
        while not done():
            check(time.monotonic() < deadline, f"nothing comes of it within {WITHIN} s")
            sockets = {poster.client.sock: poster for poster in self.posters if poster.client}
            for sock in select.select(sockets, [], [], 0.05)[0]:
                sockets[sock].serve()


def main() -> int:
    """The exit code: 1 where something was violated; the folder is kept then."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="netchat-killing-"))
    try:
        with Killing(folder, options.durability) as killing:
            _run(killing, options)
    except AssertionError as exc:
        print(f"VIOLATION: {exc}\nThe folder is {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.crash.killing", description="kill -9 under load")
    parser.add_argument("--cycles", type=int, help="stop when so many count (100)")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes")
    parser.add_argument("--durability", choices=("fsync", "wal"), default="fsync")
    options = parser.parse_args()
    if options.cycles is None and options.minutes is None:
        options.cycles = 100
    return options


def _run(killing: Killing, options: argparse.Namespace) -> None:
    begun = told = time.monotonic()
    until = None if options.minutes is None else begun + 60 * options.minutes
    while options.cycles is None or killing.counted < options.cycles:
        if until is not None and time.monotonic() >= until:
            break
        killing.cycle()
        if time.monotonic() - told > 10:
            told = time.monotonic()
            print(_line(killing, told - begun), flush=True)
    killing.finish()
    print(_line(killing, time.monotonic() - begun))
    print("0 acknowledged lost, 0 doubled, 0 reordered; everybody has the whole log")


def _line(killing: Killing, seconds: float) -> str:
    posters = killing.posters
    return (
        f"{killing.cycles} cycles, {killing.counted} counted, {killing.cut_starts} cut starts; "
        f"{killing.audit.count} posts, {sum(p.resent for p in posters)} sent again, "
        f"{sum(p.duplicates for p in posters)} of them were committed and not acknowledged; "
        f"{seconds:.1f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
