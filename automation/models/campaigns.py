"""Campaigns: what is done, in which order, to whom."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import Account
from automation.enums import OPEN_ENROLMENTS, CampaignStatus, EnrolmentState, StepKind
from leads.models import Person, Profile, Segment


class Campaign(models.Model):
    """An outreach plan. Creating one sends nothing: it starts when somebody starts it.

    ``segment_seen`` is the key of the last member of ``segment`` that was looked at; whoever comes in later has a higher one.
    """

    name = models.CharField(max_length=128, unique=True)
    description = models.TextField(blank=True)
    network = models.CharField(max_length=32, help_text="Where its steps act.")
    status = models.CharField(max_length=10, choices=CampaignStatus, default=CampaignStatus.DRAFT)
    status_reason = models.CharField(
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text="Why it has its status, if that needs saying.",
    )
    status_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    accounts = models.ManyToManyField(
        Account, related_name="campaigns", blank=True, help_text="People are spread evenly over these."
    )
    daily_limit = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Acts of each kind this campaign does a day on each account, besides the account's own limits.",
    )
    stop_on_reply = models.BooleanField(default=True)
    segment = models.ForeignKey(
        Segment,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="campaigns",
        help_text="Whoever comes into it is enrolled, as long as the campaign has not ended.",
    )
    segment_seen = models.BigIntegerField(default=0, db_default=0, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.name


class Step(models.Model):
    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField(help_text="1 is first.")
    kind = models.CharField(max_length=10, choices=StepKind)
    delay = models.FloatField(
        default=0, validators=[MinValueValidator(0)], help_text="Seconds to wait before this step."
    )

    class Meta:
        ordering = ("campaign_id", "position")
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "position"], name="step_is_unique_by_campaign_and_position"
            ),
            models.CheckConstraint(condition=Q(delay__gte=0), name="step_delay_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.get_kind_display()}"


class Variant(models.Model):
    """One wording of a step; people are given one by weight, and keep it."""

    step = models.ForeignKey(Step, models.CASCADE, related_name="variants")
    name = models.CharField(max_length=32, default="A")
    subject = models.CharField(max_length=255, blank=True)
    text = models.TextField(
        help_text="{first_name}, {display_name}, {handle}, {company} and {title} are filled in."
    )
    weight = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ("step_id", "id")
        constraints = [
            models.UniqueConstraint(fields=["step", "name"], name="variant_is_unique_by_step_and_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Enrolment(models.Model):
    """A person's way through a campaign, once."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="enrolments")
    person = models.ForeignKey(Person, models.CASCADE, related_name="enrolments")
    profile = models.ForeignKey(Profile, models.CASCADE, related_name="enrolments", db_index=False)
    account = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="enrolments")
    state = models.CharField(max_length=10, choices=EnrolmentState, default=EnrolmentState.QUEUED)
    position = models.PositiveSmallIntegerField(default=0, help_text="The last step done.")
    detail = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "person"], name="enrolment_is_unique_by_campaign_and_person"
            ),
        ]
        indexes = [
            # completion of a campaign; what is left to do
            models.Index(fields=["campaign"], condition=Q(state__in=OPEN_ENROLMENTS), name="enrolment_open"),
            models.Index(fields=["campaign", "state"], name="enrolment_campaign_state"),  # funnel
        ]

    def __str__(self) -> str:
        return f"person {self.person_id} in campaign {self.campaign_id}"
