"""Batches on their way: worked out while others are written, changed or killed meanwhile, and lost by nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, connection

from automation import enrichment
from automation.enrichment import keeping, needing, running, taking
from automation.enrichment.base import Result, Step, Subject, found
from automation.models import Enrichment
from leads.models import Profile
from tests.automation.enrichment.conftest import GERMAN, LONG_AGO, enriched, row_of, seen_by, standing
from tests.factories import make_profile

pytestmark = pytest.mark.django_db


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Has something happen once a batch has been worked out, before it is kept."""

    def use(act: Callable[[], object]) -> None:
        keep = keeping.keep

        def later(kind: taking.Kind, passed: Sequence[needing.Passed]) -> None:
            monkeypatch.setattr(keeping, "keep", keep)
            act()
            keep(kind, passed)

        monkeypatch.setattr(keeping, "keep", later)

    return use


def test_change_while_a_worker_is_at_it_is_not_lost(one_step: Any, meanwhile: Any) -> None:
    profile = make_profile(bio="tea")
    one_step(Step("tea", "Tea", 1, ("bio",), seen_by([], lambda subject: found(said=subject.bio))))
    meanwhile(lambda: Profile.objects.filter(pk=profile.pk).update(bio="coffee"))
    assert enriched(profile).facts["tea"] == {"said": "coffee"}


def test_profile_deleted_while_a_worker_is_at_it_is_forgotten(one_step: Any, meanwhile: Any) -> None:
    profile = make_profile(bio="tea")
    one_step(Step("tea", "Tea", 1, ("bio",), seen_by([])))
    meanwhile(Profile.objects.filter(pk=profile.pk).delete)
    assert enrichment.run() == 1
    assert not Enrichment.objects.exists()


def test_batch_is_worked_out_while_the_one_before_is_kept(
    one_step: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = [threading.Event() for _ in range(3)]
    calls: list[list[int]] = []

    def begins(subject: Subject) -> Result:
        begun[len(calls) - 1].set()
        return found(seen=True)

    one_step(Step("tea", "Tea", 1, ("bio",), seen_by(calls, begins)))
    monkeypatch.setattr(running, "OFFLINE", replace(taking.OFFLINE, batch=2))
    people = [make_profile(bio="tea").pk for _ in range(6)]
    keep, kept = keeping.keep, []

    def watched(kind: taking.Kind, passed: Sequence[needing.Passed]) -> None:
        kept.append([one.row.subject.pk for one in passed])
        assert len(kept) == 3 or begun[len(kept)].wait(20)
        keep(kind, passed)

    monkeypatch.setattr(keeping, "keep", watched)
    assert enrichment.run() == 6
    assert kept == calls == [people[:2], people[2:4], people[4:]]


def test_what_breaks_while_it_is_kept_comes_back(one_step: Any, meanwhile: Any) -> None:
    calls: list[list[int]] = []
    one_step(Step("tea", "Tea", 1, ("bio",), seen_by(calls)))
    profile = make_profile(bio="tea")

    def breaks() -> None:
        raise OperationalError("the server is gone")

    meanwhile(breaks)
    with pytest.raises(OperationalError):
        enrichment.run()
    Enrichment.objects.update(due_at=LONG_AGO)
    enrichment.run()
    assert standing(profile) == {"tea": "done"}
    assert calls == [[profile.pk], [profile.pk]]


def test_killed_worker_gives_its_profiles_back_when_its_lease_is_over() -> None:
    profile = make_profile(bio=GERMAN)
    assert len(taking.take(taking.OFFLINE)) == 1  # and dies
    assert enrichment.run() == 0
    Enrichment.objects.update(due_at=LONG_AGO)
    assert enriched(profile).facts["language"]["language"] == "de"


def test_profile_that_kills_its_worker_fails_alone(one_step: Any) -> None:
    calls: list[list[int]] = []
    one_step(Step("tea", "Tea", 1, ("bio",), seen_by(calls)))
    good, bad = make_profile(bio="good"), make_profile(bio="bad")
    Enrichment.objects.filter(pk=bad.pk).update(deaths=running.MOST_DEATHS)
    Enrichment.objects.filter(pk=good.pk).update(deaths=1)
    enrichment.run()

    assert calls == [[good.pk]]
    assert row_of(bad).steps["tea"]["why"] == running.DEADLY
    assert (row_of(bad).deaths, row_of(good).deaths) == (0, 0)


def test_no_more_is_taken_than_asked_for_whatever_the_plan() -> None:
    for _ in range(12):
        make_profile(bio=GERMAN)
    with connection.cursor() as cursor:  # a join that would look for what to take once for each row
        for way in ("hashjoin", "mergejoin", "material", "bitmapscan", "indexscan"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
    assert len(taking.take(replace(taking.OFFLINE, batch=5))) == 5


def test_one_runner_at_a_time() -> None:
    make_profile(bio=GERMAN)
    with taking.runner(taking.OFFLINE) as mine, taking.runner(taking.OFFLINE) as second:
        assert (mine, second) == (True, False)
        assert enrichment.run() == 0
    assert enrichment.run() == 1
