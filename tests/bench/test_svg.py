from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.svg import Axis, line_chart

values = st.just(0.0) | st.floats(1e-9, 1e9)  # to the nanosecond
points = st.lists(st.tuples(values, values), max_size=8)


@given(st.lists(points, max_size=3), st.booleans(), st.booleans())
def test_any_series_makes_a_well_formed_chart(
    series: list[list[tuple[float, float]]], log_x: bool, log_y: bool
) -> None:
    named = [(f"a<b {i}", each) for i, each in enumerate(series)]
    text = line_chart("T & t", Axis("x", log=log_x), Axis("y", log=log_y), named)
    assert ElementTree.fromstring(text).tag.endswith("svg")


def test_higher_is_further_up_and_later_further_right() -> None:
    text = line_chart("t", Axis("x"), Axis("y"), [("s", [(1, 1), (2, 5)])])
    circles = [each for each in ElementTree.fromstring(text).iter() if each.tag.endswith("circle")]
    (x1, y1), (x2, y2) = ((float(c.get("cx", 0)), float(c.get("cy", 0))) for c in circles)
    assert x2 > x1 and y2 < y1


@pytest.mark.parametrize(("high", "labels"), [(10.0, {"0", "2", "4"}), (3e6, {"1M", "2M", "3M"})])
def test_ticks_are_round(high: float, labels: set[str]) -> None:
    text = line_chart("t", Axis("x"), Axis("y"), [("s", [(0, 0), (1, high)])])
    assert labels <= {each.text for each in ElementTree.fromstring(text).iter()}
