"""A part that runs only while it is wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitoring.supervision.parts import Part, Plan
from monitoring.supervision.supervisor import Supervisor

# Ends by itself with the code in the file, once there is one.
PROGRAM = """
import pathlib, sys, time
file = pathlib.Path(sys.argv[1])
while not file.exists():
    time.sleep(0.02)
sys.exit(int(file.read_text()))
"""


class Stage:
    def __init__(self, folder: Path) -> None:
        self.wanted, self.ending = False, folder / "end"
        plan = Plan("resting", ("-c", PROGRAM, str(self.ending)), wanted=lambda: self.wanted)
        self.part = Part(plan, folder)
        self.ended: list[str] = []
        self.supervisor = Supervisor(
            [self.part],
            acting=lambda: "",
            changed=lambda parts: None,
            ended=lambda name, pid: self.ended.append(name),
        )

    def turn_until(self, condition: Callable[[], object], within: float = 10.0) -> None:
        """Turn the supervisor's loop until it holds."""
        ends = time.monotonic() + within
        while not condition():
            assert time.monotonic() < ends
            self.supervisor._start_due()
            self.supervisor._look()
            time.sleep(0.02)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    found = Stage(tmp_path)
    yield found
    found.part.kill()


def test_part_is_not_started_before_it_is_wanted(stage: Stage) -> None:
    stage.supervisor._start_due()
    assert stage.part.process is None
    stage.wanted = True
    stage.supervisor._start_due()
    assert stage.part.process is not None


def test_part_that_ends_well_rests_until_it_is_wanted_again(stage: Stage) -> None:
    stage.wanted = True
    stage.turn_until(lambda: stage.part.process)
    stage.wanted = False
    stage.ending.write_text("0")
    stage.turn_until(lambda: stage.part.process is None)
    assert stage.ended == ["resting"]
    stage.ending.unlink()
    stage.wanted = True
    stage.turn_until(lambda: stage.part.process)
    assert stage.part.restarts == 1


def test_part_that_ends_badly_is_replaced(stage: Stage) -> None:
    stage.wanted = True
    stage.turn_until(lambda: stage.part.process)
    stage.ending.write_text("3")
    stage.turn_until(lambda: stage.ended)
    stage.ending.unlink()
    stage.turn_until(lambda: stage.part.process and stage.part.restarts == 1)
