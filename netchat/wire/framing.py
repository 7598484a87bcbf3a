"""Length-prefixed framing: four bytes of length, big-endian, then as many bytes of payload.

Rules of this file:

- A length is judged as soon as its four bytes are there. Nothing is kept for a bad one.
- Every byte is copied a bounded number of times, however the stream is cut up.
- A connection with nothing unfinished holds no buffer.

How it works: bytes that meet an empty buffer are kept as they are, and payloads are sliced out
of them by an offset. What is left of an unfinished frame moves into a bytearray with the next
bytes, which grows in place; a `bytes` would be copied anew for every piece of a frame that
trickles in byte by byte.
"""

from __future__ import annotations

import struct

from msgspec import Struct

from netchat.errors import BadFrame, FatalError, FrameTooLarge

HEADER = struct.Struct(">I")
pack_length = HEADER.pack
pack_length_into = HEADER.pack_into
_unpack_length = HEADER.unpack_from

TLS_STARTS = (b"\x15\x03", b"\x16\x03")
"""An alert or a handshake of any version of TLS; as a length, 370 million bytes."""


def frame(payload: bytes) -> bytes:
    """The payload behind its length."""
    return pack_length(len(payload)) + payload


class LengthPrefixed(Struct, eq=False, gc=False):
    """Bytes in, payloads out. `max_frame` (bytes of payload) may change between two pulls."""

    max_frame: int
    _data: bytes | bytearray = b""
    _at: int = 0
    _failure: type[FatalError] | None = None
    """The class alone: a raised instance would keep its traceback's frames alive."""

    def receive_data(self, data: bytes) -> None:
        """Take what the peer sent. After a failure it is thrown away."""
        if self._failure is not None:
            return
        held = self._data
        if not held:
            self._data = data
        elif isinstance(held, bytearray):
            del held[: self._at]
            held += data
        else:
            self._data = bytearray(held[self._at :])
            self._data += data
        self._at = 0

    def next_payload(self) -> bytes | None:
        """The next payload, or None where no frame is complete.

        Raises FrameTooLarge or BadFrame for a bad length, and again at every call after it.
        """
        if not self._data:
            if self._failure is not None:
                raise self._failure
            return None
        data, at, length = self._data, self._at, len(self._data)
        start = at + 4
        if start <= length:
            (size,) = _unpack_length(data, at)
            if size > self.max_frame:
                raise self._fail(FrameTooLarge(self._why_too_large(bytes(data[at:start]))))
            if size == 0:
                raise self._fail(BadFrame())
            end = start + size
            if end <= length:
                if end < length:
                    self._at = end
                else:
                    self._data, self._at = b"", 0
                return data[start:end] if type(data) is bytes else bytes(data[start:end])
        if at:
            self._data, self._at = data[at:], 0
        return None

    @property
    def complete(self) -> bool:
        """Whether the next pull has something to give: a payload, or a reason to fail."""
        if not self._data:
            return self._failure is not None
        rest = len(self._data) - self._at - HEADER.size
        if rest < 0:
            return False
        size: int = HEADER.unpack_from(self._data, self._at)[0]
        return size <= rest or size > self.max_frame

    def _why_too_large(self, header: bytes) -> str:
        if header.startswith(TLS_STARTS):
            return "This is TLS, and TLS is not spoken at this address."
        return f"A frame has at most {self.max_frame} bytes here."

    def _fail(self, error: FatalError) -> FatalError:
        self._failure = type(error)
        self._drop()
        return error

    def _drop(self) -> None:
        self._data, self._at = b"", 0
