"""How many follow whom, over time."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from leads.models.people import Profile


class ProfileFigures(models.Model):
    """A profile's figures on one day (UTC) on which they were not those of the day before; the day's last ones count."""

    profile = models.ForeignKey(Profile, models.CASCADE, related_name="figures", db_index=False)
    day = models.DateField()
    followers_count = models.PositiveIntegerField(null=True, blank=True)
    following_count = models.PositiveIntegerField(null=True, blank=True)
    posts_count = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("profile_id", "day")
        verbose_name_plural = "profile figures"
        constraints = [
            models.UniqueConstraint(fields=["profile", "day"], name="profile_has_figures_once_a_day"),
            models.CheckConstraint(
                condition=Q(followers_count__isnull=False)
                | Q(following_count__isnull=False)
                | Q(posts_count__isnull=False),
                name="profile_figures_say_something",
            ),
        ]
        indexes = [models.Index(fields=["day"], name="profile_figures_day")]  # retention: the oldest first

    def __str__(self) -> str:
        return f"{self.followers_count} followers on {self.day}"
