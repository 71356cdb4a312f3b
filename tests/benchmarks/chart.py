"""Line charts side by side as one SVG that reads well on a light and on a dark page. Plain text, no library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 400, 280  # of one chart, in pixels
LEFT, RIGHT, TOP, BOTTOM = 56, 24, 64, 40
STEPS = 4
STYLE = """
    text { font: 12px system-ui, sans-serif; fill: #57606a; }
    .title { font-size: 14px; font-weight: 600; fill: #1f2328; }
    .grid { stroke: #d0d7de; }
    .line { fill: none; stroke-width: 2.5; }
    .s0 { stroke: #0969da; } .f0 { fill: #0969da; }
    .s1 { stroke: #bc4c00; stroke-dasharray: 6 4; } .f1 { fill: #bc4c00; }
    @media (prefers-color-scheme: dark) {
      text { fill: #9198a1; } .title { fill: #f0f6fc; } .grid { stroke: #3d444d; }
      .s0 { stroke: #4493f8; } .f0 { fill: #4493f8; } .s1 { stroke: #db6d28; } .f1 { fill: #db6d28; }
    }
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One series; a value for each label of its chart."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Chart:
    """Up to two lines over evenly spaced labels; the axis begins at zero."""

    title: str
    labels: Sequence[str]
    lines: Sequence[Line]


def draw(charts: Sequence[Chart], foot: str) -> str:
    """All charts side by side, and a line of text below."""
    width, height = WIDTH * len(charts), HEIGHT + 24
    body = "\n".join(
        f'<g transform="translate({WIDTH * place} 0)">{_chart(chart)}</g>'
        for place, chart in enumerate(charts)
    )
    title = escape(", ".join(chart.title for chart in charts))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img">\n<title>{title}</title>\n<style>{STYLE}</style>\n{body}\n'
        f'<text x="{LEFT}" y="{height - 10}">{escape(foot)}</text>\n</svg>\n'
    )


def ceiling(highest: float) -> float:
    """The top of the axis: the next of 1, 2, 2.5, 5 or 10 times a power of ten; 1 where there is nothing to show."""
    if highest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= highest)


def _chart(chart: Chart) -> str:
    top = ceiling(max(value for line in chart.lines for value in line.values))
    parts = [f'<text class="title" x="{LEFT}" y="24">{escape(chart.title)}</text>']
    for step in range(STEPS + 1):
        y = _y(top * step / STEPS, top)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{top * step / STEPS:,g}</text>')
    for place, label in enumerate(chart.labels):
        x = _x(place, len(chart.labels))
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{escape(label)}</text>'
        )
    for number, line in enumerate(chart.lines):
        parts.append(_line(line, number, len(chart.labels), top))
    return "\n".join(parts)


def _line(line: Line, number: int, count: int, top: float) -> str:
    points = [(_x(place, count), _y(value, top)) for place, value in enumerate(line.values)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle class="f{number}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points)
    x = LEFT + 100 * number
    legend = (
        f'<line class="line s{number}" x1="{x}" x2="{x + 22}" y1="42" y2="42"/>'
        f'<text x="{x + 28}" y="46">{escape(line.name)}</text>'
    )
    return f'<polyline class="line s{number}" points="{path}"/>{dots}{legend}'


def _x(place: int, count: int) -> float:
    room = WIDTH - LEFT - RIGHT
    return LEFT + (room * (place + 0.5) / count)


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top
