"""Those who are equally greedy are served equally, and nobody calm waits for them.

Whole sessions on a clock that goes only while requests are handled, each for as long.
"""

from __future__ import annotations

from typing import Any

import pytest

from netchat.chat.events import Pong
from netchat.chat.requests import Ping
from tests.sessions.support import Client, House

TICKS = 1_000
NOW_AND_THEN = 0.02
"""Seconds between what a calm one asks: it types fifty lines a second."""


class Busy(House):
    """A house in which a request takes so many seconds."""

    def __init__(self, cost: float) -> None:
        super().__init__()
        handle = self.hub.handle

        def costly(*args: Any) -> None:
            self.clock.advance(cost)
            handle(*args)

        self.hub.handle = costly  # type: ignore[assignment,method-assign]


class Greedy:
    """Sends whatever is taken, and counts what was served."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.served = 0
        self.flood = b"".join(client.machine.send(Ping()) for _ in range(1_000))

    def step(self) -> None:
        sock = self.client.sock
        self.served += sock.outbox.count(b'"pong"')
        sock.outbox.clear()
        if len(sock.inbox) < len(self.flood):
            sock.inbox += self.flood


@pytest.mark.parametrize("count", [2, 12, 100])
def test_the_greedy_are_served_alike(count: int) -> None:
    house = Busy(300e-6)  # ten a tick
    greedy = [Greedy(house.enter(f"greedy-{n}")) for n in range(count)]
    for _ in range(TICKS):
        for each in greedy:
            each.step()
        house.tick()
    least, most = min(each.served for each in greedy), max(each.served for each in greedy)
    assert most <= 2 * least
    assert sum(each.served for each in greedy) >= 9 * TICKS


@pytest.mark.parametrize("count", [1, 12])
def test_one_who_is_calm_is_answered_in_its_tick_whoever_is_greedy(count: int) -> None:
    house = Busy(10e-6)  # as a post
    calm = house.enter("calm")
    house.advance(1.0)  # who has just come is not known to be calm
    greedy = [Greedy(house.enter(f"greedy-{n}")) for n in range(count)]
    asked, ask_at = 0, house.clock.seconds + NOW_AND_THEN
    for _ in range(2 * TICKS):
        for each in greedy:
            each.step()
        calm.heard()
        asks = house.clock.seconds >= ask_at
        if asks:
            ask_at += NOW_AND_THEN
            asked += 1
            calm.asks(Ping())
        house.tick()
        assert len(calm.got(Pong)) == asks
    assert asked > 5 and min(each.served for each in greedy) > 0
