"""The native format: JSON payloads, length-prefixed. Its wire, and its machine in both roles.

A machine has one door in and one door out: bytes are given to `receive_data`, and Requests (or
Events) are pulled until None comes. Pulling leaves the pace to the session: what it does not
pull stays where it is, and `pending` says that there is something to come back for. A fatal
error is raised once; after it the machine takes nothing and gives nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from netchat.chat.events import Event, HistoryPage, Members, Message, RoomList, Welcome
from netchat.chat.requests import Request
from netchat.errors import BadJson, LocalProtocolError
from netchat.wire.framing import HEADER, LengthPrefixed, frame, pack_length, pack_length_into
from netchat.wire.messages import decode_event, decode_request, encode, encode_into

MAX_FRAME = 65_536
"""Bytes of payload, in both directions. The longest message (4,000 code points of four bytes)
takes a quarter of it; a page that holds more than one frame's worth is cut."""

MAX_FRAME_BEFORE_WELCOME = 4_096
"""Bytes of payload from a stranger. A `hello` with a long token fits several times, and ten
thousand strangers who send half a frame hold 40 MiB, not 640 (ejabberd allows 8 KiB)."""


def event_payload(event: Event) -> bytes:
    """The payload of an event, within MAX_FRAME: a page that would not fit is cut.

    Raises LocalProtocolError for anything else.
    """
    payload = encode(event)
    return payload if len(payload) <= MAX_FRAME else _cut(event, payload)


def _cut(event: Event, payload: bytes) -> bytes:
    while len(payload) > MAX_FRAME:
        if not isinstance(event, HistoryPage | Members | RoomList):
            raise _too_long(event)
        event = event.cut()
        shorter = encode(event)
        if len(shorter) >= len(payload):
            raise _too_long(event)
        payload = shorter
    return payload


class NativeWire:
    """Events as frames."""

    __slots__ = ()

    def encode(self, event: Event) -> bytes:
        """One frame. A page that would not fit is cut; LocalProtocolError for anything else."""
        payload = encode(event)  # `event_payload` and `frame`, without their calls: the hot path
        if len(payload) > MAX_FRAME:
            payload = _cut(event, payload)
        return pack_length(len(payload)) + payload

    def encode_slice(self, messages: Sequence[Message]) -> tuple[bytes, Sequence[int]]:
        """A frame a message in one blob, and the offset behind each but the last.

        The hot path: once a room and tick. Each payload is written where it will stay.
        """
        if len(messages) == 1:
            return self.encode(messages[0]), ()
        blob, ends, end = bytearray(), [], 0
        for message in messages:
            ends.append(end)
            encode_into(message, blob, end + HEADER.size)
            size = len(blob) - end - HEADER.size
            if size > MAX_FRAME:
                raise _too_long(message)
            pack_length_into(blob, end, size)
            end += HEADER.size + size
        return bytes(blob), array("I", ends[1:])


NATIVE = NativeWire()


class _Machine(LengthPrefixed, eq=False, gc=False):
    """What both roles share. It is its own framing: one object a connection, not two."""

    @property
    def pending(self) -> bool:
        """Whether a complete frame, or a bad one, is waiting to be pulled."""
        return bool(self._data) and self.complete  # a failure leaves no data

    @property
    def unfinished(self) -> int:
        """Bytes of a frame of which not all have come."""
        return len(self._data) - self._at

    def receive_eof(self) -> None:
        """The peer will send no more. A frame cut short by that is dropped without an error."""
        if not self.pending:
            self._drop()


class NativeServer(_Machine, eq=False, gc=False):
    """The server's side of one connection: Requests come out."""

    max_frame: int = MAX_FRAME_BEFORE_WELCOME

    def welcome(self) -> None:
        """The peer has been let in: it may send frames of full length."""
        self.max_frame = MAX_FRAME

    def next_request(self) -> Request | None:
        """The next request, or None where no frame is complete.

        Raises FatalError once, after which there are no more requests, and RefusedRequest,
        after which there may be.
        """
        if self._failure is not None:
            return None
        payload = self.next_payload()
        if payload is None:
            return None
        try:
            return decode_request(payload)
        except BadJson as error:
            raise self._fail(error) from None


class NativeClient(_Machine, eq=False, gc=False):
    """The client's side of one connection: Events come out, requests are made into bytes."""

    max_frame: int = MAX_FRAME
    _max_sent: int = MAX_FRAME_BEFORE_WELCOME

    def next_event(self) -> Event | None:
        """The next event of a type known here, or None where no frame is complete.

        Raises FatalError once; there are no more events after it.
        """
        while self._failure is None and (payload := self.next_payload()) is not None:
            try:
                event = decode_event(payload)
            except BadJson as error:
                raise self._fail(error) from None
            if isinstance(event, Welcome):
                self._max_sent = event.limits.get("frame", MAX_FRAME)
            if event is not None:
                return event
        return None

    def send(self, request: Request) -> bytes:
        """The request as a frame. Raises LocalProtocolError where the server would refuse it."""
        payload = encode(request)
        if len(payload) > self._max_sent:
            raise _too_long(request)
        return frame(payload)


def _too_long(message: Event | Request) -> LocalProtocolError:
    return LocalProtocolError(f"a {type(message).__name__} is longer than a frame may be")
