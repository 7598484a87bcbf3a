"""Line charts as SVG text, to stand in a page by themselves. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from msgspec import Struct

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 76, 150, 84, 62

LABEL = 17.0
"""Pixels from one name to the next."""

LIGHT = ("#0969da", "#1f2328", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#bf3989", "#57606a")
DARK = ("#58a6ff", "#e6edf3", "#ff7b72", "#56d364", "#e3b341", "#bc8cff", "#f778ba", "#8b949e")
COLOURS = len(LIGHT)


def _colours(colours: Sequence[str]) -> str:
    return "".join(
        f"polyline.c{i}{{stroke:{colour}}}circle.c{i},text.c{i}{{fill:{colour}}}"
        for i, colour in enumerate(colours)
    )


STYLE = (
    "text{font-family:system-ui,-apple-system,'Segoe UI',sans-serif;font-size:12.5px}"
    ".title{font-size:17px;font-weight:600;fill:#1f2328}.ours{font-weight:700}"
    ".tick,.name{fill:#59636e}.card{fill:#fff;stroke:#d1d9e0}"
    ".label{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}"
    ".rule{stroke:#d1d9e0}.axis{stroke:#818b98}polyline{fill:none;stroke-linejoin:round}"
    + _colours(LIGHT)
    + "@media(prefers-color-scheme:dark){.label{stroke:#0d1117}"
    ".title{fill:#f0f6fc}.tick,.name{fill:#9198a1}.card{fill:#0d1117;stroke:#3d444d}"
    ".rule{stroke:#2a313a}.axis{stroke:#656c76}" + _colours(DARK) + "}"
)
"""Both colour schemes; the card has a ground of its own, so either is read anywhere."""

FEW_DECADES = 2.5

MARGIN = 0.04
"""How much of an axis lies beyond its values; a linear one begins at 0 as it is."""

NOTHING = 1e-9
"""No two values that were measured are nearer to each other."""

Points = Sequence[tuple[float, float]]


class Axis(Struct, frozen=True):
    """What one direction means. `ticks` stand where they are given, else at round values."""

    title: str
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()


class _Scale:
    """Values to pixels. A logarithmic one leaves out what is not above 0."""

    def __init__(self, axis: Axis, values: Sequence[float], start: float, end: float) -> None:
        self.axis = axis
        known = [*values, *(at for at, _ in axis.ticks)]
        low, high = (min(known), max(known)) if known else (1.0, 10.0)
        if not axis.log:
            low = min(0.0, low)
        self._low, self._high = self._flat(low), self._flat(high)
        if self._high - self._low < NOTHING:
            self._high = self._low + 1
        margin = MARGIN * (self._high - self._low)
        self._high += margin
        if axis.log:
            self._low -= margin
        self._start, self._end = start, end

    def _flat(self, value: float) -> float:
        return math.log10(value) if self.axis.log else value

    def __call__(self, value: float) -> float:
        part = (self._flat(value) - self._low) / (self._high - self._low)
        return self._start + part * (self._end - self._start)

    def ticks(self) -> list[tuple[float, str]]:
        """Places and labels."""
        if self.axis.ticks:
            return list(self.axis.ticks)
        if self.axis.log:
            wide = self._high - self._low > FEW_DECADES
            return [(at, _label(at)) for at in _log_ticks(self._low, self._high, wide)]
        step = _round_step((self._high - self._low) / 5.25)
        first = math.ceil(self._low / step)
        count = math.floor(self._high / step) - first + 1
        return [((first + i) * step, _label((first + i) * step)) for i in range(count)]


def line_chart(title: str, x: Axis, y: Axis, series: Sequence[tuple[str, Points]]) -> str:
    """One chart; each of the series has a name and points in order of x. The first is ours,
    and stands out."""
    shown = [
        (name, [(a, b) for a, b in points if (a > 0 or not x.log) and (b > 0 or not y.log)])
        for name, points in series
    ]
    across = _Scale(x, [a for _, points in shown for a, _ in points], LEFT, WIDTH - RIGHT)
    up = _Scale(y, [b for _, points in shown for _, b in points], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8"/>',
        _text(24, 34, title, "start", "title"),
        _grid(across, up),
    ]
    lines = [
        (number, name, [(across(a), up(b)) for a, b in points])
        for number, (name, points) in enumerate(shown)
    ]
    parts += [_line(places, number) for number, _, places in reversed(lines)]
    parts += _labels([(number, name, places[-1]) for number, name, places in lines if places])
    return "\n".join([*parts, "</svg>"])


def _grid(across: _Scale, up: _Scale) -> str:
    parts = []
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for value, label in up.ticks():
        at = up(value)
        parts.append(f'<path class="rule" d="M{LEFT} {at:.1f}H{right}"/>')
        parts.append(_text(LEFT - 10, at + 4, label, "end", "tick"))
    for value, label in across.ticks():
        at = across(value)
        parts.append(f'<path class="rule" d="M{at:.1f} {bottom}v5"/>')
        parts.append(_text(at, bottom + 20, label, "middle", "tick"))
    parts.append(f'<path class="axis" d="M{LEFT} {bottom}H{right}"/>')
    parts.append(_text((LEFT + right) / 2, HEIGHT - 14, across.axis.title, "middle", "name"))
    parts.append(_text(24, TOP - 16, up.axis.title, "start", "name"))
    return "\n".join(parts)


def _line(places: Points, number: int) -> str:
    colour = f"c{number % COLOURS}"
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    dots = "".join(
        f'<circle class="{colour}" cx="{a:.1f}" cy="{b:.1f}" r="{3.5 if number else 4.5}"/>'
        for a, b in places
    )
    return (
        f'<polyline class="{colour}" points="{path}" stroke-width="{2 if number else 3.5}"/>{dots}'
    )


def _labels(ends: list[tuple[int, str, tuple[float, float]]]) -> list[str]:
    """The names, each where its line ends; those that would meet make way downwards."""
    parts, free = [], 0.0
    crowded = max(0.0, (len(ends) - 1) * LABEL)
    for left, (number, name, (a, b)) in enumerate(sorted(ends, key=lambda end: end[2][1])):
        lowest = HEIGHT - BOTTOM - (crowded - left * LABEL)
        at = max(free, min(b, lowest))
        free = at + LABEL
        kind = f"label c{number % COLOURS}" + ("" if number else " ours")
        parts.append(_text(a + 12, at + 4, name, "start", kind))
    return parts


def _text(x: float, y: float, text: str, anchor: str, kind: str) -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _log_ticks(low: float, high: float, wide: bool) -> list[float]:
    """Powers of ten between two logarithms; where there are few, 2 and 5 times those, too."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    found = [factor * 10.0**power for power in powers for factor in ((1,) if wide else (1, 2, 5))]
    return [at for at in found if low - 1e-9 <= math.log10(at) <= high + 1e-9]


def _round_step(wanted: float) -> float:
    """1, 2 or 5 times a power of ten, not below what is wanted."""
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= wanted * 0.999)


def _label(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
