"""What people and we said to each other."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from accounts.models import Account
from automation.enums import Direction, Interest, MessageKind, NoticeKind
from automation.models.acting import Task
from automation.models.campaigns import Enrolment
from leads.models import Person, Profile


class Conversation(models.Model):
    """One thread between one of our accounts and one profile.

    Handing over keeps ``account`` (who found the person) and sets ``chat_account`` (who goes on talking).
    """

    account = models.ForeignKey(Account, models.PROTECT, related_name="conversations")
    profile = models.ForeignKey(Profile, models.CASCADE, related_name="conversations")
    person = models.ForeignKey(Person, models.CASCADE, related_name="conversations")
    chat_account = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="handed_over_conversations"
    )
    handed_over_at = models.DateTimeField(null=True, blank=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="conversations"
    )
    interest = models.CharField(max_length=16, choices=Interest, blank=True)
    labels: ArrayField[list[str], list[str]] = ArrayField(
        models.CharField(max_length=64), default=list, blank=True, help_text="Ours, and those of its mailbox."
    )
    # As its mailbox had them when it was last looked at: what differs now was changed here, or there, since then.
    labels_there: ArrayField[list[str], list[str]] = ArrayField(
        models.CharField(max_length=64), default=list, blank=True, editable=False
    )
    unread = models.PositiveIntegerField(default=0)
    last_message_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-last_message_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "profile"], name="conversation_is_unique_by_account_and_profile"
            ),
        ]
        indexes = [
            models.Index(fields=["-last_message_at", "-id"], name="conversation_recent"),  # the inbox
            GinIndex(fields=["labels"], name="conversation_labels"),  # the inbox by label
        ]

    def __str__(self) -> str:
        return f"conversation {self.pk}"


class Message(models.Model):
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    direction = models.CharField(max_length=3, choices=Direction)
    kind = models.CharField(max_length=8, choices=MessageKind, default=MessageKind.DM)
    remote_id = models.CharField(max_length=255, blank=True)
    subject = models.CharField(max_length=300, blank=True, default="", db_default="")
    text = models.TextField(blank=True)
    notice = models.CharField(
        max_length=10, choices=NoticeKind, blank=True, default="", db_default="",
        help_text="What a mail system reports of a mail of ours.",
    )  # fmt: skip
    automatic = models.BooleanField(default=False, help_text="Written by a machine, e.g. out of office.")
    task = models.OneToOneField(Task, models.SET_NULL, null=True, blank=True, related_name="message")
    enrolment = models.ForeignKey(Enrolment, models.SET_NULL, null=True, blank=True, related_name="messages")
    sent_at = models.DateTimeField()

    class Meta:
        ordering = ("sent_at", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "remote_id"],
                condition=~models.Q(remote_id=""),
                name="message_is_unique_by_conversation_and_remote_id",
            ),
        ]
        indexes = [
            # conversations.deliverability: what came back of a campaign's or an account's mail
            models.Index(fields=["sent_at"], condition=~models.Q(notice=""), name="message_notice"),
        ]

    def __str__(self) -> str:
        return self.text[:60]


class InboxCursor(models.Model):
    """How far an account's inbox has been read."""

    account = models.OneToOneField(Account, models.CASCADE, primary_key=True, related_name="inbox_cursor")
    cursor = models.TextField(blank=True, help_text="The channel's own words for where it is.")
    polled_at = models.DateTimeField(null=True, blank=True)
    interval = models.FloatField(
        null=True, blank=True, help_text="Seconds between two readings. Empty: the installation's default."
    )

    judged_from = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="What came back before no longer counts against the account.",
    )

    def __str__(self) -> str:
        return f"inbox cursor of account {self.account_id}"
