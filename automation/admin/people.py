"""What acting adds to the pages of people: their tasks and messages, enrolling, judging."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from automation.admin import colours, enrichment
from automation.campaigns import services as campaigns
from automation.discovery import qualification
from automation.enums import CampaignStatus, Direction, Verdict
from automation.models import Campaign, Message
from leads.admin import people as pages
from leads.admin.timeline import EACH, Moment
from leads.models import Contact, Lead, Person, Profile
from outreach.lib.admin import show
from outreach.lib.admin.acts import ActForm, bulk_act, chunked_ids, count, page_act
from outreach.lib.admin.base import user_of

ENROL, JUDGE = "automation.add_enrolment", "automation.add_decision"
OPEN_CAMPAIGNS = (CampaignStatus.DRAFT, CampaignStatus.RUNNING, CampaignStatus.PAUSED)
NEWEST = 200  # campaigns offered in the form


class EnrolForm(ActForm):
    campaign = forms.ModelChoiceField(
        Campaign.objects.none(), help_text="A draft sends nothing before it is started."
    )

    def prepare(self) -> None:
        """Offer campaigns that have not ended."""
        open_ones = Campaign.objects.filter(status__in=OPEN_CAMPAIGNS)
        newest = open_ones.order_by("-pk").values("pk")[:NEWEST]
        field = self.fields["campaign"]
        field.queryset = open_ones.filter(pk__in=newest)
        field.label_from_instance = lambda one: (
            f"{one.name} ({one.network}, {one.get_status_display().lower()})"
        )


class JudgeForm(ActForm):
    verdict = forms.ChoiceField(choices=[choice for choice in Verdict.choices if choice[0] != Verdict.OPEN])
    reason = forms.CharField(max_length=500, help_text="Kept with the decision; rules do not overrule it.")


class ActsUponPeople:
    """Mixed into the pages of people."""

    actions_detail = ["enrol_one", "judge", *pages.PersonAdmin.actions_detail]
    actions = ["enrol_many", "qualify_many", *pages.PersonAdmin.actions]

    change_form_outer_after_template = "admin/automation/person_after.html"

    def panels(self, request: HttpRequest, instance: Person) -> dict[str, Any]:
        """The address book's, and what was found out."""
        shown: dict[str, Any] = super().panels(request, instance)  # type: ignore[misc]
        return {**shown, **enrichment.panel(shown["profiles"])}

    def offered_above(self, person: Person) -> set[str]:
        """Nobody who said no is enrolled."""
        return {"judge"} if person.suppressed_at else {"judge", "enrol_one"}

    def moments(self, person: Person) -> Iterator[Moment]:
        """The address book's entries, and what we did and said."""
        yield from super().moments(person)  # type: ignore[misc]
        yield from of_acts(person)

    @page_act("Enrol", permission=ENROL, icon="campaign", form=EnrolForm, submit="Enrol")
    def enrol_one(self, request: HttpRequest, person: Person, data: dict[str, Any]) -> str:
        return enrol([person.pk], data["campaign"], request)

    @page_act("Judge", permission=JUDGE, icon="gavel", form=JudgeForm, submit="Decide")
    def judge(self, request: HttpRequest, person: Person, data: dict[str, Any]) -> str:
        qualification.decide(
            person=person, verdict=data["verdict"], reason=data["reason"], by=user_of(request)
        )
        return f"{person}: {Verdict(data['verdict']).label.lower()}."

    @bulk_act("Enrol in campaign…", permission=ENROL, form=EnrolForm)
    def enrol_many(self, request: HttpRequest, chosen: QuerySet[Person], data: dict[str, Any]) -> str:
        return enrol((pk for ids in chunked_ids(chosen) for pk in ids), data["campaign"], request)

    @bulk_act("Qualify by the rules", permission=JUDGE)
    def qualify_many(self, request: HttpRequest, chosen: QuerySet[Person], data: dict[str, Any]) -> str:
        results = [qualification.qualify(ids, by=user_of(request)) for ids in chunked_ids(chosen)]
        return (
            f"{sum(one.qualified for one in results):,} qualified, {sum(one.disqualified for one in results):,} disqualified, "
            f"{sum(one.open for one in results):,} left open."
        )


def enrol(person_ids: Iterable[int], campaign: Campaign, request: HttpRequest) -> str:
    """Enrol these people with their address on the campaign's network; says what became of whom."""
    wanted = list(person_ids)
    totals = {"added": 0, "already": 0, "suppressed": 0, "unsuitable": 0}
    reachable = 0
    for start in range(0, len(wanted), 1_000):
        profiles = Profile.objects.filter(
            person_id__in=wanted[start : start + 1_000], network=campaign.network
        )
        reachable += profiles.order_by().values("person_id").distinct().count()
        result = campaigns.enrol(
            campaign=campaign, profiles=profiles.defer("bio", "recent_posts"), by=user_of(request)
        )
        for name in totals:
            totals[name] += getattr(result, name)
    remarks = {
        "already there": totals["already"], "said no": totals["suppressed"], "our own": totals["unsuitable"],
        f"without an address on {campaign.network}": len(wanted) - reachable,
    }  # fmt: skip
    rest = ", ".join(f"{number:,} {what}" for what, number in remarks.items() if number)
    return (
        f"{count(totals['added'], 'person', 'people')} enrolled in {campaign}{f' ({rest})' if rest else ''}."
    )


def of_acts(person: Person) -> Iterator[Moment]:
    """Tasks, messages, decisions and enrolments of a person: four queries."""
    for task in person.tasks.select_related("lane__account").order_by("-id")[:EACH]:
        text = " · ".join(filter(None, (str(task.get_reason_display()) if task.reason else "", task.detail)))
        yield Moment(
            task.finished_at or task.created_at, "task_alt", f"{task.get_kind_display()}: {task.get_state_display().lower()}",
            text, task.lane.account.handle, colours.TASK.get(task.state, ""), show.admin_url(task),  # type: ignore[call-overload]
        )  # fmt: skip
    messages = Message.objects.filter(conversation__person=person).select_related("conversation__account")
    for message in messages.order_by("-sent_at")[:EACH]:
        came_in = message.direction == Direction.IN
        yield Moment(
            message.sent_at, "call_received" if came_in else "call_made", "Wrote to us" if came_in else "We wrote",
            message.text, message.conversation.account.handle, "green" if came_in else "blue",
            show.admin_url(message.conversation),
        )  # fmt: skip
    for decision in person.decisions.select_related("decided_by", "rule")[:EACH]:
        yield Moment(
            decision.created_at, "gavel", f"Judged: {decision.get_verdict_display().lower()}",
            "\n".join(filter(None, (decision.reason, f"“{decision.evidence}”" if decision.evidence else ""))),
            str(decision.decided_by or decision.rule or ""), colours.VERDICT.get(decision.verdict, ""),  # type: ignore[call-overload]
        )  # fmt: skip
    for way in person.enrolments.select_related("campaign")[:EACH]:
        yield Moment(
            way.created_at, "campaign", f"Enrolled in {way.campaign}", f"{way.get_state_display()} {way.detail}".strip(),
            url=show.admin_url(way.campaign), colour=colours.ENROLMENT.get(way.state, ""),  # type: ignore[call-overload]
        )  # fmt: skip


for model in (Person, Lead, Contact):
    admin.site.unregister(model)


@admin.register(Person)
class EveryoneAdmin(ActsUponPeople, pages.EveryoneAdmin):
    """Everybody, the archived too."""


@admin.register(Lead)
class LeadAdmin(ActsUponPeople, pages.LeadAdmin):
    """Leads."""


@admin.register(Contact)
class ContactAdmin(ActsUponPeople, pages.ContactAdmin):
    """Contacts."""
