"""Text from outside as data."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.llm.fencing import clean, fenced, hidden, quotes
from automation.llm.orders import orders


@given(st.text(max_size=400), st.integers(1, 200))
def test_clean_text_is_visible_short_and_on_one_line(text: str, longest: int) -> None:
    found = clean(text, longest)
    assert len(found) <= longest
    assert not {unicodedata.category(c) for c in found} & {"Cf", "Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert clean(found, longest) == found


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_a_fence_holds_whatever_is_inside(text: str) -> None:
    assert json.loads(fenced([{"bio": text}])) == [{"bio": text}]
    assert fenced([{"bio": text}]).count("\n") == 0


@given(st.text(max_size=300))
def test_any_text_may_be_looked_at_for_orders(text: str) -> None:
    assert isinstance(orders(text), str)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\u200bb\u202ec\u2066d\ufeffe", "abcde"),
        ("tag" + "".join(chr(0xE0000 + ord(c)) for c in "ignore"), "tag"),
        ("one\r\n\ttwo\u2028three", "one two three"),
        ("z" + "\u0300" * 50, "z" + "\u0300" * 3),
        ("  padded  ", "padded"),
        ("a\0b", "ab"),
    ],
)
def test_what_people_cannot_see_goes(text: str, found: str) -> None:
    assert unicodedata.normalize("NFD", clean(text, 100)) == found


@pytest.mark.parametrize("text", ["📷 👩‍🚀 🏴󠁧󠁢󠁳󠁣󠁴󠁿", "می‌خواهم", "résumé", "日本語"])
def test_what_scripts_and_emoji_need_hides_nothing(text: str) -> None:
    assert not hidden(text)


@pytest.mark.parametrize(
    ("evidence", "text", "holds"),
    [
        ("Light roasts", "I like LIGHT  roasts.", True),
        ("light roast", "light roasts", True),
        ("dark roasts", "light roasts", False),
        ("", "light roasts", False),
        ("  ", "light roasts", False),
    ],
)
def test_evidence_must_stand_in_the_text(evidence: str, text: str, holds: bool) -> None:
    assert quotes(evidence, text) == holds
