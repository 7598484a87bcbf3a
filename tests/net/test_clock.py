from __future__ import annotations

import time

from netchat.net.clock import SystemClock


def test_the_systems_clocks_are_in_their_units() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    assert abs(clock.wall() / 1_000 - time.time()) < 5
