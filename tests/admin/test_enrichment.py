"""What was found out, on the pages of people and profiles, and the list of what failed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from automation import enrichment
from automation.models import Avatar, Enrichment
from leads.models import Profile, ProfileFigures
from monitoring.models import Event
from tests.admin.doing import act, bulk, told
from tests.admin.enriching import an_enrichment
from tests.automation.enrichment.conftest import GERMAN, post
from tests.factories import make_person, make_picture, make_profile

pytestmark = pytest.mark.django_db


def page_of(client: Client, model: str, pk: int) -> str:
    answer = client.get(reverse(f"admin:{model}_change", args=[pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_persons_page_says_what_was_found_and_why_not(operator: Client) -> None:
    profile = make_profile(bio=GERMAN, recent_posts=[post(GERMAN)])
    enrichment.run()
    text = page_of(operator, "leads_lead", profile.person_id)

    assert "Found out" in text
    assert "de, told from bio" in text
    assert "de: 1" in text


def test_failed_step_is_shown_with_its_reason_and_run_again(operator: Client) -> None:
    row = an_enrichment()
    assert "The picture cannot be read." in page_of(operator, "leads_profile", row.pk)

    answer = act(operator, "leads_profile", row.pk, "look-again", step="avatar")
    assert "Picture: 1 profile looked at again" in told(answer)
    row.refresh_from_db()
    assert (row.failed, "avatar" in row.steps, "language" in row.steps) == ([], False, True)
    assert Event.objects.filter(name="profile.enrichment_asked").count() == 1


def test_failed_steps_of_a_whole_filter_run_again(operator: Client) -> None:
    rows = [an_enrichment() for _ in range(3)]
    fine = make_profile(bio=GERMAN)
    answer = bulk(operator, "automation_enrichment", "retry", [*(row.pk for row in rows), fine.pk])
    assert "The failed steps of 3 profiles run again" in told(answer)
    assert not Enrichment.objects.failed().exists()


def test_list_shows_what_failed(operator: Client) -> None:
    fine = make_profile(bio=GERMAN)
    enrichment.run()
    failed = an_enrichment()
    text = operator.get(
        reverse("admin:automation_enrichment_changelist"), {"standing": "failed"}
    ).content.decode()
    assert failed.profile.handle in text
    assert fine.handle not in text
    other = operator.get(reverse("admin:automation_enrichment_changelist"), {"failed": "language"})
    assert failed.profile.handle not in other.content.decode()


@pytest.mark.parametrize("act_name", ["retry", "again"])
def test_viewer_runs_nothing_again(viewer: Client, act_name: str) -> None:
    row = an_enrichment()
    bulk(viewer, "automation_enrichment", act_name, [row.pk])
    act(viewer, "leads_profile", row.pk, "look-again")
    row.refresh_from_db()
    assert row.failed == ["avatar"]


def test_picture_is_served_to_those_who_may_see_the_profile(viewer: Client, outsider: Client) -> None:
    profile = make_profile()
    Avatar.objects.create(profile=profile, content=make_picture(form="WEBP"), mime="image/webp", size=10)
    url = reverse("admin:automation_avatar", args=[profile.pk])

    answer = viewer.get(url)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert outsider.get(url).status_code == 302
    assert viewer.get(reverse("admin:automation_avatar", args=[profile.pk + 1])).status_code == 404


def test_figures_are_drawn_or_say_how_to_get_some(viewer: Client) -> None:
    profile = make_profile()
    assert "No figures yet" in page_of(viewer, "leads_lead", profile.person_id)
    for day in (1, 2):
        ProfileFigures.objects.create(
            profile=profile, day=timezone.now().date().replace(day=day), followers_count=day * 7
        )
    text = page_of(viewer, "leads_lead", profile.person_id)
    assert "No figures yet" not in text
    assert "[7, 14]" in text


def test_persons_page_costs_as_many_queries_for_ten_profiles_as_for_two(administrator: Client) -> None:
    def queries(number: int) -> int:
        person: Any = make_person()
        for n in range(number):
            made = make_profile(person=person, bio=GERMAN)
            ProfileFigures.objects.create(profile=made, day=date(2026, 1, 1), followers_count=n)
        enrichment.run()
        with CaptureQueriesContext(connection) as captured:
            page_of(administrator, "leads_lead", person.pk)
        return len(captured)

    queries(1)
    assert queries(2) == queries(10)
    assert Profile.objects.count() == 13
