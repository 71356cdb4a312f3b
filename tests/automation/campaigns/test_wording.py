"""Wordings: known words are filled in, unknown ones refused, people keep the one they got."""

from __future__ import annotations

from collections import Counter

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from automation.campaigns import wording
from automation.models import Variant
from leads.models import Person, Profile


def profile(**person: str) -> Profile:
    return Profile(handle="ada", display_name="Ada L.", person=Person(display_name="Ada", **person))


@pytest.mark.parametrize(
    ("text", "person", "filled"),
    [
        ("Hi {first_name}!", {"first_name": "Augusta"}, "Hi Augusta!"),
        ("Hi {first_name}!", {}, "Hi Ada!"),
        (
            "{last_name}, {company}, {title}",
            {"last_name": "L", "company": "Acme", "title": "CEO"},
            "L, Acme, CEO",
        ),
        ("{display_name} aka {handle}", {}, "Ada L. aka ada"),
        ("no { braces } here, {}", {}, "no { braces } here, {}"),
        ("  spaces  ", {}, "spaces"),
    ],
)
def test_known_words_are_filled_in_and_nothing_else_is_touched(
    text: str, person: dict[str, str], filled: str
) -> None:
    assert wording.fill(text, profile(**person)) == filled


def test_what_a_person_is_called_is_never_read_as_a_placeholder() -> None:
    assert wording.fill("Hi {first_name}", profile(first_name="{handle}")) == "Hi {handle}"


@pytest.mark.parametrize("text", ["Hi {frist_name}", "{}", "{password}"])
def test_unknown_placeholders_are_refused_by_name(text: str) -> None:
    with pytest.raises(ValidationError, match="Unknown placeholder"):
        wording.check(text)


@given(st.text())
def test_a_text_that_passes_the_check_goes_out_without_a_hole(text: str) -> None:
    try:
        wording.check(text)
    except ValidationError:
        return
    assert not wording.PLACEHOLDER.search(wording.fill(text, profile(last_name="x", company="x", title="x")))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(1, 10**9))
def test_the_choice_of_a_wording_is_stable_and_never_one_without_weight(
    weights: list[int], enrolment: int
) -> None:
    variants = [Variant(name=str(n), weight=weight) for n, weight in enumerate(weights)]
    chosen = wording.choose(variants, enrolment)
    assert chosen is wording.choose(variants, enrolment)
    assert (chosen is None) == (sum(weights) == 0)
    assert chosen is None or chosen.weight > 0


def test_wordings_are_spread_by_weight() -> None:
    variants = [Variant(name="A", weight=1), Variant(name="B", weight=3)]
    counts = Counter(wording.choose(variants, pk).name for pk in range(1, 4001))
    assert 900 < counts["A"] < 1100
