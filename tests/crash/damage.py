"""The files of a log that is not running are damaged, and a log is started on what is left.

python -m tests.crash.damage --cases 10000
python -m tests.crash.damage --cases 1000 --seed 7      the same again

A case: one bit flipped, some bytes overwritten, a sector emptied, or the file cut short,
anywhere in the database of a log that was closed, or in the database or the WAL of one whose
process was killed. A day later the log is started, read from end to end, and posted to again.
What may come of it:

    sound      everything is as it was, and whatever is posted again is a duplicate
    refused    the start fails with a sentence
    named      a room, or a page of it, answers `store_failed` with a sentence; the rest is sound
    announced  all is sound, but under another epoch: clients are told to forget their positions
    earlier    of a WAL that was cut short: the log is as it was some commits before, whole, for
               nothing says what was there. Of one that was damaged otherwise: only its last
               commit is missing, which looks like one that a power cut has torn; or the last
               two, where the mark between them was hit

Never is anything altered, emptied or doubled without a word.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random, SystemRandom
from typing import NamedTuple

from msgspec.structs import replace

from netchat.chat.log import (
    Batch,
    Duplicate,
    Entry,
    IdentityRow,
    LogPost,
    RecordRow,
    RoomRow,
    State,
    TalkRow,
    TokenRow,
)
from netchat.errors import StartError, StoreError
from netchat.storage.sqlite import SqliteLog, SqliteReader
from tests.crash.poster import check
from tests.crash.power import FILE, Image, folder_of, read

ROOMS = (1, 2, 3)
BATCHES = 24
WAL = f"{FILE}-wal"
START = 1_700_000_000_000
DAY = 86_400_000

Entries = dict[int, list[Entry] | None]
"""What each room holds; None where it says that it is damaged."""


class Sound(NamedTuple):
    """A log before it was damaged: what it says after each batch, its posts, and its files."""

    views: list[tuple[State, Entries]]
    posts: list[LogPost]
    closed: Image
    killed: Image


def build(random: Random) -> Sound:
    """A log with something in every table."""
    views: list[tuple[State, Entries]] = []
    posts: list[LogPost] = []
    with folder_of({}) as folder:
        store = open_log(folder)
        store.load()
        assert store._db is not None
        for number in range(BATCHES):
            batch = _batch(random, number)
            posts += batch.posts
            store.append(batch)
            views.append(_view_of(files_of(folder)))
            if number == BATCHES // 2:
                store._db.wal_checkpoint()
        killed = files_of(folder)
        store.close()
        return Sound(views, posts, files_of(folder), killed)


def open_log(folder: Path, now: int = START) -> SqliteLog:
    return SqliteLog(folder / FILE, "fsync", lambda: now, lambda: "another epoch", "boot")


def _batch(random: Random, number: int) -> Batch:
    return Batch(
        posts=[
            LogPost(room, 1, f"id-{number}-{room}-{n}", "ana", None, random.randbytes(40).hex())
            for room in ROOMS
            for n in range(random.choice([0, 2, 5]))
        ],
        rooms=[RoomRow(room, f"room{room}", f"Room{room}") for room in ROOMS],
        talks=[TalkRow(3, 1, 2)],
        identities=[IdentityRow(number, f"user{number}", held=True)],
        tokens=[TokenRow(random.randbytes(32), number, START)],
        records=[RecordRow("number", f"{number % 5}", f"{number}")],
    )


def files_of(folder: Path) -> Image:
    """The files as they are, but what holds nothing that has to last."""
    paths = (path for path in folder.iterdir() if path.name in (FILE, WAL))
    return {path.name: path.read_bytes() for path in paths}


def _view_of(image: Image) -> tuple[State, Entries]:
    with folder_of(image) as folder:
        store, reader = open_log(folder), SqliteReader(folder / FILE)
        view = store.load(), _read(reader)
        reader.close()
        store.close()
        return view


def _read(reader: SqliteReader) -> Entries:
    entries: Entries = {}
    for room in ROOMS:
        try:
            entries[room] = read(reader, room)
        except StoreError as exc:
            check(exc.message.startswith("The log "), exc.message)
            entries[room] = None
    return entries


# -- damage --------------------------------------------------------------------------------------


class Case(NamedTuple):
    """Files of which one is damaged, and how; so many of the last commits may be missing."""

    image: Image
    name: str
    deed: str
    missing: int


def damaged(random: Random, image: Image) -> Case:
    """The files with one of them damaged."""
    name = random.choice(sorted(image))
    data = bytearray(image[name])
    at = random.randrange(len(data))
    deed = random.choice(["bit", "bit", "bytes", "sector", "cut"])
    if deed == "bit":
        data[at] ^= 1 << random.randrange(8)
    elif deed == "bytes":
        data[at : at + 16] = random.randbytes(len(data[at : at + 16]))
    elif deed == "sector":
        size = random.choice([512, 4096])
        start = at // size * size
        data[start : start + size] = bytes(len(data[start : start + size]))
    else:
        del data[at:]
    missing = 0 if name != WAL else BATCHES if deed == "cut" else 2
    return Case(image | {name: bytes(data)}, name, f"{deed} at {at} of {name}", missing)


def outcome(case: Case, sound: Sound) -> str:
    """Start on damaged files. Raises Violation where what comes of it may not be."""
    with folder_of(case.image) as folder:
        store, reader = open_log(folder, START + DAY), SqliteReader(folder / FILE)
        try:
            state = store.load()
        except StartError as exc:
            check(str(exc).startswith(str(folder)), f"no sentence: {exc}")
            return "refused"
        try:
            found = _judge(state, _read(reader), sound, case.missing)
            if found != "earlier":
                found = _post_again(store, sound, found)
        finally:
            reader.close()
            store.close()
        return found


def _judge(state: State, entries: Entries, sound: Sound, missing: int) -> str:
    rooms = {room.row.room: room for room in state.rooms}
    for room in ROOMS:
        if room in rooms and rooms[room].damaged:
            entries[room] = None
    before, held = sound.views[-1]
    if _same(state, entries, before, held):
        if None in entries.values():
            return "named"
        return "sound" if state.epoch == before.epoch else "announced"
    earlier = any(_same(state, entries, *view) for view in sound.views[-missing - 1 :])
    nothing = missing == BATCHES and not rooms
    heads = [(room.first, room.head) for room in state.rooms]
    check(earlier or nothing, f"altered; the rooms are {heads} and unlike what they were")
    return "earlier"


def _same(state: State, entries: Entries, before: State, held: Entries) -> bool:
    """Whether all that is not called damaged is as it was."""
    for room, was in zip(state.rooms, before.rooms, strict=False):
        if room != was and not room.damaged:
            return False
    facts = replace(state, epoch="", rooms=[]) == replace(before, epoch="", rooms=[])
    rows = [room.row for room in state.rooms] == [room.row for room in before.rooms]
    return facts and rows and all(e is None or e == held[room] for room, e in entries.items())


def _post_again(store: SqliteLog, sound: Sound, found: str) -> str:
    """Whatever was posted is a duplicate, or refused with a word."""
    _, held = sound.views[-1]
    seqs = {entry.id: entry for entries in held.values() for entry in entries or ()}
    try:
        results = store.append(Batch(posts=sound.posts)).results
    except StoreError:
        return "named"
    for post, result in zip(sound.posts, results, strict=True):
        entry = seqs[post.id]
        if isinstance(result, StoreError):
            found = "named"
        else:
            check(result == Duplicate(entry.seq, entry.time), f"{post} again: {result}")
    return found


# -- the command ---------------------------------------------------------------------------------


def run(random: Random, cases: int) -> Counter[str]:
    """So many cases; how often what came of them. Raises Violation."""
    outcomes: Counter[str] = Counter()
    sound = build(random)
    for number in range(cases):
        if number % 500 == 499:
            sound = build(random)
        kind = random.choice(["closed", "killed"])
        case = damaged(random, sound.closed if kind == "closed" else sound.killed)
        try:
            found = outcome(case, sound)
        except AssertionError as exc:
            exc.args = (f"{kind}, {case.deed}: {exc}",)
            raise
        outcomes[f"{kind}, {case.name}: {found}"] += 1
    return outcomes


def main() -> int:
    """The exit code: 1 where something was violated."""
    parser = argparse.ArgumentParser(prog="tests.crash.damage", description="damaged files")
    parser.add_argument("--cases", type=int, default=1_000, help="so many (1000)")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    begun = time.monotonic()
    try:
        outcomes = run(Random(options.seed), options.cases)
    except AssertionError as exc:
        print(f"VIOLATION: {exc}")
        return 1
    for what, count in sorted(outcomes.items()):
        print(f"{count:8} {what}")
    print(f"{options.cases} cases, 0 altered, emptied or doubled; {time.monotonic() - begun:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
