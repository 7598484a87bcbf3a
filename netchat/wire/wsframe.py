"""What can be told of a WebSocket frame that has come, from its bytes (RFC 6455, 5.2). Pure."""

from __future__ import annotations

try:
    from websockets.speedups import apply_mask
except ImportError:  # the library was installed without its C part
    from websockets.utils import apply_mask

WHOLE_TEXT = 0x81
"""The first byte of a text message in one frame, without an extension's mark."""

MASKED = 0x80


def size_of_frame(data: bytes, at: int) -> int:
    """Bytes of the frame that begins there, with its head; 0: not known yet."""
    if len(data) - at < 2:
        return 0
    size, mask = data[at + 1] & 0x7F, 4 * (data[at + 1] >> 7)
    if size < 126:
        return 2 + mask + size
    wide = 2 if size == 126 else 8
    if len(data) - at < 2 + wide:
        return 0
    return 2 + wide + mask + int.from_bytes(data[at + 2 : at + 2 + wide])


def plain_text(data: bytes, at: int, most: int) -> tuple[bytes, int] | None:
    """What browsers send nearly always, a text message in one masked frame, where it has come whole
    and has at most so many bytes, and not over 65,535: its payload, and where the next begins."""
    if len(data) - at < 6 or data[at] != WHOLE_TEXT:
        return None
    size, begin = data[at + 1] - MASKED, at + 6
    if size == 126:
        size, begin = int.from_bytes(data[at + 2 : at + 4]), at + 8
    elif not 0 <= size < 126:
        return None
    end = begin + size
    if end > len(data) or size > most:
        return None
    return apply_mask(data[begin:end], data[begin - 4 : begin]), end
