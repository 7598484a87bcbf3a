"""The power is cut inside of commits, and the log that is left is opened and read.

python -m tests.crash.power --points 10000                      half of them each durability
python -m tests.crash.power --points 1000 --durability wal
python -m tests.crash.power --points 1000 --seed 7              the same again, to the last byte

A real `SqliteLog` runs on a disk of which a power cut takes whatever has not been synced, all or
parts of it (`tests.storage.lossy`). It appends, trims and checkpoints. A point counts if it lies
inside a commit: after the first write of a call and before the call returns. What a cut at a
point leaves is put into a folder of its own, and a log is opened there, as at the next start.

    fsync   everything that was acknowledged is there, once, in order and unaltered; the call
            under way has been done whole or not at all, and whole if it had been synced
    wal     some earlier state, whole: calls may be lost from the end backwards, under a new
            epoch, so that nobody takes the log for the one that they knew

In either case every table is sound, and what is posted again is a duplicate exactly if it is
there. The next life of the log begins with what one of the cuts has left.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random, SystemRandom
from typing import NamedTuple, TypeVar

from netchat.chat.log import (
    Batch,
    Duplicate,
    Entry,
    IdentityRow,
    LogPost,
    RecordRow,
    RoomRow,
    State,
    Stored,
)
from netchat.storage.sqlite import Durability, SqliteLog, SqliteReader
from tests.crash.poster import check
from tests.storage.lossy import FAST, LossyDisk

FILE = "netchat.db"
ROOMS = (1, 2, 3)

CALLS = 8
"""Appends and trims in one life of a log."""

LIVES = 20
"""Lives of one log, then another begins: small ones are quick, and new ones end in other ways."""

SHARE = 0.4
"""How many of the possible points are taken."""

Image = dict[str, bytes]
T = TypeVar("T")


class Known(NamedTuple):
    """A state of a log: each room's first seq and its head, and the number of the last batch."""

    spans: tuple[tuple[int, int], ...] = ((1, 0),) * len(ROOMS)
    batch: int = 0


class Cutter(LossyDisk):
    """Notes what a cut would leave, at points drawn from those inside of a call's commit."""

    def __init__(self, folder: Path, random: Random) -> None:
        super().__init__(folder)
        self.images: list[Image] = []
        self._random = random
        self._inside = self._begun = False

    def during(self, call: Callable[[], T]) -> T:
        """Make a call; `images` has what cuts would have left in the middle of it."""
        self.images = []
        self._inside, self._begun = True, False
        try:
            return call()
        finally:
            self._inside = False

    def done(self, operation: str) -> None:
        if not self._inside:
            return
        self._begun = self._begun or operation == "write"
        if self._begun and self._random.random() < SHARE:
            self.images.append(self.after_power_cut(self._random))


class Past:
    """Everything that was appended to one log, and how far it has come."""

    def __init__(self) -> None:
        self.known = Known()
        self.epoch = ""
        self.image: Image = {}
        self.entries: dict[int, list[Entry]] = {room: [] for room in ROOMS}
        self.posts: list[LogPost] = []
        """Those of the last batch."""

    def take(self, batch: int, posts: list[LogPost], results: list[object]) -> None:
        """A batch has been acknowledged."""
        self.posts = posts
        for post, result in zip(posts, results, strict=True):
            seq, entries = self._seq(post.room, post.id), self.entries[post.room]
            if seq is not None:
                check(result == Duplicate(seq, entries[seq - 1].time), f"{post}: {result}")
                continue
            assert isinstance(result, Stored)
            check(result.seq == len(entries) + 1, f"{post}: {result} behind {len(entries)}")
            entries.append(Entry(result.seq, result.time, post.sender, post.to, post.id, post.text))
        firsts = [first for first, _ in self.known.spans]
        heads = [len(self.entries[room]) for room in ROOMS]
        self.known = Known(tuple(zip(firsts, heads, strict=True)), batch)

    def trim(self, firsts: dict[int, int]) -> None:
        """Messages have been deleted."""
        spans = zip(ROOMS, self.known.spans, strict=True)
        told = tuple((firsts.get(room, first), head) for room, (first, head) in spans)
        self.known = self.known._replace(spans=told)

    def go_back(self, known: Known, image: Image) -> None:
        """The power was cut: what came after this state has never been."""
        self.known, self.image = known, image
        for room, (_, head) in zip(ROOMS, known.spans, strict=True):
            del self.entries[room][head:]

    def held(self, known: Known) -> dict[int, list[Entry]]:
        """What the log holds in a state."""
        spans = zip(ROOMS, known.spans, strict=True)
        return {room: self.entries[room][first - 1 : head] for room, (first, head) in spans}

    def _seq(self, room: int, id: str) -> int | None:
        """Where a post stands that is held now."""
        first, _ = self.known.spans[room - 1]
        found = (e.seq for e in reversed(self.entries[room]) if e.id == id and e.seq >= first)
        return next(found, None)


class Power:
    """Cuts the power until there have been so many points."""

    def __init__(self, random: Random, durability: Durability) -> None:
        self.points = self.finished = self.lives = self.posts = 0
        """Points; those at which the call under way had been done; lives; posts."""
        self._random = random
        self._durability = durability
        self._past = Past()
        self._clock = 1_700_000_000_000

    def run(self, points: int) -> None:
        """Raises Violation."""
        while self.points < points:
            if self.lives % LIVES == 0:
                self._past = Past()
            self.lives += 1
            self._live()

    # -- one life --------------------------------------------------------------------------------

    def _live(self) -> None:
        past, keep = self._past, self._random.choice([0, 0, 12])
        with folder_of(past.image) as folder:
            disk = Cutter(folder, self._random)
            store = self._store(folder, "before", keep)
            states = [past.known]
            state = disk.during(store.load)
            left = self._recover_all(disk.images, states)
            past.epoch = state.epoch
            assert store._db is not None
            store._db.pragma("wal_autocheckpoint", self._random.choice([4, 20, 1_000]))
            for _ in range(CALLS):
                if keep and self._random.random() < 0.3:
                    past.trim(disk.during(lambda: store.trim(self._random.choice([2, 500]))).firsts)
                else:
                    self._append(disk, store)
                states.append(past.known)
                left += self._recover_all(disk.images, states)
            store._disconnect()
            store._release()
            disk.unregister()
        if left:
            past.go_back(*self._random.choice(left))

    def _store(self, folder: Path, boot: str, keep: int = 0) -> SqliteLog:
        random, boot = self._random, f"{boot} {self.lives}"
        return SqliteLog(
            folder / FILE, self._durability, self._wall, lambda: random.randbytes(8).hex(),
            boot, keep, wal_pages=random.choice([4, 40]),
        )  # fmt: skip

    def _wall(self) -> int:
        self._clock += 1
        return self._clock

    def _append(self, disk: Cutter, store: SqliteLog) -> None:
        past, draw = self._past, self._random
        number = past.known.batch + 1
        posts = [self._post() for _ in range(draw.choice([1, 1, 2, 8]))]
        posts += past.posts[: draw.choice([0, 0, 1])]
        batch = Batch(
            posts=posts,
            rooms=[RoomRow(room, f"room{room}", f"Room{room}") for room in ROOMS],
            identities=[IdentityRow(1, f"ana{number}", held=True)],
            records=[RecordRow("power", "batch", str(number))],
        )
        past.take(number, posts, [*disk.during(lambda: store.append(batch)).results])

    def _post(self) -> LogPost:
        self.posts += 1
        text = f"{self.posts} " + "x" * self._random.choice([1, 40, 600, 3_000])
        return LogPost(self._random.choice(ROOMS), 1, f"id-{self.posts}", "ana", None, text)

    # -- the next start --------------------------------------------------------------------------

    def _recover_all(self, images: list[Image], states: list[Known]) -> list[tuple[Known, Image]]:
        """Start from what each cut has left; `states` are those of this life, the newest last."""
        allowed = states[-2:] if self._durability == "fsync" else states
        return [(self._recover(image, allowed), image) for image in images]

    def _recover(self, image: Image, allowed: list[Known]) -> Known:
        self.points += 1
        with folder_of(image) as folder:
            store, reader = self._store(folder, "after"), SqliteReader(folder / FILE)
            known = self._check_state(store.load(), allowed)
            self.finished += len(allowed) > 1 and known == allowed[-1] != allowed[-2]
            assert store._db is not None
            found = store._db.pragma("integrity_check")
            check(found == "ok", f"the file is damaged: {found}")
            held = self._past.held(known)
            for room, entries in held.items():
                check(read(reader, room) == entries, f"room {room} is not what it was at {known}")
            self._post_again(store, held)
            reader.close()
            store.close()
        return known

    def _check_state(self, state: State, allowed: list[Known]) -> Known:
        check(all(room.damaged is None for room in state.rooms), f"damaged: {state.rooms}")
        spans = {room.row.room: (room.first, room.head) for room in state.rooms}
        batch = next((int(row.value or 0) for row in state.records), 0)
        known = Known(tuple(spans.get(room, (1, 0)) for room in ROOMS), batch)
        check(known in allowed, f"{known} is none of {allowed}")
        names = [row.name for row in state.identities]
        check(names == ([f"ana{batch}"] if batch else []), f"{names} at batch {batch}")
        if known.batch:
            same = state.epoch == self._past.epoch
            check(same == (self._durability == "fsync"), f"the epoch is {state.epoch}")
        return known

    def _post_again(self, store: SqliteLog, held: dict[int, list[Entry]]) -> None:
        """What was under way: a duplicate if it is there, else stored behind what is."""
        posts = self._past.posts if held[1] or held[2] or held[3] else []
        results = store.append(Batch(posts=posts)).results
        for post, result in zip(posts, results, strict=True):
            there = {entry.id: Duplicate(entry.seq, entry.time) for entry in held[post.room]}
            again = there.get(post.id)
            right = isinstance(result, Stored) if again is None else result == again
            check(right, f"{post} posted again is {result}")


def read(reader: SqliteReader, room: int) -> list[Entry]:
    """Everything that a room holds."""
    entries: list[Entry] = []
    more = True
    while more:
        page = reader.after(room, entries[-1].seq if entries else 0, 100)
        entries += page.entries
        more = page.more
    return entries


@contextmanager
def folder_of(image: Image) -> Iterator[Path]:
    """A folder with these files, for a while."""
    folder = Path(tempfile.mkdtemp(prefix="netchat-power-", dir=FAST))
    try:
        for name, data in image.items():
            (folder / name).write_bytes(data)
        yield folder
    finally:
        shutil.rmtree(folder)


def main() -> int:
    """The exit code: 1 where something was violated."""
    parser = argparse.ArgumentParser(prog="tests.crash.power", description="power cuts in commits")
    parser.add_argument("--points", type=int, default=1_000, help="stop after so many (1000)")
    parser.add_argument("--durability", choices=("fsync", "wal"), help="this one alone")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    kinds: list[Durability] = [options.durability] if options.durability else ["fsync", "wal"]
    for durability in kinds:
        power, begun = Power(Random(options.seed), durability), time.monotonic()
        try:
            power.run(options.points // len(kinds))
        except AssertionError as exc:
            print(f"VIOLATION, {durability}, life {power.lives}: {exc}")
            return 1
        print(
            f"{durability}: {power.points} power cuts inside of commits, at {power.finished} of "
            f"them the call under way was done; {power.lives} lives, {power.posts} posts; "
            f"{time.monotonic() - begun:.1f} s",
            flush=True,
        )
    print("0 acknowledged lost, 0 doubled, 0 altered, 0 half done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
