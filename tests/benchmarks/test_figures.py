"""The arithmetic of measurements."""

from __future__ import annotations

import pytest

from tests.benchmarks import figures


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)])
def test_percentile_is_the_sample_that_the_share_does_not_exceed(share: float, expected: int) -> None:
    assert figures.percentile(list(range(100, 0, -1)), share) == expected


def test_percentile_of_few_samples_is_one_of_them() -> None:
    assert figures.percentile([5.0, 1.0, 3.0], 0.5) == 3.0
    assert figures.percentile([5.0, 1.0], 0.99) == 5.0


@pytest.mark.parametrize(("samples", "share"), [([], 0.5), ([1.0], 1.5), ([1.0], -0.1)])
def test_percentile_refuses_what_has_no_answer(samples: list[float], share: float) -> None:
    with pytest.raises(ValueError):
        figures.percentile(samples, share)


def test_ratio_says_how_many_times_theirs_ours_is() -> None:
    assert figures.ratio(1000, 300) == 3.33
    assert figures.ratio(1000, 0) == 0.0


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1234.5, 1230), (0.012345, 0.0123), (99.96, 100.0), (0.0, 0.0), (float("inf"), float("inf"))],
)
def test_rounded_keeps_three_digits(number: float, expected: float) -> None:
    assert figures.rounded(number) == expected


def test_interleave_takes_turns_and_medians_and_spread_sum_up() -> None:
    order: list[str] = []
    answers = {"ours": iter([10.0, 1000.0, 20.0]), "theirs": iter([1.0, 2.0, 3.0])}

    def measure(name: str) -> float:
        order.append(name)
        return next(answers[name])

    said: list[str] = []
    contenders = {name: (lambda name=name: measure(name)) for name in answers}

    seen = figures.interleave(contenders, 3, said.append)

    assert figures.medians(seen) == {"ours": 20.0, "theirs": 2.0}
    assert figures.spread(seen) == {"ours": [10.0, 1000.0], "theirs": [1.0, 3.0]}
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert said[0] == "round 1 of 3: ours 10.0"
