"""The server's way to send the same to many sockets at once, as `netchat.net.ring` does."""

from __future__ import annotations

import errno
from array import array

from .net import Net
from .sockets import SimSocket


class SimRing:
    """Sends one by one; now and then the kernel has no memory for the rest."""

    few = 0
    largest = 2_000

    def __init__(self, net: Net, no_memory: float) -> None:
        self._net = net
        self._no_memory = no_memory

    def send(self, numbers: array[int], data: bytes) -> list[tuple[int, int]]:
        """See `netchat.net.flushing.Ring`."""
        sockets = self._net.server_ends()
        results = [self._send(sockets[number], data) for number in numbers]
        refused = [(place, took) for place, took in enumerate(results) if took != len(data)]
        self._net.world.sometimes["fan-out by the ring"] += 1
        self._net.world.sometimes["refused by the ring"] += bool(refused)
        return refused

    def _send(self, sock: SimSocket, data: bytes) -> int:
        if self._net.random.random() < self._no_memory:
            return -errno.EAGAIN
        try:
            return sock.send(data)
        except OSError as exc:
            assert exc.errno is not None
            return -exc.errno
