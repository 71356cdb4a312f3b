"""Ways to write a brand as a handle."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.channels import registry
from automation.handles.variations import variations
from outreach.lib import networks
from outreach.lib.networks import Handles


def test_best_comes_first() -> None:
    assert variations("Blue Kettle", most=6) == [
        "bluekettle", "blue_kettle", "getbluekettle", "bluekettlehq", "thebluekettle", "bluekettleofficial",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("brand", "first"),
    [("Café Müller", "cafemuller"), ("Fuß & Co", "fussandco"), ("O'Neil", "oneil"), ("  A  B  ", "ab"), ("4711", "4711")],
)  # fmt: skip
def test_letters_become_plain(brand: str, first: str) -> None:
    assert variations(brand)[0] == first


@pytest.mark.parametrize("brand", ["", "   ", "!!!", "日本"])
def test_a_name_without_latin_letters_has_none(brand: str) -> None:
    assert variations(brand) == []


def test_networks_have_their_own_letters() -> None:
    domain = Handles(longest=18, joiners="-", suffix=".example.org")
    assert variations("Blue Kettle", domain, most=2) == ["bluekettle.example.org", "blue-kettle.example.org"]
    assert "blue.kettle" in variations("Blue Kettle", Handles(joiners="_."))
    assert variations("Exceedingly Long Brand Name", Handles(longest=15))[0] == "exceedinglylong"


def test_every_network_that_can_be_searched_has_handles_for_a_plain_name() -> None:
    for name in registry.load():
        assert variations("Kettle", networks.get(name).handles)[0].startswith("kettle")


SHAPES = (Handles(), Handles(15, 4), Handles(joiners="_."), Handles(18, 3, "-", ".example.org"))


@given(st.text(max_size=64), st.sampled_from(SHAPES))
def test_every_handle_fits_its_network_and_is_there_once(brand: str, shape: Handles) -> None:
    found = variations(brand, shape)
    assert len(found) == len(set(found)) <= 12
    for handle in found:
        bare = handle.removesuffix(shape.suffix)
        assert shape.shortest <= len(bare) <= shape.longest
        assert re.fullmatch(rf"[a-z0-9{re.escape(shape.joiners)}]+", bare)
