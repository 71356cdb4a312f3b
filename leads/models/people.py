"""People, their profiles, what we noted, and who said no."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from accounts.models import Account
from leads.enums import Lifecycle, MailVerdict, Stage, SuppressionReason


class Tag(models.Model):
    name = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class PersonQuerySet(models.QuerySet["Person"]):
    def consenting(self) -> PersonQuerySet:
        """People who have not said no."""
        return self.filter(suppressed_at__isnull=True)

    def leads(self) -> PersonQuerySet:
        return self.filter(lifecycle=Lifecycle.LEAD)

    def contacts(self) -> PersonQuerySet:
        return self.filter(lifecycle=Lifecycle.CONTACT)


class Person(models.Model):
    """A human being we may reach, on any number of networks.

    ``suppressed_at`` is the answer every send checks, under a lock on this row; :mod:`leads.consent` is the
    only place that writes it.
    """

    display_name = models.CharField(max_length=255, blank=True)
    first_name = models.CharField(max_length=128, blank=True)
    last_name = models.CharField(max_length=128, blank=True)
    company = models.CharField(max_length=255, blank=True)
    title = models.CharField(max_length=255, blank=True)
    website = models.URLField(max_length=500, blank=True)
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166 code")
    language = models.CharField(max_length=8, blank=True)

    lifecycle = models.CharField(max_length=10, choices=Lifecycle, default=Lifecycle.LEAD)
    stage = models.CharField(max_length=16, choices=Stage, default=Stage.NEW)
    score = models.SmallIntegerField(null=True, blank=True, help_text="0-100, from qualification")
    stage_reason = models.CharField(max_length=500, blank=True)

    suppressed_at = models.DateTimeField(null=True, blank=True, editable=False)
    found_by = models.ForeignKey(Account, models.SET_NULL, null=True, blank=True, related_name="found_people")
    talks_with = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="talking_people"
    )
    tags = models.ManyToManyField(Tag, blank=True, related_name="people")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "people"
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["lifecycle", "-id"], name="person_lifecycle"),  # Lead and Contact lists
            models.Index(fields=["stage", "-id"], name="person_stage"),  # list filter, campaign audiences
            models.Index(fields=["-id"], condition=Q(suppressed_at__isnull=False), name="person_suppressed"),
            models.Index(F("score").desc(nulls_last=True), F("id").desc(), name="person_best"),  # best first
            # list filter
            models.Index(fields=["language", "-id"], condition=~Q(language=""), name="person_language"),
            # Admin and API search; icontains compares upper-case, so the index holds it too.
            GinIndex(OpClass(Upper("display_name"), name="gin_trgm_ops"), name="person_name_trigram"),
            GinIndex(OpClass(Upper("company"), name="gin_trgm_ops"), name="person_company_trigram"),
        ]

    def __str__(self) -> str:
        return self.display_name or f"{self.first_name} {self.last_name}".strip() or f"Person {self.pk}"


class Lead(Person):
    class Meta:
        proxy = True


class Contact(Person):
    class Meta:
        proxy = True


class Profile(models.Model):
    """One identity of a person on one network; an e-mail address is a profile on ``email``.

    ``handle`` is stored normalised (:func:`leads.addresses.normalise`), so that one address is one row.
    ``fetched_at`` is empty until the profile has been read from its network.
    """

    person = models.ForeignKey(Person, models.CASCADE, related_name="profiles")
    network = models.CharField(max_length=32)
    handle = models.CharField(max_length=255)
    remote_id = models.CharField(max_length=255, blank=True)
    url = models.URLField(max_length=500, blank=True)
    display_name = models.CharField(max_length=255, blank=True)
    bio = models.TextField(blank=True)
    language = models.CharField(max_length=8, blank=True)
    location = models.CharField(
        max_length=255, blank=True, default="", db_default="", help_text="In their own words."
    )
    website = models.CharField(max_length=500, blank=True, default="", db_default="")
    avatar_url = models.CharField(
        max_length=1000,
        blank=True,
        default="",
        db_default="",
        help_text="Where the network has their picture.",
    )
    followers_count = models.PositiveIntegerField(null=True, blank=True)
    following_count = models.PositiveIntegerField(null=True, blank=True)
    posts_count = models.PositiveIntegerField(null=True, blank=True)
    recent_posts: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(
        default=list, blank=True
    )
    found_by = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="found_profiles"
    )
    found_via = models.CharField(max_length=255, blank=True, help_text="e.g. search: coffee")
    bounced_at = models.DateTimeField(
        null=True, blank=True, help_text="When mail to it came back for good: the address is bad."
    )
    bounce = models.CharField(
        max_length=255, blank=True, default="", db_default="", help_text="Why mail came back last."
    )
    mail_verdict = models.CharField(
        max_length=5, choices=MailVerdict, blank=True, default="", db_default="",
        help_text="Of an e-mail address; a bad one is never chosen for sending. Empty: not checked yet.",
    )  # fmt: skip
    mail_note = models.CharField(max_length=200, blank=True, default="", db_default="")
    fetched_at = models.DateTimeField(null=True, blank=True)
    refresh_at = models.DateTimeField(
        null=True, blank=True, help_text="When the profile should be read again."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["network", "handle"], name="profile_is_unique_by_network_and_handle"
            ),
        ]
        indexes = [
            models.Index(
                fields=["refresh_at"], condition=Q(refresh_at__isnull=False), name="profile_refresh"
            ),
            GinIndex(OpClass(Upper("handle"), name="gin_trgm_ops"), name="profile_handle_trigram"),
        ]

    def __str__(self) -> str:
        return f"{self.handle} ({self.network})"


class Note(models.Model):
    person = models.ForeignKey(Person, models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.text[:60]


class Suppression(models.Model):
    """A no, for one address on one network, kept for good; it outlives the person's row.

    ``address_hash`` is the keyed hash of the normalised address; ``address`` is emptied on erasure.
    """

    network = models.CharField(max_length=32)
    address = models.CharField(max_length=255, blank=True)
    address_hash = models.CharField(max_length=64)
    person = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="suppressions")
    reason = models.CharField(max_length=16, choices=SuppressionReason, default=SuppressionReason.MANUAL)
    detail = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["network", "address_hash"], name="suppression_is_unique_by_address"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address or 'erased address'} ({self.network})"
