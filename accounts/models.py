"""Whom we act as: accounts, their secrets, their limits and the counters that enforce them."""

from __future__ import annotations

import zoneinfo
from datetime import date, datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from accounts.enums import WORKING_STATUSES, AccountStatus, ActionKind, Health, Role, WindowUnit
from outreach.lib import networks
from outreach.lib.fields import EncryptedJSONField


def validate_time_zone(name: str) -> None:
    """Refuse what is not an IANA name, e.g. ``Europe/Berlin``."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f'"{name}" is not a time zone. Use an IANA name such as Europe/Berlin or UTC.')


def validate_network(name: str) -> None:
    """Refuse a network that no installed channel serves."""
    if name not in networks.names():
        raise ValidationError(f'"{name}" is not a network. Known: {", ".join(networks.names())}.')


class AccountQuerySet(models.QuerySet["Account"]):
    def working(self) -> AccountQuerySet:
        """Accounts that may act now."""
        return self.filter(status__in=WORKING_STATUSES)


class Account(models.Model):
    """One of our own accounts on a network, a mailbox included."""

    network = models.CharField(max_length=32, validators=[validate_network])
    handle = models.CharField(max_length=255, help_text="As the network writes it, without @ in front.")
    display_name = models.CharField(max_length=255, blank=True)
    server = models.CharField(
        max_length=255,
        blank=True,
        help_text="Address of its server where the network has many, e.g. https://mastodon.social",
    )
    # Where a handle counts only together with its server; empty where it is unique by itself (services.checks.home_of).
    home = models.CharField(max_length=255, blank=True, default="", db_default="", editable=False)
    remote_id = models.CharField(max_length=255, blank=True, editable=False)
    longest_post = models.PositiveIntegerField(
        null=True, blank=True, editable=False,
        help_text="What its server takes as one post, where that is not the same on the whole network.",
    )  # fmt: skip
    # The whole address, with user name and password, is in the credential; services.set_proxy writes both.
    proxy_address = models.CharField(
        "proxy",
        max_length=300,
        blank=True,
        editable=False,
        help_text="The proxy it goes out through; empty: none.",
    )
    role = models.CharField(max_length=16, choices=Role, default=Role.OUTREACH)
    niche = models.CharField(max_length=64, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="accounts"
    )
    status = models.CharField(max_length=16, choices=AccountStatus, default=AccountStatus.PENDING)
    status_reason = models.CharField(max_length=500, blank=True)
    status_changed_at = models.DateTimeField(auto_now_add=True)
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)

    health = models.CharField(
        max_length=12, choices=Health, default=Health.HEALTHY, db_default=Health.HEALTHY, editable=False
    )
    health_reason = models.CharField(
        max_length=300, blank=True, default="", db_default="", editable=False,
        help_text="What its last tasks say.",
    )  # fmt: skip
    health_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # After a rest only what comes later counts, or what put it there would put it there again.
    health_counts_from = models.DateTimeField(null=True, blank=True, editable=False)

    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    # An edited zone waits here until the old zone's next midnight, so that no local day gets two allowances.
    next_time_zone = models.CharField(max_length=64, blank=True, validators=[validate_time_zone])
    next_time_zone_at = models.DateTimeField(null=True, blank=True)

    sending_gap = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0)],
        help_text="Seconds between two acts upon people, and up to a third more by chance. Empty: the installation's default.",
    )  # fmt: skip
    window_opens = models.TimeField(
        null=True, blank=True, help_text="Acts upon people start at this local time."
    )
    window_closes = models.TimeField(
        null=True, blank=True, help_text="Acts upon people stop at this local time."
    )

    chat_accounts = models.ManyToManyField(
        "self", symmetrical=False, blank=True, related_name="source_accounts"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                "network", Lower("handle"), "home", name="account_is_unique_by_network_handle_and_home"
            ),
            models.CheckConstraint(
                condition=Q(window_opens__isnull=True, window_closes__isnull=True)
                | Q(window_opens__isnull=False, window_closes__isnull=False),
                name="account_window_has_both_ends_or_none",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "network"], name="account_status_network")
        ]  # doctor, dashboard

    def __str__(self) -> str:
        return f"{self.handle} ({self.network})"

    def zone_at(self, at: datetime) -> zoneinfo.ZoneInfo:
        """The time zone that counts at the instant ``at``."""
        changed = self.next_time_zone and self.next_time_zone_at and at >= self.next_time_zone_at
        return zoneinfo.ZoneInfo(self.next_time_zone if changed else self.time_zone)


class Credential(models.Model):
    """An account's secret, encrypted; kept off the account's row so that no list ever reads it."""

    account = models.OneToOneField(Account, models.CASCADE, primary_key=True, related_name="credential")
    secret = EncryptedJSONField(help_text="What the channel needs to sign in, e.g. {'token': '...'}.")
    proxy = EncryptedJSONField(null=True, help_text="Address of the account's proxy, password included.")
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"credential of account {self.account_id}"


class Limit(models.Model):
    """At most ``limit`` acts of a kind per window: for one account, or for each account of a network.

    The last ``reserve`` of them are kept for urgent acts: answers, posts that are due, what staff sends by hand.
    """

    network = models.CharField(max_length=32, blank=True, validators=[validate_network])
    account = models.ForeignKey(Account, models.CASCADE, null=True, blank=True, related_name="limits")
    kind = models.CharField(max_length=20, choices=ActionKind)
    window = models.CharField(max_length=4, choices=WindowUnit, default=WindowUnit.DAY)
    limit = models.PositiveIntegerField()
    reserve = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        ordering = ("network", "account_id", "kind", "window")
        constraints = [
            models.UniqueConstraint(
                fields=["network", "account", "kind", "window"],
                nulls_distinct=False,
                name="limit_is_unique_by_scope",
            ),
            models.CheckConstraint(
                condition=Q(account__isnull=True) ^ Q(network=""), name="limit_is_for_an_account_or_a_network"
            ),
            models.CheckConstraint(
                condition=Q(reserve__lte=F("limit")), name="limit_reserve_is_not_above_the_limit"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.limit} {self.kind}/{self.window} for {self.network or f'account {self.account_id}'}"


class WarmUp(models.Model):
    """A young account's ramp: ``start`` acts a day, ``step`` more each day, up to ``ceiling``. Pausing keeps it."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="warm_ups")
    kind = models.CharField(max_length=20, choices=ActionKind)
    start = models.PositiveIntegerField(default=5)
    step = models.PositiveIntegerField(default=2)
    ceiling = models.PositiveIntegerField(default=50)
    started_on = models.DateField(help_text="The account's local day the ramp began.")
    paused_on = models.DateField(
        null=True, blank=True, help_text="Local day it was paused; the ramp stands still."
    )
    paused_days = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = "warm-up"
        constraints = [
            models.UniqueConstraint(fields=["account", "kind"], name="warm_up_is_unique_by_account_and_kind"),
            models.CheckConstraint(
                condition=Q(ceiling__gte=F("start")), name="warm_up_ceiling_is_not_below_its_start"
            ),
        ]

    def __str__(self) -> str:
        return f"warm-up of {self.kind} for account {self.account_id}"

    def limit_on(self, day: date) -> int:
        """What the ramp allows on the account's local ``day``; days it was paused do not count."""
        last = min(day, self.paused_on) if self.paused_on else day
        risen = max(0, (last - self.started_on).days - self.paused_days)
        return min(self.ceiling, self.start + self.step * risen)


class Allowance(models.Model):
    """How much of one limit is used in one window. ``used`` moves only by conditional UPDATE (accounts.limits).

    ``owner`` says whose counter it is: ``account:12`` or ``campaign:3``. ``window_key`` is the account's local day
    (``2026-11-22``) or the instant its local hour began (``2026-11-22T05:30Z``), so nothing is ever reset.
    """

    owner = models.CharField(max_length=64)
    kind = models.CharField(max_length=20, choices=ActionKind)
    window = models.CharField(max_length=4, choices=WindowUnit)
    window_key = models.CharField(max_length=20)
    closes_at = models.DateTimeField(help_text="When the window ends; retention deletes by it.")
    limit = models.PositiveIntegerField(help_text="The limit when a unit was last reserved.")
    used = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "kind", "window", "window_key"],
                name="allowance_is_unique_by_owner_kind_window",
            ),
        ]
        indexes = [models.Index(fields=["closes_at"], name="allowance_closes_at")]  # retention

    def __str__(self) -> str:
        return f"{self.owner} {self.kind} {self.window_key}: {self.used}/{self.limit}"


class ApiKey(models.Model):
    """A program's way in, as its owner and at most with its scopes. The key itself is shown once and never kept."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=64, help_text="What it is used by.")
    prefix = models.CharField(
        max_length=16, editable=False, help_text="How the key begins, to tell it from others."
    )
    hash = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the key.")
    scopes: ArrayField[list[str], list[str]] = ArrayField(
        models.CharField(max_length=32), help_text="resource:action, e.g. people:read"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="To the minute.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}...)"


class IdempotencyKey(models.Model):
    """What a request that creates was answered, so that the same request asked again is answered the same."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, address and body.")
    status = models.PositiveSmallIntegerField(
        null=True, help_text="Empty only inside the transaction that answers."
    )
    response: models.JSONField[dict[str, object], dict[str, object]] = models.JSONField(default=dict)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "key"], name="idempotency_key_is_unique_by_owner")
        ]
        indexes = [models.Index(fields=["expires_at"], name="idempotency_expires_at")]  # retention

    def __str__(self) -> str:
        return self.key
