"""The generated world: the same for the same options, and lifelike enough to search in."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import pytest

from automation.channels.sandbox.network.answers import ANSWERS
from automation.channels.sandbox.network.options import TEMPERS, WorldOptions
from automation.channels.sandbox.network.phrases import LANGUAGES, NICHES, TOPICS
from automation.channels.sandbox.network.state import State
from automation.channels.sandbox.network.world import generate


def _picture(state: State) -> dict[str, Any]:
    return {
        "members": [asdict(member) for member in state.members.values()],
        "posts": [asdict(post) | {"likes": sorted(post.likes)} for post in state.posts.values()],
    }


def test_equal_options_make_equal_worlds() -> None:
    assert _picture(generate(WorldOptions(people=80))) == _picture(generate(WorldOptions(people=80)))


def test_another_seed_makes_another_world() -> None:
    assert _picture(generate(WorldOptions(people=80))) != _picture(generate(WorldOptions(people=80, seed=2)))


def test_people_are_many_and_different() -> None:
    people = [member for member in generate(WorldOptions(people=500)).members.values() if member.truth]
    assert len({member.handle.casefold() for member in people}) == 500
    assert {member.language for member in people} == set(LANGUAGES)
    assert {member.truth.niche for member in people if member.truth} == set(NICHES)
    assert all(member.bio for member in people)
    fits = sum(member.truth.fit for member in people if member.truth)
    assert 200 < fits < 400


def test_shares_of_answers_are_kept() -> None:
    options = WorldOptions(people=2000, shares={"yes": 0.3, "opt_out": 0.1})
    tempers = Counter(member.truth.temper for member in generate(options).members.values() if member.truth)
    assert set(tempers) == {"yes", "opt_out", "silent"}
    assert abs(tempers["yes"] / 2000 - 0.3) < 0.04
    assert abs(tempers["opt_out"] / 2000 - 0.1) < 0.03


def test_follow_graph_has_two_consistent_sides() -> None:
    state = generate(WorldOptions(people=200))
    for member in state.members.values():
        assert all(member.id in state.members[one].following for one in member.followers)
        assert member.id not in member.followers
    assert all(account.followers for account in state.accounts())


def test_every_language_can_say_everything() -> None:
    answers = set(TEMPERS) - {"closed", "silent"} | {"follow_up"}
    assert set(TOPICS) == set(ANSWERS) == set(LANGUAGES)
    assert all(set(topics) == set(NICHES) for topics in TOPICS.values())
    assert all(set(known) == answers for known in ANSWERS.values())


@pytest.mark.parametrize(
    "wrong",
    [{"people": 0}, {"accounts": 0}, {"shares": {"maybe": 0.1}}, {"shares": {"yes": 0.9, "neutral": 0.2}}],
)
def test_world_that_cannot_be_is_told_so(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        WorldOptions(**wrong)
