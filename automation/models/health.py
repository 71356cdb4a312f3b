"""How the services outside fare that no lane belongs to: model endpoints, webhooks, proxies."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Breaker(models.Model):
    """The breaker of one outside service, shared by all workers. A lane's own stands on the lane.

    Closed while ``opened_at`` is empty. Open, nobody calls before ``probe_at``; then one caller does, which moves
    ``probe_at`` ahead for the others, and its success closes it.
    """

    key = models.CharField(max_length=64, unique=True, help_text="The service, e.g. llm or webhook.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    opened_at = models.DateTimeField(null=True, blank=True)
    probe_at = models.DateTimeField(null=True, blank=True)
    detail = models.CharField(max_length=500, blank=True, help_text="What the last failure said.")

    class Meta:
        ordering = ("key",)
        constraints = [
            models.CheckConstraint(
                condition=Q(opened_at__isnull=True) ^ Q(probe_at__isnull=False),
                name="breaker_is_probed_only_while_open",
            ),
        ]

    def __str__(self) -> str:
        return self.key
