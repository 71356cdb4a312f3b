"""The browser as the installation sees it: slots, who waits for one, and what the accounts' sessions are."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Account
from automation.enums import BrowserUrgency
from outreach.lib.fields import EncryptedJSONField


class BrowserSlot(models.Model):
    """The right to use the browser, leased: the number of slots is how many acts are in a browser at once, everywhere.

    Number 1 is kept for critical work. A slot whose ``leased_until`` has passed is free, whoever had it.
    """

    number = models.PositiveSmallIntegerField(primary_key=True)
    account = models.ForeignKey(Account, models.SET_NULL, null=True, blank=True, related_name="+")
    urgency = models.SmallIntegerField(choices=BrowserUrgency, null=True, blank=True)
    token = models.UUIDField(null=True, blank=True, editable=False)
    worker = models.CharField(max_length=255, blank=True, help_text="Host, process and when that began.")
    taken_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    waited = models.FloatField(
        default=0.0, help_text="Seconds its last holder had waited for it, in line and awake."
    )
    turns = models.PositiveBigIntegerField(default=0, help_text="How often it was taken.")

    class Meta:
        ordering = ("number",)

    def __str__(self) -> str:
        return f"browser slot {self.number}"


class BrowserWait(models.Model):
    """Somebody in line for a slot. ``key`` is ``account:12`` or that of a single job; it stays until a slot is had.

    Who was woken and does not come within seconds loses its place.
    """

    key = models.CharField(max_length=64)
    account = models.ForeignKey(Account, models.CASCADE, null=True, blank=True, related_name="+")
    urgency = models.SmallIntegerField(choices=BrowserUrgency)
    since = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now(), help_text="When it last asked.")
    woken_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("urgency", "since", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["key", "urgency"], name="browser_wait_is_unique_by_key_and_urgency"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} waits for a browser"


class BrowserSession(models.Model):
    """An account's signed-in state between acts: cookies and local storage, encrypted. No list ever reads it.

    ``version`` grows with every write, so that an act which began before somebody signed in anew overwrites nothing.
    """

    account = models.OneToOneField(Account, models.CASCADE, primary_key=True, related_name="browser_session")
    state = EncryptedJSONField(help_text="Playwright's storage state.")
    version = models.PositiveBigIntegerField(default=1)
    acts = models.PositiveBigIntegerField(default=0, help_text="Acts it has served.")
    saved_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(
        help_text="Not used any more from then on; every act that keeps it alive moves it."
    )

    class Meta:
        ordering = ("account_id",)
        indexes = [models.Index(fields=["expires_at"], name="browser_session_expires")]  # retention
        constraints = [
            models.CheckConstraint(condition=Q(version__gte=1), name="browser_session_version_begins_at_one")
        ]

    def __str__(self) -> str:
        return f"browser session of account {self.account_id}"
