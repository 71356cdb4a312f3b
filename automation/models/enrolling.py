"""Segments and lists on their way into campaigns."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from automation.enums import GroupEnrolmentState
from automation.models.campaigns import Campaign
from leads.models import PersonList, Segment


class GroupEnrolment(models.Model):
    """Everybody of one segment or list put on a campaign's list, some at a time, lowest person id first.

    Its figures add up: ``looked_at`` is ``added`` + ``already`` + ``suppressed`` + ``unsuitable``.
    """

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="group_enrolments")
    segment = models.ForeignKey(
        Segment, models.CASCADE, null=True, blank=True, related_name="group_enrolments"
    )
    list = models.ForeignKey(
        PersonList, models.CASCADE, null=True, blank=True, related_name="group_enrolments"
    )
    state = models.CharField(max_length=9, choices=GroupEnrolmentState, default=GroupEnrolmentState.RUNNING)
    after = models.BigIntegerField(default=0, editable=False, help_text="The last person looked at.")
    people = models.PositiveIntegerField(default=0, help_text="In the group when it was asked for.")
    looked_at = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    already = models.PositiveIntegerField(default=0)
    suppressed = models.PositiveIntegerField(default=0)
    unsuitable = models.PositiveIntegerField(
        default=0, help_text="Without an address on the campaign's network, or one of our own accounts."
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.CheckConstraint(
                condition=Q(segment__isnull=True) ^ Q(list__isnull=True),
                name="group_enrolment_is_of_a_segment_or_a_list",
            ),
            models.UniqueConstraint(
                fields=["campaign", "segment"], condition=Q(state=GroupEnrolmentState.RUNNING),
                name="segment_is_enrolled_once_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["campaign", "list"], condition=Q(state=GroupEnrolmentState.RUNNING),
                name="list_is_enrolled_once_at_a_time",
            ),
        ]  # fmt: skip
        indexes = [
            # what to go on with every minute; whether a campaign still has people coming
            models.Index(
                fields=["campaign"],
                condition=Q(state=GroupEnrolmentState.RUNNING),
                name="group_enrolment_running",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group} into {self.campaign}"

    @property
    def group(self) -> Segment | PersonList | None:
        """The segment or the list."""
        return self.segment or self.list

    @property
    def progress(self) -> float:
        """How many of its people were looked at, 0 to 1."""
        if self.state != GroupEnrolmentState.RUNNING:
            return 1.0
        return min(1.0, self.looked_at / self.people) if self.people else 0.0
