"""Looking whether handles are free, on the sandbox network."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Account
from automation.channels.sandbox.control import Control
from automation.engine import tasks
from automation.enums import HandleState, TaskState
from automation.handles import services
from automation.handles.variations import variations
from automation.models import HandleResult, Task
from leads.models import Profile
from tests.automation.conftest import run_lanes

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_free_handle_and_a_taken_one_are_told_apart(control: Control, ours: Callable[..., Account]) -> None:
    ours()
    taken = next(one for one in control.people() if one.handle in variations(one.handle))
    before = len(control.ledger())
    check = services.start(brand=taken.handle, networks=["sandbox"], by="test")
    assert set(check.results.values_list("state", flat=True)) == {HandleState.QUEUED}
    run_lanes()

    found = {row.handle: row for row in check.results.all()}
    assert found[taken.handle].state == HandleState.TAKEN
    assert taken.handle in found[taken.handle].detail
    assert found[variations(f"get {taken.handle}")[0]].state == HandleState.FREE
    assert len(control.ledger()) == before, "nothing was done there"
    assert not Profile.objects.exists()


def test_without_an_account_nobody_can_look(db: None) -> None:
    check = services.start(brand="Blue Kettle", networks=["sandbox"], by="test")
    assert {(row.state, row.detail) for row in check.results.all()} == {
        (HandleState.UNCLEAR, services.NOBODY)
    }
    assert not Task.objects.exists()


def test_an_account_that_discovers_looks_first(ours: Callable[..., Account]) -> None:
    ours()
    scout = ours(role="discover")
    services.start(brand="Blue Kettle", networks=["sandbox"], by="test")
    assert set(Task.objects.values_list("lane_id", flat=True)) == {scout.pk}


def test_an_answer_that_never_came_is_unclear(control: Control, ours: Callable[..., Account]) -> None:
    ours()
    check = services.start(brand="Blue Kettle", networks=["sandbox"], by="test")
    task = Task.objects.earliest("id")
    tasks.cancel([task.pk], reason="by_hand", by="ann")
    row = HandleResult.objects.get(task=task)
    assert (row.state, row.detail) == (HandleState.UNCLEAR, "Decided by a person")
    assert Task.objects.get(pk=task.pk).state == TaskState.CANCELLED
    assert check.results.filter(state=HandleState.QUEUED).count() == check.results.count() - 1


@pytest.mark.parametrize(
    ("brand", "networks", "said"),
    [("???", ["sandbox"], "Latin letters"), ("Blue", ["nowhere"], "be looked up on: nowhere"), ("Blue", [], "Choose a")],
)  # fmt: skip
def test_what_cannot_be_looked_up_is_refused(db: None, brand: str, networks: list[str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        services.start(brand=brand, networks=networks, by="test")
