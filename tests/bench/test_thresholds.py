from __future__ import annotations

import pytest

from bench.thresholds import parse


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("p99<50ms", 49.9, True),
        ("p99<50ms", 50.0, False),
        ("p99.9<=1s", 1000.0, True),
        ("max<500us", 0.6, False),
        (" p50 < 2 ms ", 1.0, True),
        ("delivered>=10000", 10_000.0, True),
        ("cpu<80%", 81.0, False),
        ("memory<1500", 1400.0, True),
    ],
)
def test_a_threshold_holds_or_not(text: str, value: float, holds: bool) -> None:
    threshold = parse(text)
    assert threshold.holds({threshold.figure: value}) is holds


def test_a_figure_that_was_not_measured_keeps_nothing() -> None:
    assert not parse("p99<50ms").holds({})


@pytest.mark.parametrize(
    "text", ["", "p99", "p99=50ms", "p98<50ms", "p99<50", "delivered<5ms", "p99<1.2.3ms"]
)
def test_what_is_no_threshold_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(text)
