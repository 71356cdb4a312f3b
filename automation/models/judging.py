"""What judging leads by the model needs beside the decisions: whom we look for, who waits, how prompts compare."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from automation.enums import ModelSize, Verdict
from automation.models.asking import LlmCall
from leads.models import Person


class TargetGroup(models.Model):
    """People we look for, in words the model reads, and how many of them a day may become qualified."""

    name = models.CharField(max_length=64, unique=True)
    description = models.TextField(
        max_length=600, help_text="Who belongs to it and who does not, in two or three sentences."
    )
    active = models.BooleanField(default=True)
    daily_quota = models.PositiveIntegerField(
        null=True, blank=True, help_text="At most this many become qualified on a UTC day. Empty: any number."
    )
    taken_on = models.DateField(null=True, blank=True, editable=False)
    taken = models.PositiveIntegerField(default=0, editable=False, help_text="Of that day's quota.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class OpenLead(models.Model):
    """A lead the rules left open, waiting for the model; the row goes when it is judged.

    Whoever judges it holds it until ``held_until``; after that the next one may.
    """

    person = models.OneToOneField(Person, models.CASCADE, primary_key=True, related_name="open_lead")
    suspicious = models.BooleanField(
        default=False, help_text="Its words give orders: it is asked about alone."
    )
    tries = models.PositiveSmallIntegerField(default=0, help_text="Answers about it that could not be used.")
    held_until = models.DateTimeField(null=True, blank=True)
    since = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [
            # qualification.waiting: those who wait longest
            models.Index(fields=["suspicious", "since"], name="open_lead_since"),
        ]

    def __str__(self) -> str:
        return f"open lead {self.person_id}"


class PromptTrial(models.Model):
    """What one version of the prompt says about a lead a person has labelled; it changes nothing about the lead."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="prompt_trials")
    version = models.CharField(max_length=16)
    model = models.CharField(max_length=128)
    size = models.CharField(max_length=5, choices=ModelSize, default=ModelSize.SMALL)
    verdict = models.CharField(max_length=12, choices=Verdict)
    reason = models.CharField(max_length=500, blank=True)
    evidence = models.CharField(max_length=500, blank=True)
    tokens = models.PositiveIntegerField(default=0, help_text="Its share of the call's.")
    call = models.ForeignKey(LlmCall, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["person", "version", "model"], name="prompt_trial_is_unique_by_lead_version_model"
            ),
        ]
        indexes = [
            models.Index(fields=["version", "model"], name="prompt_trial_version"),  # the comparison's page
        ]

    def __str__(self) -> str:
        return f"prompt {self.version} with {self.model} on {self.person_id}"
