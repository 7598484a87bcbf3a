"""The selector: waiting is letting the world go on until something is ready."""

from __future__ import annotations

import selectors
from math import ceil
from random import Random
from typing import Any

from .net import Net
from .sockets import SimListener, SimSocket
from .world import Violation, World

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

SPINS = 200
"""Ticks without sleep in which nothing was read, sent or stored: far more than work takes."""


class SimSelector(selectors.BaseSelector):
    """Knows simulated sockets; real ones (the loop's wake-up pair) it takes and ignores.

    `busy` is the time in ms that a tick takes before it is back here. `spurious` is how often
    a socket is called ready that is not.
    """

    def __init__(self, world: World, net: Net, busy: int, spurious: float) -> None:
        self._world = world
        self._net = net
        self._busy = busy
        self._spurious = spurious
        self._random: Random = world.random("selector")
        self._keys: dict[Any, selectors.SelectorKey] = {}
        self._traced = self._idle = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        if not events or events & ~(READ | WRITE):
            raise ValueError(f"invalid events: {events}")
        if fileobj in self._keys:
            raise KeyError(f"{fileobj} is registered")
        if fileobj.fileno() < 0:
            raise ValueError("a closed socket")
        key = selectors.SelectorKey(fileobj, fileobj.fileno(), events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        self.unregister(fileobj)
        return self.register(fileobj, events, data)

    def get_map(self) -> dict[Any, selectors.SelectorKey]:
        return self._keys

    def close(self) -> None:
        self._keys.clear()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        world = self._world
        world.run_to(world.now + self._busy)
        begin = world.now
        ready = self._wait(None if timeout is None else begin + ceil(timeout * 1000))
        self._look_for_a_spin(slept=world.now > begin)
        return ready

    def _wait(self, until: int | None) -> list[tuple[selectors.SelectorKey, int]]:
        world = self._world
        while True:
            self._net.count_down()
            ready = self._ready()
            if ready or world.woken:
                world.woken = False
                return ready
            instant = world.next_instant()
            if until is not None and (instant is None or instant > until):
                world.run_to(until)
                return []
            if instant is None:
                raise RuntimeError("The server sleeps, and nothing will ever wake it.")
            world.run_to(instant)

    def _look_for_a_spin(self, slept: bool) -> None:
        """A loop that does not sleep has to get on with something."""
        self._idle = 0 if slept or self._world.traced > self._traced else self._idle + 1
        self._traced = self._world.traced
        if self._idle > SPINS:
            raise Violation("the loop does not spin", f"{SPINS} ticks without sleep and effect")

    def _ready(self) -> list[tuple[selectors.SelectorKey, int]]:
        found = []
        for fileobj, key in self._keys.items():
            if isinstance(fileobj, SimSocket | SimListener):
                mask = (READ if fileobj.readable else 0) | (WRITE if fileobj.writable else 0)
                mask &= key.events
                if mask:
                    found.append((key, mask))
        if found and self._random.random() < self._spurious:
            key = self._random.choice(list(self._keys.values()))
            if isinstance(key.fileobj, SimSocket) and all(key is not other for other, _ in found):
                found.append((key, key.events))
        self._random.shuffle(found)
        return found
