"""Where new profiles come from, and how leads are judged."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import Account
from automation.enums import Judge, SourceKind, Verdict
from leads.models import Person


class Source(models.Model):
    """Something that yields profiles: a search, a profile's followers, its commenters, or handles by hand."""

    kind = models.CharField(max_length=10, choices=SourceKind)
    network = models.CharField(max_length=32)
    query = models.CharField(
        max_length=255,
        help_text="Search words or hashtag; or the handle whose followers or commenters are read.",
    )
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="sources", help_text="The account that does the reading."
    )
    active = models.BooleanField(default=True)
    cursor = models.CharField(max_length=255, blank=True, editable=False)
    exhausted = models.BooleanField(default=False, editable=False)
    pages = models.PositiveIntegerField(default=0, editable=False)
    found = models.PositiveIntegerField(default=0, editable=False, help_text="Profiles new to us.")
    duplicates = models.PositiveIntegerField(
        default=0, editable=False, help_text="Known already, dropped before any fetch."
    )
    qualified = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Of those found, who turned out to fit."
    )
    max_pages = models.PositiveIntegerField(default=10)
    last_run_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "query"], name="source_is_unique_by_account_kind_query"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.query}"


class QualificationRule(models.Model):
    """What makes a lead fit; every active rule of a network is read in order and the first that decides wins."""

    name = models.CharField(max_length=64, unique=True)
    network = models.CharField(max_length=32, blank=True, help_text="Empty: every network.")
    position = models.PositiveSmallIntegerField(default=10)
    active = models.BooleanField(default=True)
    verdict = models.CharField(max_length=12, choices=Verdict, default=Verdict.QUALIFIED)
    keywords: ArrayField[list[str], list[str]] = ArrayField(
        models.CharField(max_length=64),
        default=list,
        blank=True,
        help_text="Any of these in name, bio or posts.",
    )
    languages: ArrayField[list[str], list[str]] = ArrayField(
        models.CharField(max_length=8), default=list, blank=True
    )
    min_followers = models.PositiveIntegerField(null=True, blank=True)
    max_followers = models.PositiveIntegerField(null=True, blank=True)
    min_posts = models.PositiveIntegerField(null=True, blank=True)
    score = models.PositiveSmallIntegerField(default=70, validators=[MaxValueValidator(100)])
    group = models.ForeignKey(
        "automation.TargetGroup", models.SET_NULL, null=True, blank=True, related_name="rules",
        help_text="Whom it qualifies counts against this group's quota.",
    )  # fmt: skip

    class Meta:
        ordering = ("position", "id")

    def __str__(self) -> str:
        return self.name


class Decision(models.Model):
    """A judgement on a lead, with its reason and the words it rests on. A person's is also the label models are held to.

    ``suspicious``: the profile's words give orders, so the judgement waits for a person. ``held``: qualified, but the group's
    quota of the day was used up; it takes effect when there is room.
    """

    person = models.ForeignKey(Person, models.CASCADE, related_name="decisions")
    verdict = models.CharField(max_length=12, choices=Verdict)
    judge = models.CharField(max_length=6, choices=Judge, default=Judge.RULES, db_default=Judge.RULES)
    rule = models.ForeignKey(QualificationRule, models.SET_NULL, null=True, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    group = models.ForeignKey("automation.TargetGroup", models.SET_NULL, null=True, blank=True)
    reason = models.CharField(max_length=500)
    evidence = models.CharField(max_length=500, blank=True, help_text="Quoted from the profile.")
    score = models.PositiveSmallIntegerField(null=True, blank=True)
    suspicious = models.BooleanField(default=False, db_default=False)
    held = models.BooleanField(default=False, db_default=False)
    model = models.CharField(max_length=128, blank=True, default="", db_default="")
    version = models.CharField(
        max_length=16, blank=True, default="", db_default="", help_text="Of the prompt."
    )
    tokens = models.PositiveIntegerField(default=0, db_default=0, help_text="Its share of the call's.")
    words = models.CharField(
        max_length=16, blank=True, default="", db_default="", editable=False,
        help_text="A short hash of what the model read: the same words are not judged again.",
    )  # fmt: skip
    call = models.ForeignKey(
        "automation.LlmCall", models.SET_NULL, null=True, blank=True, related_name="decisions"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        indexes = [
            # qualification.quotas: what waits for room, the oldest first
            models.Index(fields=["group", "id"], condition=Q(held=True), name="decision_held"),
            # qualification.agreement: the labels
            models.Index(fields=["person", "-id"], condition=Q(judge=Judge.PERSON), name="decision_label"),
            # qualification.agreement: what models said, by prompt and model
            models.Index(
                fields=["version", "model"], condition=Q(judge=Judge.MODEL), name="decision_of_model"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}"
