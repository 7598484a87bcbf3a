"""The log in SQLite: one connection that writes, one that reads.

Theory of operation. A batch is one transaction (group commit). The heads are kept here too,
and move only once the transaction is committed; so a failed batch leaves no trace: it is
rolled back, and no seq is used. A full disk is an ordinary answer, and the connection goes on.
After any other failure nobody knows what state the connection is in: it is closed, and the
next call opens another and reads the heads again. What is in the file is never reset and
never skipped.

Repeats are rare, so nobody looks for them first: where every post of a batch comes to a row, the
rows are inserted, and the unique index tells. Only if it objects is that statement undone, are
the kept posts looked up, and is the batch placed around them.

A commit whose sync has failed may leave whole frames in the WAL. While any connection is open,
SQLite knows that they do not count; the first one to open the file would take them for good,
and what was refused would be in the log. So an idle connection, the anchor, is open throughout.

Trimming goes round the rooms, a page of them and a page of deletions a transaction. What the
chat has been told of each room's first seq is kept beside the heads: a commit that succeeded
although it was reported as failed is told the next time.

An object is used by one thread at a time, not always by the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import apsw
import msgspec

from netchat.chat.log import TOKEN_LIFE_MS, Appended, Batch, Page, State, Trimmed
from netchat.errors import LogDamaged, StoreFailed, StoreFull
from netchat.storage import facts, schema, tables
from netchat.storage.claim import Claim
from netchat.storage.place import Head, Placed, place
from netchat.storage.reserve import PAGES, Reserve
from netchat.storage.sealing import BrokenSealError

Durability = Literal["fsync", "wal"]
"""`fsync`: on disk before it is acknowledged. `wal`: survives kill -9, not a power cut."""

_SYNCHRONOUS = {"fsync": "FULL", "wal": "NORMAL"}

REST_MS = 3_600_000
"""A log that was closed for longer than this is checked whole at its next start, as bits rot where
files lie and files are copied; a restart in passing need not wait for that."""


class SqliteLog:
    """The Store. `path` is the file; its folder is claimed, so that no other server uses it.

    `wall` gives ms since the epoch; `new_epoch` a word never used before. `boot_id` names
    this boot of the machine, "" where it cannot be known. Of each room the newest `keep`
    entries are kept, and for `keep_ms` only; 0 stands for no limit.
    """

    def __init__(
        self,
        path: Path,
        durability: Durability,
        wall: Callable[[], int],
        new_epoch: Callable[[], str],
        boot_id: str,
        keep: int = 0,
        keep_ms: int = 0,
        wal_pages: int = PAGES,
    ) -> None:
        self._path = path
        self._durability = durability
        self._wall = wall
        self._new_epoch = new_epoch
        self._boot_id = boot_id
        self._keep = keep
        self._keep_ms = keep_ms
        self._wal_pages = wal_pages
        self._claim: Claim | None = None
        self._anchor: apsw.Connection | None = None
        self._db: apsw.Connection | None = None
        self._heads: dict[int, Head] = {}
        self._firsts: dict[int, int] = {}
        """As the chat knows them; 1 where there is none."""
        self._trimmed_to = 0
        """The room up to which this round of trimming has come."""

    def load(self) -> State:
        """Open the log, or make it. Raises StartError.

        After an unclean stop, and after a longer rest, the whole file is checked first. Where
        the last run was `wal` and the machine itself went down, acknowledged posts may be gone:
        a new epoch. Tokens that have expired are dropped, unless their identity was here when
        the last run ended.
        """
        self._claim = Claim(self._path.parent)
        try:
            with schema.start_errors(self._path):
                self._db = schema.open_or_create(self._path, self._wall())
                self._anchor = schema.connect(self._path)
                tables.meta(self._anchor)  # only who has read is counted by SQLite
                return self._load(self._db)
        except BaseException:
            self._disconnect()
            self._release()
            raise

    def append(self, batch: Batch) -> Appended:
        """See `chat.log.Store`. A post to an unknown or damaged room fails alone."""
        with self._transaction() as db:
            self._reserve.extend(db)
            facts.save(db, batch)
            placed = self._insert(db, batch)
        self._heads.update(placed.heads)
        return Appended(placed.results, firsts={})

    def _insert(self, db: apsw.Connection, batch: Batch) -> Placed:
        now = self._wall()
        placed = place(batch, {}, self._heads, now)
        if len(placed.rows) == len(batch.posts):
            with suppress(apsw.ConstraintError):
                tables.save_placed(db, placed)
                return placed
        placed = place(batch, tables.held(db, batch.posts), self._heads, now)
        tables.save_placed(db, placed)
        return placed

    def trim(self, limit: int) -> Trimmed:
        """See `chat.log.Store`. A damaged room is left as it is."""
        since = self._wall() - self._keep_ms if self._keep_ms else 0
        spared = [room for room, head in self._heads.items() if head.damaged]
        with self._transaction() as db:
            page = tables.old(db, self._trimmed_to, limit, self._keep, since, spared)
            tables.delete(db, [room for room in page if room.next > room.first])
        unfinished = sum(room.next - room.first for room in page) == limit
        if not unfinished:
            self._trimmed_to = page[-1].room if len(page) == limit else 0
        firsts = {room.room: room.next for room in page if room.next > self._first(room.room)}
        self._firsts |= firsts
        return Trimmed(firsts, more=unfinished or self._trimmed_to > 0)

    def _first(self, room: int) -> int:
        return self._firsts.get(room, 1)

    def probe(self) -> None:
        """Write one row. Raises StoreFull or StoreFailed."""
        with self._transaction() as db:
            tables.save_meta(db, probed=str(self._wall()))

    def close(self) -> None:
        """Mark the log as clean and let go. If that fails, the next start checks the file."""
        if self._db is not None:
            with suppress(apsw.Error):
                self._db.pragma("synchronous", "FULL")
                tables.save_meta(self._db, clean="1", closed=str(self._wall()))
                self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self._disconnect()
        self._release()

    def _load(self, db: apsw.Connection) -> State:
        meta = tables.meta(db)
        unclean = meta.get("clean") == "0"
        if unclean or self._wall() - int(meta.get("closed", 0)) > REST_MS:
            schema.check_structure(db, self._path)
        rebooted = self._boot_id == "" or self._boot_id != meta.get("boot")
        lossy = unclean and meta.get("durability") == "wal" and rebooted
        if unclean:
            if not lossy:
                schema.check_wal(db, self._path)
            with suppress(apsw.Error):  # a full disk, say: it can wait for the next start
                schema.empty_wal(db)
        epoch = self._new_epoch() if lossy or "epoch" not in meta else meta["epoch"]
        rooms = tables.rooms(db)
        self._heads = {
            room.row.room: Head(room.head, room.active, damaged=room.damaged is not None)
            for room in rooms
        }
        self._firsts = {room.row.room: room.first for room in rooms if room.first > 1}
        # The mark is on disk before the first `wal` commit. Else a power cut could take both
        # back, and the log would look as if it had been closed in good order.
        with db:
            facts.drop_tokens(db, unused_since=self._wall() - TOKEN_LIFE_MS)
            tables.save_meta(
                db, epoch=epoch, clean="0", durability=self._durability, boot=self._boot_id
            )
        self._settle(db)
        return State(
            epoch,
            rooms,
            facts.talks(db),
            facts.identities(db),
            facts.tokens(db),
            facts.records(db),
        )

    @contextmanager
    def _transaction(self) -> Iterator[apsw.Connection]:
        """Commit what the block does, or nothing of it. Raises StoreFull or StoreFailed."""
        try:
            db = self._db or self._reconnect()
            self._reserve.make_room(db)
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        except apsw.FullError as exc:
            self._roll_back()
            raise StoreFull() from exc
        except Exception as exc:
            self._disconnect()
            raise StoreFailed() from exc

    def _roll_back(self) -> None:
        # SQLite has often done so itself. Should this fail, so does the next BEGIN.
        if self._db is not None and self._db.in_transaction:
            with suppress(apsw.Error):
                self._db.execute("ROLLBACK")

    def _reconnect(self) -> apsw.Connection:
        db = schema.connect(self._path)
        self._settle(db)
        damaged = {room: head for room, head in self._heads.items() if head.damaged}
        self._heads = tables.heads(db) | damaged
        self._db = db
        return db

    def _settle(self, db: apsw.Connection) -> None:
        """From here on the connection takes batches.

        What undoes a statement, the pages as they were before it, stays in memory, where it is as
        bounded as a batch. SQLite would make a file for it each time. (A migration has no bound.)
        """
        db.pragma("synchronous", _SYNCHRONOUS[self._durability])
        db.pragma("temp_store", "MEMORY")
        self._reserve = Reserve(db, self._wal_pages)

    def _disconnect(self) -> None:
        _close(self._db)
        self._db = None

    def _release(self) -> None:
        """Let go of what is held from `load` to `close`."""
        _close(self._anchor)
        self._anchor = None
        claim, self._claim = self._claim, None
        if claim is not None:
            claim.release()


class SqliteReader:
    """The Reader, on a read-only connection: made at the first read, and anew after an error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: apsw.Connection | None = None

    def after(self, room: int, seq: int, limit: int) -> Page:
        """See `chat.log.Reader`."""
        with self._reading() as db:
            return tables.after(db, room, seq, limit)

    def before(self, room: int, seq: int, limit: int) -> Page:
        """See `chat.log.Reader`."""
        with self._reading() as db:
            return tables.before(db, room, seq, limit)

    def close(self) -> None:
        """See `chat.log.Reader`."""
        _close(self._db)
        self._db = None

    @contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        try:
            if self._db is None:
                self._db = schema.connect_read_only(self._path)
            yield self._db
        except BrokenSealError as exc:
            raise LogDamaged(f"The log is damaged: {exc}.") from exc
        except (apsw.Error, UnicodeError, msgspec.DecodeError) as exc:
            self.close()
            raise StoreFailed("The log could not be read.") from exc


def _close(db: apsw.Connection | None) -> None:
    """Close at all events: what was not committed is rolled back."""
    if db is not None:
        with suppress(apsw.Error):
            db.close(True)
