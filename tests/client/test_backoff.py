from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from netchat.client.backoff import FIRST, LONGEST, Backoff

from .support import SteadyRandom


@given(st.integers(), st.integers(1, 40), st.floats(0, 100))
def test_a_wait_is_never_below_the_floor_nor_above_its_ceiling(
    seed: int, tries: int, floor: float
) -> None:
    backoff = Backoff(Random(seed))
    for n in range(tries):
        ceiling = min(LONGEST, FIRST * 2**n)
        assert floor <= backoff.next(floor) <= floor + ceiling


def test_the_ceiling_doubles_up_to_the_longest_and_starts_again() -> None:
    backoff = Backoff(SteadyRandom())
    assert [backoff.next() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    backoff.reset()
    assert backoff.next() == 0.5


def test_a_floor_below_zero_is_none() -> None:
    assert Backoff(SteadyRandom()).next(-5.0) == 0.5
