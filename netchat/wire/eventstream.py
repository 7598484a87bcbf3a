"""Server-Sent Events: a room's log as the stream that browsers' EventSource and curl can read.

Source: the HTML standard, section 9.2. A message is an event of the default type and its `id` is
its seq, so that a reader which returns says by itself what it has (`Last-Event-ID`). Everything
else has its own type, that of the protocol. JSON has no raw line feeds, so one `data` line does.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate

from netchat.chat.events import Bye, Error, Event, Gap, Message
from netchat.chat.requests import Request
from netchat.wire.base import join
from netchat.wire.http import Headers
from netchat.wire.messages import encode
from netchat.wire.native import event_payload

COMMENT = b":\n\n"
"""What is sent where there is nothing to say: readers ignore it, and the line stays open."""


class EventStreamWire:
    """Events as Server-Sent Events."""

    __slots__ = ()

    def encode(self, event: Event) -> bytes:
        """One event."""
        if isinstance(event, Message):
            return self._message(event)
        return b"%sevent: %s\ndata: %s\n\n" % (_fields(event), _name(event), event_payload(event))

    def encode_slice(self, messages: Sequence[Message]) -> tuple[bytes, Sequence[int]]:
        """An event a message in one blob, and the offset behind each but the last."""
        return join([self._message(message) for message in messages])

    def _message(self, message: Message) -> bytes:
        if message.to is not None:  # of a private talk, whose seqs are not the room's
            return b"event: private\ndata: %s\n\n" % encode(message)
        return b"id: %d\ndata: %s\n\n" % (message.seq, encode(message))


EVENT_STREAM = EventStreamWire()


def _name(event: Event) -> bytes:
    if isinstance(event, Error):  # EventSource has an `error` of its own
        return b"problem"
    return str(event.__struct_config__.tag).encode()


def _fields(event: Event) -> bytes:
    """What a reader is to know for its return: where it stands, and when."""
    if isinstance(event, Gap):
        return b"id: %d\n" % (event.to if event.reason == "retention" else 0)
    if isinstance(event, Bye) and event.retry_after is not None:
        return b"retry: %d\n" % (event.retry_after * 1_000)
    return b""


def stream_head(headers: Headers, wall: int) -> bytes:
    """The head of a response that ends with its connection. `wall` is ms since the epoch."""
    lines = [
        ("Date", formatdate(wall / 1_000, usegmt=True)),
        ("Content-Type", "text/event-stream"),
        ("Cache-Control", "no-store"),
        ("X-Accel-Buffering", "no"),  # or nginx would hold events back
        ("Connection", "close"),
        *headers,
    ]
    text = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"HTTP/1.1 200 OK\r\n{text}\r\n".encode("latin-1")


class Deaf:
    """The machine of a peer that has nothing more to ask."""

    __slots__ = ()

    pending = False
    unfinished = 0

    def receive_data(self, data: bytes) -> None:
        """Nothing that comes means anything."""

    def receive_eof(self) -> None:
        """There will be no more."""

    def next_request(self) -> Request | None:
        return None

    def welcome(self) -> None:
        """Nothing changes."""


DEAF = Deaf()


class PayloadWire:
    """Events as bare payloads, for whoever answers with one of them."""

    __slots__ = ()

    def encode(self, event: Event) -> bytes:
        return event_payload(event)

    def encode_slice(self, messages: Sequence[Message]) -> tuple[bytes, Sequence[int]]:
        raise NotImplementedError("nobody follows a room this way")


PAYLOADS = PayloadWire()
