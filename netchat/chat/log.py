"""The log: what the chat asks of a store. Implemented in `netchat.storage`.

A store is synchronous code without threads. It is reached through a `Worker`, which runs a
call elsewhere (or at once) and hands its outcome back on the loop, in order of submission.

The log, not the chat, assigns `seq` and `time`, inside the transaction: seqs are contiguous
from 1 in each room, times never run backwards within a room. A batch is committed whole or
not at all; a duplicate or a conflict takes no seq and does not fail the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from msgspec import Struct

from netchat.errors import StoreError

PAGE_BYTES = 65_536
"""A read stops once it holds this much text, so that no read runs long (one frame's worth)."""

TOKEN_LIFE_MS = 30 * 24 * 3600 * 1000
"""A token stands for its identity for 30 days after its last use (the protocol)."""


class LogPost(Struct, gc=False):
    """A post on its way into the log. `room` and `identity` are the store's row numbers."""

    room: int
    identity: int
    id: str
    sender: str
    to: str | None
    text: str


class RoomRow(Struct, frozen=True, gc=False):
    """A room that exists in the log. `key` is unique; `name` is its spelling."""

    room: int
    key: str
    name: str


class TalkRow(Struct, frozen=True, gc=False):
    """The room is a private talk between two identities, `first` < `second`."""

    room: int
    first: int
    second: int


class IdentityRow(Struct, frozen=True, gc=False):
    """An identity and the name it has, or had last. `held`: the name is its own right now."""

    identity: int
    name: str
    held: bool


class TokenRow(Struct, frozen=True, gc=False):
    """A token's SHA-256, whose it is, and when it was last used (ms since the epoch)."""

    hash: bytes
    identity: int
    used: int


class RecordRow(Struct, frozen=True, gc=False):
    """A small fact that the chat keeps in memory: `value` is JSON text, None forgets it.

    What it means is its `kind`'s business; the store only brings all of them back at start.
    """

    kind: str
    key: str
    value: str | None


class Batch(Struct, gc=False):
    """What one commit takes: rows are inserted or replaced, then the posts are appended."""

    posts: Sequence[LogPost] = ()
    rooms: Sequence[RoomRow] = ()
    talks: Sequence[TalkRow] = ()
    identities: Sequence[IdentityRow] = ()
    tokens: Sequence[TokenRow] = ()
    records: Sequence[RecordRow] = ()


class Stored(Struct, frozen=True, gc=False):
    """The post is committed at `seq`, stamped `time` (ms since the epoch)."""

    seq: int
    time: int


class Duplicate(Struct, frozen=True, gc=False):
    """(identity, id) had been stored before, with the same room and text."""

    seq: int
    time: int


class Conflict(Struct, frozen=True, gc=False):
    """(identity, id) had been stored before, with another room or text."""


Result = Stored | Duplicate | Conflict | StoreError
"""One answer a post, in the batch's order. A StoreError refuses this post alone."""


class Appended(Struct, frozen=True, gc=False):
    """A committed batch: its results, and the new oldest seq of each room that was trimmed."""

    results: list[Result]
    firsts: dict[int, int]


class Trimmed(Struct, frozen=True, gc=False):
    """A committed page of deletions: the new oldest seq of each room that was trimmed (head + 1
    where nothing is left), and whether there may be more to delete at once."""

    firsts: dict[int, int]
    more: bool


class Entry(Struct, frozen=True, gc=False):
    """One entry of a room's log, as read back."""

    seq: int
    time: int
    sender: str
    to: str | None
    id: str
    text: str


class Page(Struct, frozen=True, gc=False):
    """Entries in ascending order; `more`: the direction asked for holds further ones."""

    entries: list[Entry]
    more: bool


class RoomState(Struct, frozen=True, gc=False):
    """A room as found at start: `head` is its newest seq (0: none), `first` its oldest held
    one (head + 1: none), `active` the time of its newest entry, `damaged` a sentence where
    its seqs do not add up (such a room is served as `store_failed`)."""

    row: RoomRow
    first: int
    head: int
    active: int
    damaged: str | None = None


class State(Struct, frozen=True, gc=False):
    """Everything that the chat needs in memory at start."""

    epoch: str
    rooms: list[RoomState]
    talks: list[TalkRow]
    identities: list[IdentityRow]
    tokens: list[TokenRow]
    records: list[RecordRow]


class Store(Protocol):
    """The writing side; one caller at a time."""

    def load(self) -> State:
        """Open the log. Raises StartError with a sentence where it cannot be used."""

    def append(self, batch: Batch) -> Appended:
        """Commit a batch to the durability that was asked for; one result a post.

        Raises StoreFull or StoreFailed: nothing of the batch is stored then, no seq is used.
        """

    def trim(self, limit: int) -> Trimmed:
        """Delete what is older or more than is to be kept: `limit` messages at the most, the
        oldest of their rooms. No head moves, no seq is used again; the ids of the posts are
        forgotten with them. Raises StoreFull or StoreFailed: nothing is deleted then.
        """

    def probe(self) -> None:
        """Try whether writing works again. Raises StoreFull or StoreFailed."""

    def close(self) -> None:
        """Leave the log in good order (a clean stop)."""


class Reader(Protocol):
    """The reading side; it may be used beside a Store that is writing."""

    def after(self, room: int, seq: int, limit: int) -> Page:
        """The oldest entries with a greater seq: at most `limit`, about PAGE_BYTES of text,
        at least one where there is one. Raises StoreFailed."""

    def before(self, room: int, seq: int, limit: int) -> Page:
        """The newest entries with a smaller seq, under the same bounds."""

    def close(self) -> None:
        """Let go of the log."""


OnDone = Callable[[Any], None]
"""Takes the call's result, or the exception that it raised."""


class Worker(Protocol):
    """Runs calls one at a time, in order; each `on_done` runs on the loop, in that order."""

    def submit(self, call: Callable[[], Any], on_done: OnDone) -> None:
        """Run `call` as soon as the calls before it are done; never blocks."""

    def close(self) -> None:
        """Wait for the calls submitted so far (their `on_done` may not run), then stop."""
