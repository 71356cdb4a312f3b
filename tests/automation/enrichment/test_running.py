"""The pipeline: each step on its own, again when what it reads changed, and never lost."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automation import enrichment
from automation.enrichment import needing, registry, taking
from automation.enrichment import steps as package
from automation.enrichment.base import Result, Step, Subject, failed, found, later
from automation.models import Enrichment, ProfilePost
from leads.models import Person, Profile
from outreach.lib import clock
from tests.automation.enrichment.conftest import (
    ENGLISH,
    GERMAN,
    LONG_AGO,
    enriched,
    post,
    row_of,
    seen_by,
    standing,
)
from tests.factories import make_person, make_profile

pytestmark = pytest.mark.django_db


def test_profile_is_looked_at_when_it_appears() -> None:
    profile = make_profile(
        bio=GERMAN, location="Köln", recent_posts=[post(GERMAN), post(GERMAN), post(ENGLISH), post(GERMAN)]
    )
    row = enriched(profile)

    assert row.facts["posts"] == {"counts": {"de": 3, "en": 1}}
    assert row.facts["language"] == {"language": "de", "told_from": "posts"}
    assert row.facts["country"] == {"country": "DE", "told_from": "location"}
    assert (row.due_at, row.failed, row.deaths) == (None, [], 0)
    person = Person.objects.get(pk=profile.person_id)
    assert (person.language, person.country) == ("de", "DE")


def test_what_a_person_said_is_not_overwritten() -> None:
    person = make_person(language="fr", country="CH")
    enriched(make_profile(person=person, bio=GERMAN, location="Köln"))
    person.refresh_from_db()
    assert (person.language, person.country) == ("fr", "CH")


def test_what_was_found_out_follows_the_profile() -> None:
    profile = make_profile(bio=GERMAN, location="Köln")
    enriched(profile)
    Profile.objects.filter(pk=profile.pk).update(bio=ENGLISH, location="London, UK")
    row = enriched(profile)

    assert row.facts["language"]["language"] == "en"
    person = Person.objects.get(pk=profile.person_id)
    assert (person.language, person.country) == ("en", "GB")


def test_profile_that_says_nothing_is_skipped_with_a_reason() -> None:
    row = enriched(make_profile())
    assert {entry["s"] for entry in row.steps.values()} == {"skipped"}
    assert row.steps["posts"]["why"] == "The profile says nothing it could go by."
    assert row.online_at is None  # nothing to fetch, so nobody goes out to find that out


def test_address_is_no_page_to_tell_a_language_from() -> None:
    assert list(enriched(make_profile(network="email")).steps) == ["address"]


def test_nothing_is_worked_out_twice() -> None:
    profile = make_profile(
        bio=GERMAN, recent_posts=[post(ENGLISH)] * 2 + [post(GERMAN)] * 3 + [post("", "pt")] * 4
    )
    before = enriched(profile).steps
    rows = taking.subjects({profile.pk: row_of(profile).facts})
    row = taking.Row(next(rows), row_of(profile).facts, before, 0, 0)
    assert [step.name for step in registry.offline() if needing.wanted(step, row, clock.database_now())] == []


def test_posts_kept_one_by_one_are_read_before_those_that_came_with_the_profile() -> None:
    profile = make_profile(bio=GERMAN, recent_posts=[post(ENGLISH)] * 2)
    other = make_profile(bio=GERMAN, recent_posts=[post(ENGLISH)] * 2)
    ProfilePost.objects.bulk_create(
        ProfilePost(
            profile=profile, remote_id=str(n), text=GERMAN, language="" if n % 2 else "pt",
            posted_at=LONG_AGO + timedelta(days=n),
        )
        for n in range(taking.MOST_POSTS + 2)
    )  # fmt: skip
    half = taking.MOST_POSTS // 2
    assert enriched(profile).facts["posts"] == {"counts": {"de": half, "pt": half}}
    assert row_of(other).facts["posts"] == {"counts": {"en": 2}}
    (subject,) = taking.subjects({profile.pk: {}})
    assert [language for _, language in subject.posts[:2]] == ["", "pt"], "the newest first"


def test_address_in_a_bio_becomes_the_persons() -> None:
    profile = make_profile(bio="Write to ann@roast.example")
    enriched(profile)

    email = Profile.objects.get(handle="ann@roast.example")
    assert (email.person_id, email.network) == (profile.person_id, "email")
    assert email.found_via == f"bio of {profile.handle}"
    assert (
        row_of(email).steps["address"]["s"] == "done"
    )  # found by the same run: a new profile is due at once


def test_address_of_somebody_else_stays_theirs() -> None:
    other = make_profile("ann@roast.example", network="email")
    profile = make_profile(bio="Write to ann@roast.example")
    row = enriched(profile)

    assert row.facts["contact"]["elsewhere"] == ["ann@roast.example"]
    other.refresh_from_db()
    assert other.person_id != profile.person_id
    assert Profile.objects.filter(network="email").count() == 1


def test_step_runs_again_only_when_what_it_reads_changes(one_step: Any) -> None:
    calls: list[list[int]] = []
    one_step(Step("tea", "Tea", 1, ("bio",), seen_by(calls)))
    profile = make_profile(bio="tea")
    enriched(profile)
    Profile.objects.filter(pk=profile.pk).update(location="Köln")  # due, but nothing this step reads
    enriched(profile)
    Profile.objects.filter(pk=profile.pk).update(followers_count=7)  # not even due
    assert row_of(profile).due_at is None
    assert calls == [[profile.pk]]

    Profile.objects.filter(pk=profile.pk).update(bio="green tea")
    enriched(profile)
    assert calls == [[profile.pk], [profile.pk]]


def test_changed_version_runs_again_for_everybody(one_step: Any) -> None:
    calls: list[list[int]] = []
    profile = make_profile(bio="tea")
    one_step(Step("tea", "Tea", 1, ("bio",), seen_by(calls)))
    enrichment.announce()
    enrichment.hand_out()
    enriched(profile)
    assert enrichment.announce() == []

    one_step(Step("tea", "Tea", 2, ("bio",), seen_by(calls)))
    assert enrichment.announce() == ["tea"]
    assert enrichment.hand_out() == 1
    assert enriched(profile).steps["tea"]["v"] == 2
    assert len(calls) == 2
    assert (enrichment.announce(), enrichment.hand_out()) == ([], 0)


def test_profiles_from_before_there_was_enrichment_are_handed_out() -> None:
    profiles = [make_profile(bio=GERMAN) for _ in range(3)]
    Enrichment.objects.all().delete()
    Enrichment.objects.model._meta.apps.get_model("automation", "EnrichmentStep").objects.all().delete()
    enrichment.announce()
    assert enrichment.hand_out() == 3
    assert enriched(profiles[0]).facts["language"]["language"] == "de"


def test_failing_step_fails_alone_and_says_why(one_step: Any) -> None:
    def run(subjects: Sequence[Subject]) -> list[Result]:
        if any(subject.bio == "bad" for subject in subjects):
            raise KeyError("bad")
        return [found(seen=True) for _ in subjects]

    one_step(Step("tea", "Tea", 1, ("bio",), run))
    good, bad = make_profile(bio="good"), make_profile(bio="bad")
    enrichment.run()

    assert standing(good) == {"tea": "done"}
    row = row_of(bad)
    assert (row.failed, row.steps["tea"]["why"]) == (["tea"], "The step broke: KeyError.")


def test_later_is_tried_again_with_growing_pauses_until_it_fails(one_step: Any) -> None:
    calls: list[list[int]] = []
    one_step(Step("tea", "Tea", 1, ("bio",), seen_by(calls, lambda _: later("Not now.")), tries=3))
    profile = make_profile(bio="tea")
    pauses = []
    for _ in range(2):
        row = enriched(profile)
        assert (row.steps["tea"]["s"], row.failed) == ("waiting", [])
        assert row.due_at is not None
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM %s - now())", [row.due_at])
            pauses.append(float(cursor.fetchone()[0]))
        Enrichment.objects.update(due_at=LONG_AGO)
        entry = {**row.steps["tea"], "at": "2020-01-01T00:00:00+00:00"}
        Enrichment.objects.update(steps={"tea": entry})
    row = enriched(profile)

    assert pauses == [pytest.approx(600, abs=5), pytest.approx(2_400, abs=5)]
    assert (row.steps["tea"]["s"], row.failed, row.due_at) == ("failed", ["tea"], None)
    assert row.steps["tea"]["why"] == "Not now. Tried 3 times."
    assert len(calls) == 3


def test_not_before_its_time(one_step: Any) -> None:
    calls: list[list[int]] = []
    one_step(Step("tea", "Tea", 1, ("bio",), seen_by(calls, lambda _: later("Not now.", retry_after=86_400))))
    profile = make_profile(bio="tea")
    enriched(profile)
    Enrichment.objects.update(due_at=LONG_AGO)  # something else had it looked at
    row = enriched(profile)
    assert len(calls) == 1
    assert row.due_at is not None


def test_adding_a_step_takes_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_registry: Any
) -> None:
    (tmp_path / "shouting.py").write_text(
        "from automation.enrichment.base import Step, found\n"
        "def run(subjects):\n"
        "    return [found(shouts=subject.bio.isupper()) for subject in subjects]\n"
        "STEP = Step('shouting', 'Shouting', version=1, reads=('bio',), run=run, after=('language',))\n"
    )
    old = make_profile(bio=ENGLISH.upper())
    enriched(old)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    fresh_registry.steps.cache_clear()

    assert enrichment.announce() == ["shouting"]
    enrichment.hand_out()
    assert enriched(old).facts["shouting"] == {"shouts": True}


def test_step_that_is_gone_leaves_no_failure_behind(one_step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = make_profile(bio="tea")
    one_step(Step("tea", "Tea", 1, ("bio",), seen_by([], lambda _: failed("No tea."))))
    assert enriched(profile).failed == ["tea"]
    one_step(Step("coffee", "Coffee", 1, ("bio",), seen_by([])))
    Enrichment.objects.update(due_at=LONG_AGO)
    row = enriched(profile)
    assert (row.failed, list(row.steps)) == ([], ["coffee"])


def test_run_again_forgets_only_what_it_is_asked_to(one_step: Any) -> None:
    calls: list[list[int]] = []
    one_step(Step("tea", "Tea", 1, ("bio",), seen_by(calls, lambda _: failed("No tea."))))
    profile, fine = make_profile(bio="tea"), make_profile()
    enrichment.run()

    assert enrichment.run_again([profile.pk, fine.pk], only_failed=True, by="test") == 1
    assert row_of(profile).failed == []
    enrichment.run()
    assert calls == [[profile.pk], [profile.pk]]
    with pytest.raises(ValueError, match='There is no step "milk"'):
        enrichment.run_again([profile.pk], steps=["milk"], by="test")


def test_queries_do_not_grow_with_profiles() -> None:
    def queries(number: int) -> int:
        for n in range(number):
            bio = f"{GERMAN} p{number}x{n}@roast.example"
            make_profile(bio=bio, location="Köln", recent_posts=[post(GERMAN)])
        with CaptureQueriesContext(connection) as captured:
            enrichment.run()
        return len(captured)

    queries(1)
    assert queries(2) == queries(30)
