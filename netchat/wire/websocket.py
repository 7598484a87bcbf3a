"""WebSocket (RFC 6455): its wires, and the server's machine behind a handshake.

Rules of this file:

- One text message carries one payload, the same JSON as in a native frame.
- The library does the protocol, and nobody but these files (`upgrade`, `wsframe`) knows it.
- What is sent to all is framed here, once, and goes past the library's object of each
  connection. That is sound because it keeps no state about what was sent: nothing is ever sent
  in fragments, no extension is used that remembers (permessage-deflate runs without context
  takeover), and after a close frame the transport takes nothing more.

How the machine works: the library is given one frame at a time, as requests are pulled, so the
pace stays with the session, and a flood of tiny frames does not become a heap of objects. So it is
known where a frame begins, and what browsers send nearly always, a short text message in one frame
that has come whole, is read right there, in half the time. What answers a control frame (a pong,
the echo of a close) travels with it, as a Control, so it keeps its place among the replies; what
the library would answer at once is left alone.
"""

from __future__ import annotations

import codecs
import logging
import struct
from collections.abc import Sequence
from typing import ClassVar, cast

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import (
    PerMessageDeflate,
)
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side
from websockets.typing import BytesLike

from netchat.chat.events import Bye, Error, Event, Message
from netchat.chat.requests import Request
from netchat.errors import (
    BadFrame,
    BadJson,
    FatalError,
    FrameTooLarge,
    Internal,
    ShuttingDown,
    TooManyConnections,
)
from netchat.wire.base import join
from netchat.wire.messages import decode_request
from netchat.wire.native import MAX_FRAME, MAX_FRAME_BEFORE_WELCOME, event_payload
from netchat.wire.wsframe import plain_text, size_of_frame

MAX_FRAGMENTS = 64
"""Fragments of one message. Browsers send none, and a frame costs more than its bytes."""

AT_ONCE = 8
"""Fragments read by one call: 0.1 ms. All that may be one message's would keep everybody else
waiting for 1.3 ms, without a moment at which the turn could end."""

COMPRESSED = 256
"""Bytes of payload from which on compressing pays: short messages have little that repeats."""


def _control_frame(opcode: Opcode, data: BytesLike) -> bytes:
    return Frame(opcode, data).serialize(mask=False)


PING_FRAME = _control_frame(Opcode.PING, b"")
"""The server's question to a silent peer: browsers and libraries answer it by themselves."""

CLOSE_CODES: dict[str, int] = {
    "bye": CloseCode.NORMAL_CLOSURE,
    BadFrame.code: CloseCode.PROTOCOL_ERROR,
    BadJson.code: CloseCode.INVALID_DATA,
    FrameTooLarge.code: CloseCode.MESSAGE_TOO_BIG,
    Internal.code: CloseCode.INTERNAL_ERROR,
    ShuttingDown.code: CloseCode.SERVICE_RESTART,
    TooManyConnections.code: CloseCode.TRY_AGAIN_LATER,
}
"""The close code of an error, or of a goodbye's reason; any other one is against a policy."""

_FAILURES: dict[int, type[FatalError]] = {
    CloseCode.PROTOCOL_ERROR: BadFrame,
    CloseCode.INVALID_DATA: BadJson,
    CloseCode.MESSAGE_TOO_BIG: FrameTooLarge,
}
_SENTENCES: dict[int, str] = {
    CloseCode.PROTOCOL_ERROR: "A WebSocket frame breaks RFC 6455.",
    CloseCode.UNSUPPORTED_DATA: "Only text messages are understood here.",
    CloseCode.INVALID_DATA: "A text message is not valid UTF-8.",
    CloseCode.MESSAGE_TOO_BIG: "A message is longer than this server takes.",
}

LOG = logging.getLogger("netchat.websocket")
LOG.setLevel(logging.WARNING)  # the library tells of every connection


WINDOW_BITS = 12
ZLIB = {"memLevel": 5}
"""Each message by itself and with a small window: a connection that compresses holds 4 KiB, not
161 (measured)."""

_SHORT, _MEDIUM, _LONG = (struct.Struct(head).pack for head in (">BB", ">BBH", ">BBQ"))
"""The heads of frames, by the three sizes of a length (RFC 6455, 5.2)."""

_DEFLATE = PerMessageDeflate(True, True, WINDOW_BITS, WINDOW_BITS, ZLIB)


class WebSocketWire:
    """Events as unmasked text frames."""

    __slots__ = ()

    def encode(self, event: Event) -> bytes:
        """One frame. A page that would not fit is cut; LocalProtocolError for anything else."""
        return self.frame(event_payload(event))

    def encode_slice(self, messages: Sequence[Message]) -> tuple[bytes, Sequence[int]]:
        """A frame a message in one blob, and the offset behind each but the last."""
        return join([self.frame(event_payload(message)) for message in messages])

    def frame(self, payload: bytes, opcode: Opcode = Opcode.TEXT) -> bytes:
        """A payload as one frame. Once a room and message, so not by way of the library, which
        takes four times as long."""
        size = len(payload)
        if size < 126:
            return _SHORT(0x80 | opcode, size) + payload
        if size < 65_536:
            return _MEDIUM(0x80 | opcode, 126, size) + payload
        return _LONG(0x80 | opcode, 127, size) + payload


class CompressedWire(WebSocketWire):
    """The same for those who have agreed on permessage-deflate (RFC 7692).

    As no context is taken over, what is compressed once can be read by all of them.
    """

    __slots__ = ()

    def frame(self, payload: bytes, opcode: Opcode = Opcode.TEXT) -> bytes:
        if len(payload) < COMPRESSED:
            return super().frame(payload, opcode)
        return Frame(opcode, payload).serialize(mask=False, extensions=[_DEFLATE])


WEBSOCKET = WebSocketWire()
COMPRESSED_WEBSOCKET = CompressedWire()


def close_frame(last: Event | None, code: int | None = None) -> bytes:
    """What says goodbye after the last event; `code` where the machine knows a better one."""
    word = last.code if isinstance(last, Error) else last.reason if isinstance(last, Bye) else "bye"
    code = code or CLOSE_CODES.get(word, CloseCode.POLICY_VIOLATION)
    return _control_frame(Opcode.CLOSE, Close(code, word).serialize())


def _echo(close: Close) -> bytes:
    """The payload of a close frame that came; one without a code was empty."""
    return b"" if close.code == CloseCode.NO_STATUS_RCVD else close.serialize()


class Control(Request, tag="control"):
    """A control frame came: `answer` goes back, and after it the connection `closes`."""

    answer: bytes = b""
    closes: bool = False


class _Partial:
    """A message of which not all fragments have come."""

    __slots__ = ("decode", "opcode", "parts")

    def __init__(self, opcode: Opcode) -> None:
        self.opcode = opcode
        self.parts: list[bytes] = []
        self.decode = codecs.getincrementaldecoder("utf-8")().decode


class WebSocketServer:
    """The server's side of one connection that has been upgraded: Requests come out."""

    max_fragments: ClassVar[int] = MAX_FRAGMENTS

    __slots__ = (
        "_at", "_over", "_owed", "_partial", "_protocol", "_rest", "close_code",
    )  # fmt: skip

    def __init__(
        self,
        extensions: Sequence[Extension] = (),
        max_message: int = MAX_FRAME_BEFORE_WELCOME,
    ) -> None:
        self._protocol = Protocol(Side.SERVER, max_size=max_message, logger=LOG)
        self._protocol.extensions = [*extensions]
        self._rest, self._at = b"", 0
        """What the library has not been given yet: the bytes from `_at` on."""
        self._owed = 0
        """Bytes that the library waits for, of the frame that it has been given in part."""
        self._partial: _Partial | None = None
        self._over = False
        self.close_code: int | None = None
        """Set where the peer broke WebSocket's rules: the code to close with."""

    @property
    def extensions(self) -> Sequence[Extension]:
        """What was agreed on."""
        return self._protocol.extensions

    @property
    def compresses(self) -> bool:
        """Whether the peer can read what CompressedWire makes."""
        return any(
            isinstance(agreed, PerMessageDeflate) and agreed.local_max_window_bits >= WINDOW_BITS
            for agreed in self.extensions
        )

    def welcome(self) -> None:
        """The peer has been let in: it may send messages of full length."""
        self._protocol.max_message_size = MAX_FRAME

    def receive_data(self, data: bytes) -> None:
        """Take what the peer sent. After a failure or a close it is thrown away."""
        if not self._over:
            self._rest, self._at = self._rest[self._at :] + data, 0

    @property
    def unfinished(self) -> int:
        """Bytes of a message, or a frame, of which not all have come."""
        if self._over:
            return 0
        parts = self._partial.parts if self._partial is not None else ()
        begun = len(self._protocol.reader.buffer) + len(self._rest) - self._at
        return begun + sum(map(len, parts))

    def receive_eof(self) -> None:
        """The peer will send no more. A frame cut short by that is dropped without an error."""

    @property
    def pending(self) -> bool:
        """Whether something may be waiting to be pulled."""
        if self._over:
            return False
        if self._protocol.parser_exc is not None:
            return True
        return bool(self._rest) if self._owed else size_of_frame(self._rest, self._at) > 0

    def next_request(self) -> Request | None:
        """The next request or control frame, or None: nothing is complete, or, while `pending`,
        enough has been read for one call.

        Raises FatalError once, after which there is nothing more, and RefusedRequest, after
        which there may be.
        """
        for _ in range(AT_ONCE):
            if (frame := self._next_frame()) is None:
                return None
            opcode = frame.opcode
            if opcode >= Opcode.CLOSE:
                return self._control(frame)
            if frame.fin and self._partial is None:  # what browsers send, all the time
                return self.read(opcode, bytes(frame.data))
            if (whole := self._join(frame)) is not None:
                return self.read(*whole)
        return None

    def read(self, opcode: Opcode, payload: bytes) -> Request:
        """A whole message as a request."""
        if opcode is not Opcode.TEXT:
            raise self._fail(BadFrame, CloseCode.UNSUPPORTED_DATA)
        try:
            return decode_request(payload)  # which sees to its being UTF-8
        except BadJson:
            self._end(CloseCode.INVALID_DATA)
            raise

    def _next_frame(self) -> Frame | None:
        protocol = self._protocol
        while not self._over:
            if protocol.parser_exc is not None:
                if protocol.close_rcvd is not None:  # the library minds the message it cuts short
                    return Frame(Opcode.CLOSE, _echo(protocol.close_rcvd))
                assert protocol.close_sent is not None
                code = protocol.close_sent.code
                raise self._fail(_FAILURES.get(code, Internal), code)
            if not self._owed:
                if (frame := self._plain_frame()) is not None:
                    return frame
                self._owed = size_of_frame(self._rest, self._at)
            if not (piece := self._take(self._owed)):
                return None
            self._owed -= len(piece)
            protocol.receive_data(piece)
            protocol.data_to_send()  # what it would answer; see the head of this file
            if found := protocol.events_received():
                return cast(Frame, found[0])
        return None

    def _plain_frame(self) -> Frame | None:
        """The next frame, where it can be read right here."""
        if self._partial is not None:
            return None
        found = plain_text(self._rest, self._at, self._protocol.max_message_size or 0)
        if found is None:
            return None
        self._go_to(found[1])
        return Frame(Opcode.TEXT, found[0])

    def _take(self, most: int) -> bytes:
        """The next bytes, at most so many."""
        piece = self._rest[self._at : self._at + most]
        self._go_to(self._at + len(piece))
        return piece

    def _go_to(self, at: int) -> None:
        self._at = at
        if at == len(self._rest):
            self._rest, self._at = b"", 0

    def _control(self, frame: Frame) -> Control:
        if frame.opcode is Opcode.PONG:
            return Control()
        if frame.opcode is Opcode.PING:
            return Control(answer=_control_frame(Opcode.PONG, frame.data))
        self._end()
        return Control(answer=_control_frame(Opcode.CLOSE, frame.data), closes=True)

    def _join(self, frame: Frame) -> tuple[Opcode, bytes] | None:
        """The message that this fragment ends, if it does. Text is checked as it comes."""
        partial = self._partial or _Partial(frame.opcode)
        if partial.opcode is Opcode.TEXT:
            try:
                partial.decode(frame.data, frame.fin)
            except UnicodeDecodeError:
                raise self._fail(BadJson, CloseCode.INVALID_DATA) from None
        partial.parts.append(bytes(frame.data))
        if len(partial.parts) > self.max_fragments:
            raise self._fail(FrameTooLarge, CloseCode.MESSAGE_TOO_BIG)
        self._partial = None if frame.fin else partial
        return (partial.opcode, b"".join(partial.parts)) if frame.fin else None

    def _fail(self, kind: type[FatalError], code: int) -> FatalError:
        self._end(code)
        return kind(_SENTENCES.get(code))

    def _end(self, code: int | None = None) -> None:
        self._over, self.close_code = True, code
        self._rest, self._partial = b"", None
