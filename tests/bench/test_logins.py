from __future__ import annotations

from random import Random

import pytest

from bench.logins import mann_whitney


def test_two_samples_of_one_kind_tell_nothing_and_two_kinds_are_told_apart() -> None:
    draw = Random(7)
    one, other = ([draw.gauss(20, 3) for _ in range(2_000)] for _ in range(2))
    assert mann_whitney(one, other) > 0.01
    assert mann_whitney(one, [value + 1 for value in other]) < 1e-6


def test_p_is_what_tables_have_for_a_small_case() -> None:
    one, other = [1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]
    assert mann_whitney(one, other) == pytest.approx(0.009023, abs=1e-5)  # U = 0, z = 2.611
