"""Countries from what people write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.enrichment import places


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("Portland, OR", "US"), ("Köln", "DE"), ("koln", "DE"), ("Berlin, DE", "DE"), ("Atlanta, Georgia", "US"),
        ("Atlanta, GA", "US"), ("Tbilisi, Georgia", "GE"), ("Paris, Texas", "US"), ("London, UK", "GB"),
        ("🇩🇪 somewhere", "DE"), ("São Paulo, Brasil", "BR"), ("東京", "JP"), ("USA", "US"), ("NYC", "US"),
        ("Springfield, IL", "US"), ("Wien (Österreich)", "AT"),
        # Nothing, or too much, is said.
        ("", ""), ("Earth", ""), ("the internet", ""), ("in", ""), ("Berlin / Wien", ""), ("Lisbon & Berlin", ""),
        ("Lisbon → Porto", "PT"), ("🇩🇪🇫🇷", ""),
    ],
)  # fmt: skip
def test_location_is_in_its_country(text: str, country: str) -> None:
    assert places.of_location(text) == country


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("Roasting coffee in Portland and writing", "US"), ("Based in Berlin, Germany. Loves Paris", "DE"),
        ("📍 Lyon | barista", "FR"), ("Ich komme aus Köln und backe", "DE"), ("Tuesto café en Madrid", "ES"),
        ("from nowhere", ""), ("in love with life", ""), ("lives in Berlin, from Madrid", ""), ("reading in bed", ""),
    ],
)  # fmt: skip
def test_bio_names_where_somebody_is(text: str, country: str) -> None:
    assert places.of_bio(text) == country


def test_endings_that_everybody_buys_say_nothing() -> None:
    assert [places.of_host(host) for host in ("www.roast.de", "roast.co.uk", "roast.io", "roast.com", "")] == [
        "DE", "GB", "", "", "",
    ]  # fmt: skip


@given(st.text(max_size=400))
def test_any_text_gives_a_country_or_none(text: str) -> None:
    for found in (places.of_location(text), places.of_bio(text), places.of_flags(text)):
        assert found == "" or found in places.table().codes


def test_table_knows_each_country_once() -> None:
    codes = [line.split("\t")[0] for line in places.TABLE.read_text(encoding="utf-8").splitlines()]
    assert len(codes) == len(set(codes)) == 250
