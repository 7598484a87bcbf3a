"""Line charts as SVG text, to stand in a page by themselves. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from msgspec import Struct

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 76, 150, 40, 52

COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#bf3989", "#57606a", "#0a7ea4")

FEW_DECADES = 2.5

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
        step = _round_step((self._high - self._low) / 5)
        first = math.ceil(self._low / step)
        count = math.floor(self._high / step) - first + 1
        return [((first + i) * step, _label((first + i) * step)) for i in range(count)]


def line_chart(title: str, x: Axis, y: Axis, series: Sequence[tuple[str, Points]]) -> str:
    """One chart; each of the series has a name and points in order of x."""
    shown = [
        (name, [(a, b) for a, b in points if (a > 0 or not x.log) and (b > 0 or not y.log)])
        for name, points in series
    ]
    across = _Scale(x, [a for _, points in shown for a, _ in points], LEFT, WIDTH - RIGHT)
    up = _Scale(y, [b for _, points in shown for _, b in points], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" font-family="sans-serif" font-size="12" fill="#24292f">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 22, title, "start", ' font-size="15" font-weight="bold"'),
        _grid(across, up),
    ]
    for number, (name, points) in enumerate(shown):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(_line(points, across, up, colour))
        parts.append(_text(WIDTH - RIGHT + 12, TOP + 14 + 18 * number, name, "start",
                           f' fill="{colour}"'))  # fmt: skip
    return "\n".join([*parts, "</svg>"])


def _grid(across: _Scale, up: _Scale) -> str:
    parts = []
    for value, label in across.ticks():
        at = across(value)
        parts.append(_rule(at, TOP, at, HEIGHT - BOTTOM))
        parts.append(_text(at, HEIGHT - BOTTOM + 18, label, "middle"))
    for value, label in up.ticks():
        at = up(value)
        parts.append(_rule(LEFT, at, WIDTH - RIGHT, at))
        parts.append(_text(LEFT - 8, at + 4, label, "end"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(_text(middle, HEIGHT - 12, across.axis.title, "middle"))
    turned = f' transform="rotate(-90 16 {HEIGHT / 2:.0f})"'
    parts.append(_text(16, HEIGHT / 2, up.axis.title, "middle", turned))
    return "\n".join(parts)


def _line(points: Points, across: _Scale, up: _Scale, colour: str) -> str:
    places = [f"{across(a):.1f},{up(b):.1f}" for a, b in points]
    dots = "".join(
        f'<circle cx="{across(a):.1f}" cy="{up(b):.1f}" r="3" fill="{colour}"/>' for a, b in points
    )
    path = " ".join(places)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#d8dee4"/>'


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


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
