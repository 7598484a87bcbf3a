"""Where posts go in the log: the seqs, the times, the repeats. Pure; both stores use it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from netchat.chat.log import (
    Batch,
    Conflict,
    Duplicate,
    Entry,
    LogPost,
    Result,
    Stored,
)
from netchat.errors import StoreFailed

PostKey = tuple[int, str]
"""(identity, id): what a post is known by, for as long as the log is kept."""


class MessageRow(Struct, frozen=True, gc=False, array_like=True):
    """One message as a store keeps it; the fields are the table's columns, in their order."""

    room: int
    seq: int
    time: int
    identity: int
    id: str
    sender: str
    recipient: str | None
    text: str

    def entry(self) -> Entry:
        return Entry(self.seq, self.time, self.sender, self.recipient, self.id, self.text)


class Head(Struct, gc=False):
    """A room's newest entry, 0 and 0 where it has none. A damaged room takes no posts."""

    seq: int = 0
    time: int = 0
    damaged: bool = False


class Placed(Struct, frozen=True, gc=False):
    """What a batch comes to: a result a post, the rows to insert, the heads that changed."""

    results: list[Result]
    rows: dict[PostKey, MessageRow]
    heads: dict[int, Head]


def place(
    batch: Batch, held: Mapping[PostKey, MessageRow | None], heads: Mapping[int, Head], now: int
) -> Placed:
    """Give each post of the batch its place, in order; nothing that was passed in changes.

    `held` has the rows that the log already keeps under the posts' keys (it may have more); None
    stands for one that is not what was written.
    `now` is the wall clock in ms; where it has gone back, the room's last time stands.
    """
    results: list[Result] = []
    rows: dict[PostKey, MessageRow] = {}
    moved = {row.room: Head() for row in batch.rooms if row.room not in heads}
    for post in batch.posts:
        room, key = post.room, (post.identity, post.id)
        if key in rows or key in held:
            results.append(_repeated(post, rows.get(key) or held[key]))
            continue
        head = moved.get(room)
        if head is None:
            known = heads.get(room)
            if known is None or known.damaged:
                results.append(_refusal(known))
                continue
            head = moved[room] = Head(known.seq, known.time)  # the batch's own, which moves
        head.seq = seq = head.seq + 1
        if head.time < now:
            head.time = now
        time = head.time
        rows[key] = MessageRow(
            room, seq, time, post.identity, post.id, post.sender, post.to, post.text
        )
        results.append(Stored(seq, time))
    return Placed(results, rows, moved)


def _repeated(post: LogPost, first: MessageRow | None) -> Result:
    if first is None:
        return StoreFailed("What was posted under this id is damaged.")
    if first.room == post.room and first.text == post.text:
        return Duplicate(first.seq, first.time)
    return Conflict()


def _refusal(head: Head | None) -> StoreFailed:
    why = "The log has no such room." if head is None else "The log of this room is damaged."
    return StoreFailed(why)
