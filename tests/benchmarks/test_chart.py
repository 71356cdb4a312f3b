"""The picture."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tests.benchmarks.chart import Chart, Line, ceiling, draw

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("highest", "expected"),
    [(0.0, 1.0), (0.7, 1.0), (1.1, 2.0), (230.0, 250.0), (2600.0, 5000.0), (7.0, 10.0)],
)
def test_ceiling_is_the_next_round_number(highest: float, expected: float) -> None:
    assert ceiling(highest) == expected


def test_draw_places_each_value_between_axis_and_top() -> None:
    chart = Chart(
        "Tasks <a second>", ["100", "500"], [Line("1 cluster", [0.0, 100.0]), Line("2", [50.0, 25.0])]
    )

    tree = ElementTree.fromstring(draw([chart], "2 cores & more"))

    lines = [line.attrib["points"] for line in tree.iter(f"{SVG}polyline")]
    heights = [[float(y) for y in re.findall(r",([\d.]+)", points)] for points in lines]
    bottom, top = heights[0]
    assert bottom > top > 0
    assert heights[1] == [(bottom + top) / 2, bottom - (bottom - top) / 4]
    texts = [text.text for text in tree.iter(f"{SVG}text")]
    assert "Tasks <a second>" in texts
    assert "2 cores & more" in texts
    assert {"0", "25", "50", "75", "100"} <= set(texts)
