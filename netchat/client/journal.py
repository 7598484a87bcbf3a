"""The journal: what of a client outlives its process, as records. Pure.

Rules of this file
    1. A record a line: eight hex digits of its CRC-32, a space, its JSON. A line that was torn
       or changed is known by that, and costs no other line.
    2. `Posted` is written before anything else happens with a post, `Settled` once it has been
       answered for good. What is between them is sent again, under the same id.
    3. An id counts for one identity: its token is a record, too.

A machine is given a Journal to write to, and to begin with; where it keeps the records is its
own business (`outbox_file` keeps them on disk).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol
from zlib import crc32

from msgspec import DecodeError, Struct, json

from netchat.chat.requests import Post

VERSION = 1


class Owner(Struct, frozen=True, kw_only=True, tag="owner"):
    """The first record: whose journal it is, by the address and the name that were asked for."""

    version: int
    server: str
    name: str


class Known(Struct, frozen=True, tag="known"):
    """The server knows us by this token, and calls us so."""

    name: str
    token: str


class Posted(Struct, frozen=True, omit_defaults=True, tag="posted"):
    """Somebody wants this to be sent. As it was given: whether it can be is for the server."""

    id: str
    text: str
    room: str | None = None
    to: str | None = None


class Settled(Struct, frozen=True, tag="settled"):
    """A post was accepted or refused, or is not wanted any more."""

    id: str


class Held(Struct, frozen=True, tag="held"):
    """A room or talk that we are in, and up to where we have its log."""

    room: str
    epoch: str
    seq: int


class Left(Struct, frozen=True, tag="left"):
    """A room that we are not in any more."""

    room: str


Record = Owner | Known | Posted | Settled | Held | Left

_DECODER: json.Decoder[Record] = json.Decoder(Record)


class Kept:
    """What the records come to."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.owner: Owner | None = None
        self.known: Known | None = None
        self.posts: dict[str, Posted] = {}
        """By id, in order of posting: those that are not settled."""
        self.held: dict[str, Held] = {}
        for record in records:
            self.take(record)

    def take(self, record: Record) -> None:
        """One record more."""
        match record:
            case Owner():
                self.owner = record
            case Known():
                self.known = record
            case Posted():
                self.posts[record.id] = record
            case Settled():
                self.posts.pop(record.id, None)
            case Held():
                self.held[record.room] = record
            case Left():
                self.held.pop(record.room, None)

    def records(self) -> Iterator[Record]:
        """The shortest journal that comes to the same."""
        yield from (record for record in (self.owner, self.known) if record is not None)
        yield from self.held.values()
        yield from self.posts.values()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it that anybody would miss."""
        return self.known is None and not self.posts


class Journal(Protocol):
    """Where a machine's records go. `kept` is what all of them, the earlier ones too, come to."""

    kept: Kept

    def write(self, *records: Record) -> None:
        """Keep these, in `kept` and beyond this process, before returning. Never raises."""


def posted(post: Post) -> Posted:
    """A post as a record."""
    return Posted(post.id, post.text, post.room, post.to)


def encode(record: Record) -> bytes:
    """A record as a line."""
    data = json.encode(record)
    return b"%08x %s\n" % (crc32(data), data)


def decode(data: bytes) -> tuple[list[Record], int]:
    """The records of all lines that are whole, and how many are not."""
    *lines, rest = data.split(b"\n")
    found = [_decode_line(line) for line in lines]
    records = [record for record in found if record is not None]
    return records, len(found) - len(records) + bool(rest)


def _decode_line(line: bytes) -> Record | None:
    if line[:9] != b"%08x " % crc32(line[9:]):
        return None
    try:
        return _DECODER.decode(line[9:])
    except (DecodeError, UnicodeDecodeError):
        return None
