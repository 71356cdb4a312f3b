"""What we publish, where, and how it fares."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Account
from automation.enums import PostStatus, PublicationState, Visibility
from automation.models.acting import Task


class Post(models.Model):
    """What is said; a publication says it on one account."""

    text = models.TextField()
    link = models.URLField(max_length=500, blank=True)
    topic = models.CharField(max_length=64, blank=True)
    content_warning = models.CharField(
        max_length=200, blank=True, help_text="Shown before the post, which readers then choose to open."
    )
    visibility = models.CharField(
        max_length=16, blank=True, choices=Visibility, help_text="Empty: each account's own default."
    )
    status = models.CharField(max_length=16, choices=PostStatus, default=PostStatus.DRAFT)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="posts"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="approved_posts"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.text[:60]


class PostImage(models.Model):
    """A picture of a post, re-encoded by us; kept in the database, so that every machine that publishes has it."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="images")
    position = models.PositiveSmallIntegerField(help_text="Pictures are shown in this order.")
    alt = models.CharField(
        max_length=1000, blank=True,
        help_text="What it shows, for people who cannot see it. Without it the post is not published.",
    )  # fmt: skip
    content = models.BinaryField(editable=False)
    mime = models.CharField(max_length=32, editable=False)
    width = models.PositiveIntegerField(editable=False)
    height = models.PositiveIntegerField(editable=False)
    size = models.PositiveIntegerField(editable=False, help_text="Bytes.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("post_id", "position")
        constraints = [
            models.UniqueConstraint(fields=["post", "position"], name="post_image_is_unique_by_position"),
        ]

    def __str__(self) -> str:
        return self.alt[:60] or f"picture {self.position} of post {self.post_id}"


class Publication(models.Model):
    """A post on an account. The last known figures are kept here, their history in Measurement."""

    post = models.ForeignKey(Post, models.PROTECT, related_name="publications")
    account = models.ForeignKey(Account, models.PROTECT, related_name="publications")
    state = models.CharField(max_length=16, choices=PublicationState, default=PublicationState.DRAFT)
    scheduled_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    remote_id = models.CharField(max_length=255, blank=True)
    url = models.CharField(max_length=500, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    task = models.OneToOneField(Task, models.SET_NULL, null=True, blank=True, related_name="publication")
    likes = models.PositiveIntegerField(null=True, blank=True)
    reposts = models.PositiveIntegerField(null=True, blank=True)
    replies = models.PositiveIntegerField(null=True, blank=True)
    views = models.PositiveIntegerField(null=True, blank=True)
    metrics_at = models.DateTimeField(null=True, blank=True)
    metrics_due_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["post", "account"], name="publication_is_unique_by_post_and_account"
            )
        ]
        indexes = [
            models.Index(
                fields=["metrics_due_at"],
                condition=Q(metrics_due_at__isnull=False),
                name="publication_metrics_due",
            ),
            models.Index(fields=["state", "-id"], name="publication_state"),
        ]

    def __str__(self) -> str:
        return f"post {self.post_id} on account {self.account_id}"


class Measurement(models.Model):
    """A publication's figures at one moment."""

    publication = models.ForeignKey(Publication, models.CASCADE, related_name="measurements", db_index=False)
    at = models.DateTimeField()
    likes = models.PositiveIntegerField(default=0)
    reposts = models.PositiveIntegerField(default=0)
    replies = models.PositiveIntegerField(default=0)
    views = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("publication_id", "at")
        constraints = [
            models.UniqueConstraint(fields=["publication", "at"], name="measurement_is_unique_by_moment")
        ]

    def __str__(self) -> str:
        return f"{self.likes} likes, {self.reposts} reposts, {self.replies} replies"
