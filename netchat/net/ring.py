"""The same bytes to many sockets in one system call, by Linux's io_uring.

Theory of operation. The kernel and we share a ring of slots, each of which is one send: to which
descriptor, from which address, how many bytes. As many are filled as there are sockets, and one
call, io_uring_enter, has the kernel do them all. None is waited for (MSG_DONTWAIT), so all have
ended when it comes back. Of a send that took everything the kernel says nothing
(IOSQE_CQE_SKIP_SUCCESS; MSG_WAITALL makes a success of that alone). Of others it puts into a
second ring what became of them. So a thousand sends that go well, as nearly all do, cost Python
two assignments to strided views, and no step a member.

What it saves is Python's call of `send` and the kernel's way in and out. The sending itself costs
what it costs, and the loop still waits with its selector: this is no second event loop.

The bytes are copied into memory of ours first, once for all members: the kernel reads nothing
that Python could free or move, and the address is the same for ever.

Not everywhere is there an io_uring: not before Linux 5.18, not where a container's filter forbids
it, nor where the administrator does (kernel.io_uring_disabled). `open_ring` tries it on sockets of
its own, and says None unless it does exactly what is said here.

The numbers are the kernel's: include/uapi/linux/io_uring.h; io_uring_setup(2), io_uring_enter(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import logging
import mmap
import os
import socket
import struct
from array import array
from collections.abc import Iterator

from netchat.net.flushing import FLUSH_SLICE

log = logging.getLogger("netchat.net")

SLOTS = FLUSH_SLICE
"""Sends of one call. The kernel takes a power of two."""

LARGEST = 131_072
"""Bytes that can be sent at once: two frames of the largest size, or a slice of which every byte
had to be escaped."""

FEW = 40
"""Sockets for which the call costs more than it saves: measured, that ends at 32 to 48."""

_SETUP, _ENTER = 425, 426  # the same on every architecture but one
_SUBMIT_ALL = 1 << 7  # IORING_SETUP_SUBMIT_ALL: where one fails, the others are tried
_SKIP_SUCCESS = 1 << 6  # IOSQE_CQE_SKIP_SUCCESS
_SEND = 26  # IORING_OP_SEND
_FLAGS = 0x40 | 0x100 | 0x4000  # MSG_DONTWAIT, MSG_WAITALL, MSG_NOSIGNAL
_SLOTS_AT = 0x1000_0000  # IORING_OFF_SQES

_PARAMS = struct.Struct("30I")  # io_uring_params: ten words of its own, of the ring, of the answers
_SLOT = struct.Struct("BBHiQQIIQ24x")  # io_uring_sqe, as a send uses it
_ANSWER = struct.Struct("QiI")  # io_uring_cqe: which send, what became of it, flags

_MODULO = 2**32
"""The places in both rings are counted on, in 32 bits."""


class SendRing:
    """Sends to many. Raises OSError where the kernel will not have it."""

    few = FEW
    largest = LARGEST

    def __init__(self) -> None:
        params = ctypes.create_string_buffer(_PARAMS.pack(0, 0, _SUBMIT_ALL, *[0] * 27))
        self._syscall = ctypes.CDLL(None, use_errno=True).syscall
        self._syscall.argtypes, self._syscall.restype = [ctypes.c_long] * 7, ctypes.c_long
        self._fd = self._call(_SETUP, SLOTS, ctypes.addressof(params))
        words = _PARAMS.unpack_from(params)
        sends, answers = words[10:20], words[20:30]
        _, self._tail, _, _, _, _, order, *_ = (offset // 4 for offset in sends)
        self._heard, self._said, _, _, _, self._answers_at, *_ = answers
        self._heard //= 4
        self._said //= 4
        self._answers = words[1]
        size = max(sends[6] + SLOTS * 4, self._answers_at + self._answers * _ANSWER.size)
        self._rings = mmap.mmap(self._fd, size)
        self._words = memoryview(self._rings).cast("I")
        self._words[order : order + SLOTS] = array("I", range(SLOTS))
        self._bytes = mmap.mmap(-1, LARGEST)
        self._open_slots()

    def _open_slots(self) -> None:
        """What is the same in all sends is filled in once."""
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._bytes))
        slots = mmap.mmap(self._fd, SLOTS * _SLOT.size, offset=_SLOTS_AT)
        for n in range(SLOTS):
            start = n * _SLOT.size
            _SLOT.pack_into(slots, start, _SEND, _SKIP_SUCCESS, 0, -1, 0, address, 0, _FLAGS, n)
        self._numbers = memoryview(slots).cast("i")[1 :: _SLOT.size // 4]
        self._sizes = memoryview(slots).cast("I")[6 :: _SLOT.size // 4]

    def send(self, numbers: array[int], data: bytes) -> list[tuple[int, int]]:
        """Send the same to each of these descriptors ("i"): at most SLOTS, and LARGEST bytes.

        Who did not take all of it: its place in `numbers`, and how many bytes it took, or, where
        it failed, the error's number below zero. Whom the kernel did not get to took none.
        """
        count, words = len(numbers), self._words
        self._bytes[: len(data)] = data
        tail = words[self._tail]
        at = tail % SLOTS
        first = min(count, SLOTS - at)
        self._fill(at, numbers[:first], len(data))
        if first < count:
            self._fill(0, numbers[first:], len(data))
        words[self._tail] = (tail + count) % _MODULO
        done = self._submit(count)
        refused = [((slot - at) % SLOTS, result) for slot, result in self._hear()]
        if done < count:
            words[self._tail] = (tail + done) % _MODULO
            refused += ((place, -errno.EAGAIN) for place in range(done, count))
        return refused

    def close(self) -> None:
        """Give it back to the kernel."""
        for view in (self._words, self._numbers, self._sizes):
            view.release()
        os.close(self._fd)

    def _fill(self, at: int, numbers: array[int], size: int) -> None:
        end = at + len(numbers)
        self._numbers[at:end] = numbers
        self._sizes[at:end] = array("I", [size]) * len(numbers)

    def _submit(self, count: int) -> int:
        """Have them sent; with how many the kernel has begun, and ended."""
        try:
            return self._call(_ENTER, self._fd, count)
        except OSError as exc:  # no memory, a signal: for a moment
            log.debug("The kernel sends nothing: %s", exc)
            return 0

    def _hear(self) -> Iterator[tuple[int, int]]:
        """The answers: the slot of each, and what became of its send."""
        words = self._words
        heard, said = words[self._heard], words[self._said]
        while heard != said:
            start = self._answers_at + heard % self._answers * _ANSWER.size
            slot, result, _ = _ANSWER.unpack_from(self._rings, start)
            yield slot, result
            heard = (heard + 1) % _MODULO
        words[self._heard] = heard

    def _call(self, number: int, first: int, second: int) -> int:
        """A system call that Python knows nothing of. Other threads may run meanwhile."""
        result: int = self._syscall(number, first, second, 0, 0, 0, 0)
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result


def open_ring() -> SendRing | None:
    """A ring where there is one that does what it should."""
    try:
        ring = SendRing()
    except (OSError, AttributeError) as exc:
        log.info("Fan-outs are sent one by one, as there is no io_uring: %s", exc)
        return None
    if _is_sound(ring):
        return ring
    log.warning("Fan-outs are sent one by one, as this kernel's io_uring is not as expected.")
    ring.close()
    return None


def _is_sound(ring: SendRing) -> bool:
    """What is taken whole, in part, not at all, and by nobody."""
    with contextlib.ExitStack() as stack:
        (open_, far), (full, _), (broken, gone) = (
            (stack.enter_context(near), stack.enter_context(far))
            for near, far in (socket.socketpair() for _ in range(3))
        )
        full.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        gone.close()
        part = ring.send(array("i", [full.fileno()]), bytes(LARGEST))
        all_ = array("i", [full.fileno(), open_.fileno(), broken.fileno()])
        refused = sorted(ring.send(all_, b"netchat"))
        far.setblocking(False)
        return (
            len(part) == 1
            and 0 < part[0][1] < LARGEST
            and refused == [(0, -errno.EAGAIN), (2, -errno.EPIPE)]
            and far.recv(64) == b"netchat"
        )
