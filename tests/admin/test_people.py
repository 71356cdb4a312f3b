"""The pages of people, suppressions and imports."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from leads.enums import Lifecycle, Stage
from leads.models import Import, Person, Suppression
from monitoring.models import Event
from tests.admin.conftest import a_person
from tests.admin.doing import act, bulk, told
from tests.factories import (
    make_person,
    make_profile,
)

pytestmark = pytest.mark.django_db


def test_either_address_leads_to_the_page_of_the_lifecycle(viewer: Client) -> None:
    lead, contact = make_person(), make_person(lifecycle=Lifecycle.CONTACT)
    gone = make_person(lifecycle=Lifecycle.ARCHIVED)
    for person, model in ((lead, "lead"), (contact, "contact"), (gone, "person")):
        for other in {"lead", "contact", "person"} - {model}:
            answer = viewer.get(reverse(f"admin:leads_{other}_change", args=[person.pk]))
            assert answer.status_code == 302
            assert answer.url == reverse(f"admin:leads_{model}_change", args=[person.pk])
        assert viewer.get(reverse(f"admin:leads_{model}_change", args=[person.pk])).status_code == 200


def test_lists_hold_their_lifecycle_only(viewer: Client) -> None:
    lead, contact = make_person(), make_person(lifecycle=Lifecycle.CONTACT)
    leads = viewer.get(reverse("admin:leads_lead_changelist")).context["cl"].result_list
    contacts = viewer.get(reverse("admin:leads_contact_changelist")).context["cl"].result_list
    assert [person.pk for person in leads] == [lead.pk]
    assert [person.pk for person in contacts] == [contact.pk]


def test_person_is_added_with_an_address(operator: Client) -> None:
    data = {"first_name": "Mia", "network": "email", "handle": "Mia@Example.org"}
    operator.post(reverse("admin:leads_lead_add"), data)
    assert Person.objects.get().profiles.get().handle == "mia@example.org"


def test_person_with_somebody_elses_address_is_refused_whole(operator: Client) -> None:
    make_profile("mia@example.org", network="email")
    answer = operator.post(
        reverse("admin:leads_lead_add"),
        {"first_name": "Mia", "network": "email", "handle": "MIA@example.org"},
    )
    assert "already belongs to" in answer.content.decode()
    assert Person.objects.count() == 1


def test_person_is_changed_through_the_service(operator: Client) -> None:
    person = make_person()
    operator.post(
        reverse("admin:leads_lead_change", args=[person.pk]),
        {"display_name": "New name", "company": "Roasters"},
    )
    person.refresh_from_db()
    assert (person.display_name, person.company) == ("New name", "Roasters")
    assert Event.objects.get(name="person.changed").ids == [person.pk]


def test_person_page_shows_what_happened(viewer: Client) -> None:
    person = a_person("Words of a timeline")
    page = viewer.get(reverse("admin:leads_lead_change", args=[person.pk])).content.decode()
    for title in ("Note", "Wrote to us", "Judged: qualified", "Direct message: failed"):
        assert title in page


def test_person_acts(operator: Client) -> None:
    person = make_person()
    act(operator, "leads_lead", person.pk, "add-note", text="Likes tea")
    act(operator, "leads_lead", person.pk, "tag-one", names="vip, met  at fair")
    act(operator, "leads_lead", person.pk, "set-stage", stage="won")
    act(operator, "leads_lead", person.pk, "add-address", network="email", handle="a@b.example")
    act(operator, "leads_lead", person.pk, "judge", verdict="disqualified", reason="Not a shop")
    act(operator, "leads_lead", person.pk, "convert")
    person.refresh_from_db()
    assert person.notes.get().text == "Likes tea"
    assert sorted(tag.name for tag in person.tags.all()) == ["met at fair", "vip"]
    assert (person.stage, person.lifecycle) == (Stage.WON, Lifecycle.CONTACT)
    assert person.profiles.get().handle == "a@b.example"
    assert person.decisions.get().reason == "Not a shop"


def test_suppressing_needs_a_confirmation(operator: Client) -> None:
    people = [make_profile().person for _ in range(2)]
    asked = operator.post(
        reverse("admin:leads_lead_changelist"),
        {"action": "suppress_many", "_selected_action": [p.pk for p in people]},
    )
    assert "never written to again" in asked.content.decode()
    assert not Suppression.objects.exists()

    answer = bulk(operator, "leads_lead", "suppress_many", [p.pk for p in people], reason="opt_out")
    assert "2 people suppressed" in told(answer)
    assert Person.objects.filter(suppressed_at__isnull=False).count() == 2


def test_only_administrators_lift_a_no(operator: Client, administrator: Client) -> None:
    person = make_profile().person
    act(operator, "leads_lead", person.pk, "suppress", reason="opt_out")
    assert act(operator, "leads_lead", person.pk, "lift-no", reason="They asked").status_code == 403
    act(operator, "leads_suppression", Suppression.objects.get().pk, "lift", reason="They asked")
    assert Suppression.objects.count() == 1

    act(administrator, "leads_lead", person.pk, "lift-no", reason="They asked by phone")
    person.refresh_from_db()
    assert person.suppressed_at is None
    assert not Suppression.objects.exists()


def test_address_is_suppressed_in_any_spelling_and_twice(operator: Client) -> None:
    for address in ("No@Example.org", "no@example.ORG"):
        answer = operator.post(
            reverse("admin:leads_suppression_add"),
            {"network": "email", "address": address, "reason": "opt_out"},
        )
        assert answer.status_code == 302
    assert Suppression.objects.get().address == "no@example.org"


def test_suppressing_what_is_no_address_is_refused(operator: Client) -> None:
    answer = operator.post(
        reverse("admin:leads_suppression_add"),
        {"network": "email", "address": "nonsense", "reason": "opt_out"},
    )
    assert answer.status_code == 200
    assert "errornote" in answer.content.decode() or "not an" in answer.content.decode()
    assert not Suppression.objects.exists()


def test_import_is_tried_then_run(operator: Client) -> None:
    file = SimpleUploadedFile("fair.csv", b"email,first_name\na@b.example,Ann\nnonsense,Bob\n")
    operator.post(reverse("admin:leads_import_add"), {"file": file, "dry_run": "on"})
    trial = Import.objects.get()
    page = operator.get(reverse("admin:leads_import_change", args=[trial.pk])).content.decode()
    assert (trial.created, trial.failed) == (1, 1)
    assert "This was a dry run" in page
    assert not Person.objects.exists()

    act(operator, "leads_import", trial.pk, "run-for-real")
    assert Import.objects.get(dry_run=False).created == 1
    assert Person.objects.get().first_name == "Ann"


def test_import_without_a_header_is_refused_whole(operator: Client) -> None:
    file = SimpleUploadedFile("bad.csv", b"ann,bee\nbob,cee\n")
    answer = operator.post(reverse("admin:leads_import_add"), {"file": file, "dry_run": "on"})
    assert answer.status_code == 200
    assert "bad.csv" not in list(Import.objects.values_list("name", flat=True))
    assert "column" in answer.content.decode()
    assert not Import.objects.exists()
