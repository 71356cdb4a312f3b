"""What is taken from a page's HTML."""

from __future__ import annotations

import time

import pytest

from automation.discovery.websites import page


def test_page_gives_title_description_language_text_and_links():
    found = page.parsed(
        """<html lang="de-AT"><head><title> A  B </title><meta name="description" content="Brot &amp; mehr"></head>
        <body><script>var hidden = 1</script><style>p{}</style><h1>Hallo</h1><p>zwei   Wörter</p><a href="/kontakt#x">Kontakt</a>
        <a href="javascript:alert(1)">x</a><a href="http://[bad">y</a></body>""",
        "https://huber.de/start",
    )
    assert (found.title, found.description, found.language) == ("A B", "Brot & mehr", "de")
    assert "hidden" not in found.text
    assert "Hallo\nzwei Wörter" in found.text
    assert found.links == (page.Link("https://huber.de/kontakt", "Kontakt"),)


@pytest.mark.parametrize(
    ("html", "language"),
    [
        ("<html lang='EN'>", "en"),
        ("<meta http-equiv='Content-Language' content='fr-CA'>", "fr"),
        ("<meta property='og:locale' content='pt_BR'>", "pt"),
        ("<html lang='*'>", ""),
        ("", ""),
    ],
)
def test_language_is_what_the_page_calls_its_own(html, language):
    assert page.parsed(html, "https://a.de").language == language


def test_addresses_come_from_links_first_and_nothing_else_looks_like_one():
    found = page.parsed(
        "<p>Write to Info@Huber-Brot.de. logo@2x.png you@example.com @huber a@b hidden [at] huber.de</p>"
        "<a href='MAILTO:Chef%40huber.de?subject=x@y.de'>mail</a>",
        "https://huber.de",
    )
    assert found.emails == ("chef@huber.de", "info@huber-brot.de")


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        ("Bäcker".encode("latin-1"), "iso-8859-1"),
        (b"<meta charset='windows-1252'>" + "Bäcker".encode("cp1252"), ""),
        ("Bäcker".encode(), ""),
        ("Bäcker".encode("cp1252"), ""),
        ("Bäcker".encode(), "no-such-charset"),
    ],
)
def test_text_is_decoded_as_it_was_meant(content, charset):
    assert "Bäcker" in page.decoded(content, charset)


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 20_000 + "deep",
        "<p>" + "a@" * 500_000,
        "<p>" + "a." * 250_000,
        "<p>a@" + "a.a" * 160_000,
        "\x00<p>\x00",
    ],
)
def test_page_made_to_hurt_takes_no_time(html):
    began = time.monotonic()
    found = page.parsed(html, "https://a.de")
    assert time.monotonic() - began < 5
    assert len(found.text) <= page.MOST_TEXT
    assert "\x00" not in found.text
