"""The pages of campaigns."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from automation.campaigns import groups
from automation.enums import (
    CampaignStatus,
    EnrolmentState,
)
from automation.models import (
    Campaign,
    Enrolment,
    GroupEnrolment,
    Step,
    Task,
    Variant,
)
from leads import segments
from tests.admin.conftest import a_campaign
from tests.admin.doing import act, bulk, told
from tests.factories import (
    make_account,
    make_campaign,
    make_enrolment,
    make_person,
    make_profile,
)

pytestmark = pytest.mark.django_db


def step(number: int, kind: str, **fields: str) -> dict[str, str]:
    values = {"position": str(number + 1), "kind": kind, "delay_amount": "0", "delay_unit": "days", **fields}
    return {f"steps-{number}-{name}": value for name, value in values.items()}


def campaign_form(*steps: dict[str, str], **fields: Any) -> dict[str, Any]:
    data = {
        "name": "Tasting",
        "network": "sandbox",
        "steps-TOTAL_FORMS": str(len(steps)),
        "steps-INITIAL_FORMS": "0",
    }
    for one in steps:
        data |= one
    return data | fields


def test_campaign_is_built_on_one_page_and_sends_nothing(operator: Client) -> None:
    account = make_account()
    form = campaign_form(
        step(0, "follow"), step(1, "wait", delay_amount="2"), step(2, "dm", wording_a="Hi {first_name}", wording_b="Hello"),
        accounts=[account.pk], stop_on_reply="on",
    )  # fmt: skip
    operator.post(reverse("admin:automation_campaign_add"), form)

    campaign = Campaign.objects.get()
    assert campaign.status == CampaignStatus.DRAFT
    assert [(s.kind, s.delay) for s in campaign.steps.all()] == [("follow", 0), ("wait", 172_800), ("dm", 0)]
    assert [(v.name, v.text) for v in campaign.steps.last().variants.all()] == [
        ("A", "Hi {first_name}"),
        ("B", "Hello"),
    ]
    assert list(campaign.accounts.all()) == [account]
    assert not Task.objects.exists()


def test_campaign_with_a_wordless_message_is_refused_whole(operator: Client) -> None:
    answer = operator.post(reverse("admin:automation_campaign_add"), campaign_form(step(0, "dm")))
    assert "give at least one wording" in answer.content.decode()
    assert not Campaign.objects.exists()


def test_campaign_keeps_its_steps_when_saved_again(operator: Client) -> None:
    operator.post(
        reverse("admin:automation_campaign_add"), campaign_form(step(0, "dm", wording_a="Hi", wording_b="Ho"))
    )
    campaign = Campaign.objects.get()
    page = operator.get(reverse("admin:automation_campaign_change", args=[campaign.pk]))
    formset = page.context["inline_admin_formsets"][0].formset
    data = campaign_form(description="More") | {"steps-TOTAL_FORMS": "1", "steps-INITIAL_FORMS": "1"}
    data |= {
        f"steps-0-{name}": value for name, value in formset.forms[0].initial.items() if name != "campaign"
    }
    data["steps-0-id"], data["steps-0-campaign"] = formset.forms[0].instance.pk, campaign.pk
    data["steps-0-wording_b"] = "Ahoy"
    operator.post(reverse("admin:automation_campaign_change", args=[campaign.pk]), data)

    campaign.refresh_from_db()
    assert campaign.description == "More"
    assert [v.text for v in Step.objects.get().variants.all()] == ["Hi", "Ahoy"]


def test_campaign_starts_pauses_resumes_and_ends(operator: Client) -> None:
    campaign = a_campaign()
    campaign.accounts.add(make_account())
    seen = []
    for name in ("start", "pause", "resume", "cancel"):
        act(operator, "automation_campaign", campaign.pk, name)
        campaign.refresh_from_db()
        seen.append(campaign.status)
    assert seen == ["running", "paused", "running", "cancelled"]


def test_campaign_without_accounts_does_not_start(operator: Client) -> None:
    answer = act(operator, "automation_campaign", a_campaign().pk, "start")
    assert "at least one account" in told(answer)


def test_leads_are_enrolled_over_a_whole_filter(operator: Client) -> None:
    campaign = make_campaign()
    reachable = [make_profile().person for _ in range(3)]
    make_person()
    make_profile(person=make_person(suppressed_at=timezone.now()))
    answer = bulk(
        operator, "leads_lead", "enrol_many", [reachable[0].pk], select_across="1", campaign=str(campaign.pk)
    )  # fmt: skip
    assert "3 people enrolled" in told(answer)
    assert "1 said no" in told(answer)
    assert "1 without an address on sandbox" in told(answer)
    assert Enrolment.objects.filter(campaign=campaign, state=EnrolmentState.QUEUED).count() == 3
    assert not Task.objects.exists()


def test_group_is_enrolled_from_the_campaigns_page_and_its_progress_shown(operator: Client) -> None:
    campaign, chosen = make_campaign(), segments.create_list(name="Fair", by="test")
    segments.add_to_list(chosen, [make_profile().person_id, make_person().pk], by="test")
    answer = act(operator, "automation_campaign", campaign.pk, "enrol-group", list=str(chosen.pk))
    assert "Fair is being enrolled" in told(answer)
    page = reverse("admin:automation_campaign_change", args=[campaign.pk])
    assert "Under way" in operator.get(page).content.decode()

    made = GroupEnrolment.objects.get()
    groups.enrol_some(made.pk)
    text = operator.get(page).content.decode()
    assert "2 of 2" in text
    assert Enrolment.objects.filter(campaign=campaign).count() == 1


def test_group_form_wants_one_of_the_two(operator: Client) -> None:
    campaign = make_campaign()
    act(operator, "automation_campaign", campaign.pk, "enrol-group")
    assert not GroupEnrolment.objects.exists()


def test_groups_on_their_way_are_stopped(operator: Client) -> None:
    campaign, chosen = make_campaign(), segments.create_list(name="Fair", by="test")
    made = groups.enrol_group(campaign=campaign, group=chosen, by="test")
    act(operator, "automation_campaign", campaign.pk, "stop-groups")
    made.refresh_from_db()
    assert made.state == "cancelled"


@pytest.mark.parametrize("model", ["leads_segment", "leads_personlist"])
def test_group_is_enrolled_from_its_own_page(operator: Client, model: str) -> None:
    campaign = make_campaign()
    group: Any = segments.create_list(name="Fair", by="test")
    if model == "leads_segment":
        group = segments.create_segment(name="Everybody", rules={"match": "all", "rules": []}, by="test")
    answer = act(operator, model, group.pk, "enrol-all", campaign=str(campaign.pk))
    assert str(campaign) in told(answer)
    assert GroupEnrolment.objects.get().group == group


def test_campaign_follows_a_segment_and_stops(operator: Client) -> None:
    campaign = make_campaign()
    segment = segments.create_segment(name="Everybody", rules={"match": "all", "rules": []}, by="test")
    act(operator, "automation_campaign", campaign.pk, "follow-segment", segment=str(segment.pk))
    campaign.refresh_from_db()
    assert campaign.segment == segment
    page = reverse("admin:automation_campaign_change", args=[campaign.pk])
    assert "begins when the campaign is started" in operator.get(page).content.decode()
    act(operator, "automation_campaign", campaign.pk, "follow-segment", segment="")
    campaign.refresh_from_db()
    assert campaign.segment is None


def test_viewer_enrols_no_group(viewer: Client) -> None:
    campaign, chosen = make_campaign(), segments.create_list(name="Fair", by="test")
    answer = act(viewer, "automation_campaign", campaign.pk, "enrol-group", list=str(chosen.pk))
    assert answer.status_code == 403
    assert act(viewer, "automation_campaign", campaign.pk, "follow-segment", segment="").status_code == 403
    assert not GroupEnrolment.objects.exists()


def test_wordings_the_form_does_not_know_survive_it(operator: Client) -> None:
    campaign = make_campaign()
    words = Step.objects.create(campaign=campaign, position=1, kind="dm", delay=90)
    Variant.objects.create(step=words, name="A", text="Hi", weight=3)
    Variant.objects.create(step=words, name="by API", text="Hey", weight=2)
    data = {
        "steps-TOTAL_FORMS": "2",
        "steps-INITIAL_FORMS": "1",
        "steps-0-id": words.pk,
        "steps-0-campaign": campaign.pk,
    }
    data |= step(0, "dm", delay_amount="2", delay_unit="minutes", wording_a="Hi there") | step(
        1, "follow", position=""
    )
    operator.post(
        reverse("admin:automation_campaign_change", args=[campaign.pk]),
        campaign_form(**data, name=campaign.name),
    )

    first, second = campaign.steps.order_by("position")
    assert [(v.name, v.text, v.weight) for v in first.variants.all()] == [
        ("A", "Hi there", 3),
        ("by API", "Hey", 2),
    ]
    assert (first.delay, second.kind) == (90, "follow")


def test_enrolment_is_read_only(administrator: Client) -> None:
    way = make_enrolment(make_campaign())
    assert (
        administrator.post(
            reverse("admin:automation_enrolment_change", args=[way.pk]), {"state": "done"}
        ).status_code
        == 403
    )
