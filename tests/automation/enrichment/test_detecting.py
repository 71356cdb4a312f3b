"""Languages: what is told, and that little text tells nothing."""

from __future__ import annotations

import pytest

from automation.enrichment.detecting import counted, detect
from tests.automation.enrichment.conftest import ENGLISH, GERMAN


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH, "en"), (GERMAN, "de"), ("Je torréfie du café à Lyon et j'en parle chaque matin", "fr"),
        ("Tuesto café en Madrid y escribo sobre ello cada mañana", "es"), ("東京でコーヒーを焙煎しています", "ja"),
        ("Обсмажую каву у Києві та пишу про це щоранку", "uk"), (GERMAN.upper(), "de"),
    ],
)  # fmt: skip
def test_text_is_in_its_language(text: str, language: str) -> None:
    assert detect(text)[0] == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok",
        "☕️🏃 2x 🇩🇪",
        "@acme #coffee #beans https://example.org/about-us",
        "a@example.org",
        "\0\ud800",
    ],
)
def test_too_little_text_tells_nothing(text: str) -> None:
    assert detect(text) == ("", 0.0)


def test_posts_count_as_their_network_says_or_as_they_read() -> None:
    posts = [("whatever", "pt-BR"), (GERMAN, ""), (GERMAN, ""), ("ok", "")]
    assert counted(posts) == {"de": 2, "pt": 1}
