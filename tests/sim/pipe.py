"""One direction of a connection: bytes on their way, in order, in pieces, in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .net import Net

Buffer = bytes | bytearray | memoryview


@dataclass
class Line:
    """What the packets of one connection meet on their way."""

    latency: int
    """A segment takes 1 to so many quanta."""
    segments: tuple[int, ...]
    """Lengths that segments are cut to."""
    partial: float
    """How often a send takes only a part, or nothing."""
    send_buffer: int
    receive_buffer: int
    stalled_until: int = 0
    dead: bool = False
    """Nothing gets through any more, and nobody is told."""
    spared: bool = False
    """Faults pass it by."""


class Pipe:
    """One direction of a connection."""

    def __init__(self, net: Net, line: Line, sender: int, arrived: Callable[[], None]) -> None:
        self._net = net
        self._line = line
        self._capacity = sender
        self._notify = arrived
        self._due = False
        self.buffer = bytearray()
        self.arrived = bytearray()
        self.ending = self.ended = self.cut = False

    @property
    def room(self) -> int:
        return max(0, self._capacity - len(self.buffer))

    def push(self, data: Buffer) -> None:
        self.buffer += data
        self.stir()

    def finish(self) -> None:
        self.ending = True
        self.stir()

    def take(self, size: int) -> bytes:
        """Read at most `size` bytes of what has arrived."""
        data = bytes(self.arrived[:size])
        del self.arrived[:size]
        self.stir()
        return data

    def stir(self) -> None:
        """See to it that what can move will."""
        window = self._line.receive_buffer - len(self.arrived)
        if self._due or self.cut or not ((self.buffer and window > 0) or self._ends_now()):
            return
        self._due = True
        self._net.world.at(max(self._net.soon(self._line), self._line.stalled_until), self._pump)

    def _ends_now(self) -> bool:
        return self.ending and not self.buffer and not self.ended

    def _pump(self) -> None:
        self._due = False
        if self._line.dead or self.cut:
            return
        if self._net.world.now >= self._line.stalled_until:
            window = self._line.receive_buffer - len(self.arrived)
            size = max(0, min(window, self._net.random.choice(self._line.segments)))
            self.arrived += self.buffer[:size]
            del self.buffer[:size]
            if self._ends_now() and self._net.random.random() < 0.5:
                self.ended = True
            self._notify()
        self.stir()
