"""The file that keeps the last results."""

from __future__ import annotations

from tests.benchmarks import results

MACHINE = {
    "cores": 2, "cpu": "A CPU", "load": [0.1, 0.2, 0.3], "python": "3.11.7", "postgresql": "18.6", "fsync": "on",
    "commit": "abc1234", "changed": True, "busy": False, "at": "2026-11-22 04:00 UTC",
}  # fmt: skip


def test_section_names_figures_machine_and_commit() -> None:
    result = {"benchmark": "wake", "p50_ms": 5.5, "ratios": {"pgbench": 2.0}, "machine": MACHINE}

    text = results.section("wake", "How fast it wakes.", result)

    assert text.startswith("## wake\n\nHow fast it wakes.\n")
    assert "| p50_ms | 5.5 |" in text
    assert "| ratios | pgbench 2.0 |" in text
    assert "commit abc1234 with changes, 2 cores (A CPU), PostgreSQL 18.6, fsync on" in text
    assert "| machine" not in text


def test_with_section_replaces_its_own_and_leaves_the_others() -> None:
    old = "# Head\n\n## claim\n\none\n\n## claims\n\ntwo\n"

    new = results.with_section(old, "claim", "## claim\n\nthree \\1\n")

    assert new == "# Head\n\n## claim\n\nthree \\1\n\n## claims\n\ntwo\n"


def test_with_section_adds_a_new_one_at_the_end() -> None:
    assert results.with_section("# Head\n", "wake", "## wake\n\none\n") == "# Head\n\n## wake\n\none\n"


def test_section_of_a_busy_machine_warns_against_comparing() -> None:
    calm = results.section("wake", "", {"machine": MACHINE})
    loaded = results.section("wake", "", {"machine": {**MACHINE, "busy": True}})

    assert "basis for comparison" not in calm
    assert "neither figures nor ratios are a basis for comparison" in loaded


def test_busy_means_that_others_hold_more_than_half_of_the_cores() -> None:
    assert not results.busy(1.0, 2)
    assert results.busy(1.1, 2)
