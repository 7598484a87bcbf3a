"""The dashboard and the alerts speak of metrics that there are, and the dashboard of all."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.metrics.support import families, told_by_all

ROOT = Path(__file__).parents[2]
ALERTS = (ROOT / "packaging/alerts.yml").read_text("utf-8")
DASHBOARD: dict[str, Any] = json.loads((ROOT / "packaging/grafana.json").read_text("utf-8"))
MANUALS = (ROOT / "ARCHITECTURE").read_text("utf-8").partition("### 16.5 ")[2].split("### 17.5 ")

NAME = re.compile(r"\b(?:netchat|process)_[a-z_]+")
LABEL = re.compile(r"by \(([a-z, ]+)\)|\{\{(?:\s*\$labels\.)?([a-z]+)\s*\}\}")
OUTSIDE = {"instance", "le"}
"""Labels that Prometheus gives, and those of buckets."""


def series() -> dict[str, set[str]]:
    """The names that there are, with their labels."""
    found: dict[str, set[str]] = {"process_open_fds": set()}  # not told by every kernel
    for family in families(told_by_all()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def family_of(name: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", name)


def test_every_query_names_series_that_there_are() -> None:
    there = series().keys()
    named = {name for query in queries() for name in NAME.findall(query)}
    assert named - there == set()
    expressions = re.findall(r"expr: (.*)", ALERTS)
    assert len(expressions) == ALERTS.count("- alert: ") > 5
    assert {name for text in expressions for name in NAME.findall(text)} - there == set()


def test_what_is_grouped_by_and_shown_are_labels_of_the_series() -> None:
    there = series()
    for panel in panels():
        for target in panel["targets"]:
            known = set().union(*(there[name] for name in NAME.findall(target["expr"])), OUTSIDE)
            for groups, one in LABEL.findall(f"{target['expr']} {target['legendFormat']}"):
                assert set(re.findall(r"\w+", groups or one)) <= known, target


def test_the_dashboard_shows_everything_that_the_server_counts() -> None:
    shown = {family_of(name) for query in queries() for name in NAME.findall(query)}
    counted = {family_of(name) for name in series() if name.startswith("netchat_")}
    assert counted - shown == set()


def test_both_manuals_explain_every_metric_and_no_other() -> None:
    counted = {family_of(name) for name in series() if name.startswith("netchat_")}
    for manual in MANUALS:
        assert set(re.findall(r"netchat_[a-z_]+", manual)) == counted


def test_panels_do_not_overlap_and_have_numbers_of_their_own() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells and max(x for x, _ in own) < 24, panel["title"]
        cells |= own
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
