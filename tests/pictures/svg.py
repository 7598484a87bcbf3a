"""Screens as an SVG picture: text stays text, each screen in a dark frame of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.sax.saxutils import escape

import pyte

FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
SIZE = 14
WIDTH, HEIGHT = 8.43, 20
"""Pixels of one character; the width is DejaVu Sans Mono's at this size, and is enforced."""

MARGIN, BAR, GAP = 16, 34, 18
BACK, FRAME, TITLE, PLAIN = "#11151c", "#2a323e", "#8d99a8", "#d7dee8"
COLOURS = {
    "black": "#5b6675",
    "red": "#ff7b72",
    "green": "#7ee787",
    "brown": "#e3b341",
    "yellow": "#e3b341",
    "blue": "#79c0ff",
    "magenta": "#d2a8ff",
    "cyan": "#76e3ea",
    "white": "#f0f6fc",
}

Style = tuple[str, bool, bool]


def picture(screens: Sequence[tuple[str, pyte.Screen]]) -> str:
    """The SVG of titled screens, side by side."""
    frames, x = [], 0.0
    for title, screen in screens:
        frames.append(_frame(x, title, screen))
        x += _frame_width(screen) + GAP
    height = max(_frame_height(screen) for _, screen in screens)
    width = x - GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"'
            f' width="{width:g}" height="{height:g}" font-family="{FONT}" font-size="{SIZE}">',
            *frames,
            "</svg>\n",
        ]
    )


def _frame_width(screen: pyte.Screen) -> float:
    return round(screen.columns * WIDTH) + 2 * MARGIN


def _frame_height(screen: pyte.Screen) -> float:
    return screen.lines * HEIGHT + BAR + MARGIN


def _frame(x: float, title: str, screen: pyte.Screen) -> str:
    width, height = _frame_width(screen) - 1, _frame_height(screen) - 1
    dots = [f'<circle cx="{18 + 16 * i}" cy="17" r="5" fill="{FRAME}"/>' for i in range(3)]
    return "\n".join(
        [
            f'<g transform="translate({x:g} 0)">',
            f'<rect x=".5" y=".5" width="{width:g}" height="{height:g}" rx="9" fill="{BACK}"'
            f' stroke="{FRAME}"/>',
            *dots,
            f'<text x="{width / 2:g}" y="22" fill="{TITLE}" text-anchor="middle">'
            f"{escape(title)}</text>",
            *_lines(screen),
            "</g>",
        ]
    )


def _lines(screen: pyte.Screen) -> Iterator[str]:
    for row in range(screen.lines):
        cells = [screen.buffer[row][column] for column in range(screen.columns)]
        column = 0
        for style, run in groupby(cells, key=_style):
            held = [cell.data for cell in run]
            if "".join(held).strip():
                yield _run(column, row, held, style)
            column += len(held)


def _style(cell: pyte.screens.Char) -> Style:
    return COLOURS.get(cell.fg, PLAIN), cell.bold, cell.italics


def _run(column: int, row: int, held: list[str], style: Style) -> str:
    """Cells of one style; empty ones around the text move its place instead of being drawn."""
    while not held[0].strip():
        column, held = column + 1, held[1:]
    while held[-1].isspace():
        held = held[:-1]
    colour, bold, italic = style
    extra = ' font-weight="bold"' * bold + ' font-style="italic"' * italic
    x, y = MARGIN + column * WIDTH, BAR + row * HEIGHT + 15
    return (
        f'<text x="{x:g}" y="{y}" fill="{colour}" textLength="{len(held) * WIDTH:.1f}"'
        f' xml:space="preserve"{extra}>{escape("".join(held))}</text>'
    )
