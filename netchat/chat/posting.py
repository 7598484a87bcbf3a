"""Posting: posts on their way into the log, a batch at a time (group commit).

Rules of this file.
1. At most one batch is in flight. Posts that arrive meanwhile form the next.
2. A failed batch refuses all its posts and all that wait behind it, so that no post can
   overtake an earlier one of the same sender. Rows that are not posts (identities, tokens,
   rooms) are kept and go with the next batch.
3. After a failure posts are refused at once, until a probe write succeeds.
4. Rows go with the next batch, alone in it if there are no posts: a login's token is on disk
   soon after its `welcome`, which does not wait for it.
5. When a batch has come back, the next one leaves a tick later. Between them its messages go
   out, and who gets them may post again: under load batches grow by half, and what is sent
   for a batch, once a member, is sent for so many more. A tick is short, a commit is not.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any

from msgspec import Struct

from netchat.chat.events import Accepted, Error, Event
from netchat.chat.log import (
    Appended,
    Batch,
    Conflict,
    Duplicate,
    IdentityRow,
    LogPost,
    RecordRow,
    Result,
    RoomRow,
    Store,
    Stored,
    TalkRow,
    TokenRow,
    Worker,
)
from netchat.chat.now import Later
from netchat.chat.rooms import Room
from netchat.chat.session import Session
from netchat.chat.settings import MAX_PENDING_BYTES
from netchat.errors import RETRY_AFTER, IdConflict, StoreError, StoreFailed, StoreFull

log = logging.getLogger("netchat.chat")

POST_OVERHEAD = 200
"""Bytes counted for a post beside its text and id: names, and the objects around it. Its frame
takes as many, on its way to the members of a room with a short name."""

Row = RoomRow | TalkRow | IdentityRow | TokenRow | RecordRow

_KINDS: dict[type[Row], tuple[str, Callable[[Any], object]]] = {
    RoomRow: ("rooms", attrgetter("room")),
    TalkRow: ("talks", attrgetter("room")),
    IdentityRow: ("identities", attrgetter("identity")),
    TokenRow: ("tokens", attrgetter("hash")),
    RecordRow: ("records", attrgetter("kind", "key")),
}
"""Where each kind of row stands in a batch, and what of it says which older one it replaces."""

Rows = defaultdict[str, dict[object, Any]]
"""Rows on their way into the log, by their place in a batch and key; no place is empty."""


class Pending(LogPost, eq=False, gc=False):
    """A post under way: what the log is given of it, and to whom its reply is due, in its place.
    `event` is that reply, once it is known."""

    session: Session
    goes_to: Room
    ref: str | None
    size: int
    event: Event | None = None


class Refused(Struct, eq=False, gc=False):
    """What was refused behind posts under way: its reply waits for theirs."""

    event: Event


OnResult = Callable[[Pending, Result], None]
OnFirsts = Callable[[dict[int, int]], None]


class Posting:
    """The queue in front of the store. `on_result` is called once for each post, in order."""

    def __init__(
        self,
        store: Store,
        worker: Worker,
        later: Later,
        on_result: OnResult,
        on_firsts: OnFirsts,
    ) -> None:
        self._store = store
        self._worker = worker
        self._later = later
        self._on_result = on_result
        self._on_firsts = on_firsts
        self._waiting: list[Pending] = []
        self._in_flight = False
        self._landed = False
        """A batch has come back since the last `append`."""
        self._rows: Rows = defaultdict(dict)
        self._savers: list[Callable[[], None]] = []
        self._broken: StoreError | None = None
        self.bytes = 0
        """Text and overhead of all posts not yet committed."""
        self._starved: dict[Session, None] = {}

    def add(self, pending: Pending) -> None:
        """Queue a post. Raises StoreFull or StoreFailed while the store refuses."""
        if self._broken is not None:
            raise type(self._broken)()
        self._waiting.append(pending)
        self.bytes += pending.size

    def save(self, row: Row) -> None:
        """Write a row behind: with the next batch, a newer version replacing an older."""
        place, key = _KINDS[type(row)]
        self._rows[place][key(row)] = row

    def when_saved(self, call: Callable[[], None]) -> None:
        """Call back once all rows that are due by now are committed."""
        self._savers.append(call)

    def is_full(self, session: Session) -> bool:
        """Whether `session` must wait for room in the queue; it is woken when there is."""
        if self.bytes < MAX_PENDING_BYTES:
            return False
        self._starved[session] = None
        return True

    @property
    def is_working(self) -> bool:
        """Posts are taken; see rule 3."""
        return self._broken is None

    @property
    def has_posts(self) -> bool:
        """Posts are waiting, or a batch is in flight."""
        return bool(self._waiting) or self._in_flight

    def is_committing(self) -> bool:
        """Whether a batch is in flight: a tick will come with it."""
        return self._in_flight

    @property
    def is_idle(self) -> bool:
        """There is nothing that the store could be given."""
        return not self.has_posts and (not self._rows or self._broken is not None)

    def append(self) -> bool:
        """Phase 3: hand what has gathered to the store, unless a batch is in flight, or has
        come back in this tick. True: call again in a tick that follows at once."""
        landed, self._landed = self._landed, False
        if self._in_flight or self._broken is not None:
            return False
        waiting = bool(self._waiting or self._rows or self._savers)
        if waiting and not landed:
            self._submit()
            self._landed = False  # a store that answers at once is not waited for
        return waiting and landed

    def _submit(self) -> None:
        posts, self._waiting = self._waiting, []
        rows, self._rows = self._rows, defaultdict(dict)
        savers, self._savers = self._savers, []
        self._in_flight = True
        batch = Batch(posts)
        for place, saved in rows.items():
            setattr(batch, place, [*saved.values()])
        self._worker.submit(
            partial(self._store.append, batch), partial(self._done, posts, rows, savers)
        )

    def _done(
        self,
        posts: list[Pending],
        rows: Rows,
        savers: list[Callable[[], None]],
        outcome: Appended | BaseException,
    ) -> None:
        self._in_flight = False
        self._landed = True
        if isinstance(outcome, BaseException):
            for place, older in rows.items():
                self._rows[place] = older | self._rows[place]
            self._savers = savers + self._savers
            self._fail(posts, outcome)
        else:
            self._on_firsts(outcome.firsts)
            for saved in savers:
                saved()
            on_result = self._on_result
            for pending, result in zip(posts, outcome.results, strict=True):
                self.bytes -= pending.size
                on_result(pending, result)
        self._wake_starved()

    def _wake_starved(self) -> None:
        starved, self._starved = self._starved, {}
        for session in starved:
            session.wake()

    # -- a store that refuses --------------------------------------------------------------

    def _fail(self, posts: list[Pending], outcome: BaseException) -> None:
        expected = isinstance(outcome, StoreError)
        log.error("Posts are refused: %s", outcome, exc_info=None if expected else outcome)
        kind = StoreFull if isinstance(outcome, StoreFull) else StoreFailed
        self._broken = kind()
        behind, self._waiting = self._waiting, []
        for pending in (*posts, *behind):
            self.bytes -= pending.size
            self._on_result(pending, kind())
        self._later(RETRY_AFTER, self._probe)

    def _probe(self, _now: float) -> None:
        self._worker.submit(self._store.probe, self._probed)

    def _probed(self, outcome: BaseException | None) -> None:
        if outcome is None:
            self._broken = None
            log.warning("Posts are accepted again.")
        else:
            self._broken = StoreFull() if isinstance(outcome, StoreFull) else StoreFailed()
            self._later(RETRY_AFTER, self._probe)


def reply_of(post: Pending, result: Result) -> Event:
    """What the sender of a post is told."""
    id, ref = post.id, post.ref
    if isinstance(result, Stored):
        return Accepted(id, post.goes_to.name, result.seq, result.time, ref=ref)
    if isinstance(result, Duplicate):
        return Accepted(id, post.goes_to.name, result.seq, result.time, True, ref=ref)
    refusal = IdConflict() if isinstance(result, Conflict) else result
    return Error.of(refusal, ref=ref, id=id)
