"""Pages: a result as one HTML file, with its plots in it and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench import charts
from bench.knees import LimitsResult, limits_table
from bench.report import run_table
from bench.results import RunResult
from bench.standings import CompareResult, compare_table

STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:74em;margin:2em auto;padding:0 1em;"
    "color:#1f2328;background:#fff}"
    "h1{font-size:1.5em}main{display:grid;gap:1em;"
    "grid-template-columns:repeat(auto-fill,minmax(min(100%,30em),1fr))}"
    "svg{width:100%;height:auto}"
    "pre{background:#f6f8fa;padding:1em;border-radius:8px;overflow-x:auto;font-size:13px}"
    "@media(prefers-color-scheme:dark){body{color:#f0f6fc;background:#010409}"
    "pre{background:#151b23}}"
)


def run_page(result: RunResult) -> str:
    """A run: its table, and the ladder of its latencies."""
    return _page("netchat bench: a run", run_table(result), [charts.latency_ladder(result)])


def limits_page(result: LimitsResult) -> str:
    """The limits: how cost grows as work grows."""
    plots = []
    if result.knees:
        plots += [charts.throughput(result), charts.latency(result), charts.cost(result)]
    if result.stays:
        plots += [charts.memory(result)]
    return _page("netchat bench: limits", limits_table(result), plots)


def compare_page(result: CompareResult) -> str:
    """A comparison: its tables, and cost against the size of a room."""
    plots = [
        charts.costs_together(result),
        charts.costs_alone(result),
    ]
    return _page("netchat bench: comparison", compare_table(result), plots)


def _page(title: str, text: str, plots: Sequence[str]) -> str:
    pictures = "\n".join(filter(None, plots))
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n<h1>{escape(title)}</h1>\n<main>{pictures}</main>\n"
        f"<pre>{escape(text)}</pre>\n</html>\n"
    )
