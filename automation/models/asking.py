"""Asking the language model: how it is reached, what it may cost, and the ledger of every call."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from automation.enums import BudgetWindow, CallState, FailureKind, ModelSize
from outreach.lib.fields import EncryptedJSONField

MICRO = 1_000_000  # amounts of money are whole millionths of the currency, so that sums are exact


class AnswerForm(models.TextChoices):
    """How the endpoint is told which form an answer must have."""

    SCHEMA = "json_schema", "JSON schema (strict)"
    OBJECT = "json_object", "Any JSON object"
    WORDS = "words", "In words only"


class LengthName(models.TextChoices):
    """What the endpoint calls the longest answer it may give."""

    TOKENS = "max_tokens", "max_tokens"
    COMPLETION = "max_completion_tokens", "max_completion_tokens"


class LlmSettings(models.Model):
    """The one row of what staff may tune about the language model; read anew by every call.

    The key goes to ``url`` and nowhere else: another address needs its key again. Without a ``url`` the endpoint and
    key of the environment are used (LLM_URL, LLM_API_KEY).
    """

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    url = models.CharField(
        "endpoint", max_length=500, blank=True,
        help_text="Any OpenAI-compatible address, e.g. https://api.openai.com/v1. Empty: the environment's.",
    )  # fmt: skip
    key = EncryptedJSONField(null=True, blank=True, editable=False)
    good_model = models.CharField(max_length=128, blank=True, help_text="For what people read.")
    small_model = models.CharField(max_length=128, blank=True, help_text="For bulk work, e.g. judging leads.")
    answer_form = models.CharField(
        max_length=12, choices=AnswerForm, default=AnswerForm.SCHEMA,
        help_text="The strictest form the endpoint knows. Every answer is checked again here.",
    )  # fmt: skip
    length_name = models.CharField(max_length=24, choices=LengthName, default=LengthName.TOKENS)
    budget = models.DecimalField(
        max_digits=12, decimal_places=2, default=Decimal("20.00"), validators=[MinValueValidator(Decimal(0))],
        help_text="In the currency of the prices. Calls never spend more; without budget, rules and templates go on.",
    )  # fmt: skip
    budget_window = models.CharField(
        max_length=5, choices=BudgetWindow, default=BudgetWindow.MONTH, help_text="In UTC."
    )
    calls_at_once = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(50)], help_text="Over all machines."
    )
    answer_seconds = models.PositiveSmallIntegerField(
        default=60, validators=[MinValueValidator(1), MaxValueValidator(120)],
        help_text="An answer that takes longer counts as lost and as paid.",
    )  # fmt: skip
    cache_days = models.PositiveSmallIntegerField(
        default=30, validators=[MaxValueValidator(365)],
        help_text="How long prompts and answers are kept: what was answered is not paid for again. 0: not used again.",
    )  # fmt: skip
    judge_leads = models.BooleanField(
        default=True, help_text="Have the small model judge what the rules leave open."
    )
    judge_batch = models.PositiveSmallIntegerField(
        default=20, validators=[MinValueValidator(1), MaxValueValidator(50)], help_text="Leads in one prompt."
    )
    judge_version = models.CharField(
        max_length=16,
        default="1",
        help_text="Which prompt judges leads; compare versions under Prompt trials.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "language model"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="llm_settings_are_one_row")]

    def __str__(self) -> str:
        return "Language model"


class LlmPrice(models.Model):
    """What a model's tokens cost. A model without a price is not called: nobody could keep its budget."""

    model = models.CharField(max_length=128, unique=True)
    input_price = models.DecimalField(
        max_digits=10, decimal_places=4, validators=[MinValueValidator(Decimal(0))],
        help_text="For a million tokens read.",
    )  # fmt: skip
    output_price = models.DecimalField(
        max_digits=10, decimal_places=4, validators=[MinValueValidator(Decimal(0))],
        help_text="For a million tokens written.",
    )  # fmt: skip

    class Meta:
        verbose_name = "model price"
        ordering = ("model",)

    def __str__(self) -> str:
        return self.model


class LlmBudget(models.Model):
    """What one window of the budget has spent or reserved, in millionths; moved only by conditional UPDATE.

    ``window_key`` is the UTC day or month (``2026-11-22``, ``2026-11``), so nothing is ever reset.
    """

    window_key = models.CharField(max_length=10, unique=True)
    used = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(used__gte=0), name="llm_budget_used_is_not_negative")
        ]

    def __str__(self) -> str:
        return self.window_key


class LlmCallQuerySet(models.QuerySet["LlmCall"]):
    def under_way(self) -> LlmCallQuerySet:
        """Calls that wait for their answer; those past their deadline have been left by a worker that died."""
        return self.filter(state=CallState.UNDER_WAY, deadline__gt=Now())

    def left_behind(self) -> LlmCallQuerySet:
        return self.filter(state=CallState.UNDER_WAY, deadline__lte=Now())


class LlmCall(models.Model):
    """One call of the model: what it was for, what it cost, how it ended. Its texts are kept apart and shorter.

    ``cost`` is what counts against the budget, in millionths: the reservation while under way, and for good where the
    answer was lost.
    """

    purpose = models.CharField(max_length=32)
    version = models.CharField(max_length=16, help_text="Of the prompt.")
    model = models.CharField(max_length=128)
    size = models.CharField(max_length=5, choices=ModelSize)
    content = models.CharField(max_length=64, editable=False, help_text="SHA-256 of what was asked.")
    state = models.CharField(max_length=10, choices=CallState, default=CallState.UNDER_WAY)
    failure = models.CharField(max_length=10, choices=FailureKind, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    reserved = models.BigIntegerField(help_text="The most it could cost, in millionths.")
    cost = models.BigIntegerField(help_text="In millionths.")
    window_key = models.CharField(max_length=10, editable=False)
    replay_of = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="replays", db_index=False
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    deadline = models.DateTimeField(help_text="After it, no answer can come any more.")
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = LlmCallQuerySet.as_manager()

    class Meta:
        verbose_name = "model call"
        ordering = ("-id",)
        permissions = [("replay_llmcall", "Can replay calls of the language model")]
        constraints = [
            # Nobody pays for what somebody else is asking at this moment; replays ask again on purpose.
            models.UniqueConstraint(
                fields=["content", "model"],
                condition=Q(state=CallState.UNDER_WAY, replay_of__isnull=True),
                name="llm_call_is_under_way_once",
            ),
            models.CheckConstraint(
                condition=~Q(state=CallState.FAILED) | ~Q(failure=""), name="failed_llm_call_says_why"
            ),
        ]
        indexes = [
            # asking.ledger: the answer that was paid for already
            models.Index(
                fields=["content", "-id"], condition=Q(state=CallState.ANSWERED), name="llm_call_answered"
            ),
            # asking.ledger: how many wait for an answer, and whom a dead worker left
            models.Index(
                fields=["deadline"], condition=Q(state=CallState.UNDER_WAY), name="llm_call_under_way"
            ),
            models.Index(fields=["created_at"], name="llm_call_created"),  # retention
            models.Index(  # the page of a call: who asked the same again
                fields=["replay_of"], condition=Q(replay_of__isnull=False), name="llm_call_replays"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} call {self.pk}"


class LlmText(models.Model):
    """What one call asked and what came back; kept for ``cache_days``, and no longer than the people in it.

    ``prompt`` has ``system``, ``user``, ``schema`` and ``longest`` (tokens). No key is ever part of it.
    """

    call = models.OneToOneField(LlmCall, models.CASCADE, primary_key=True, related_name="text")
    prompt: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    answer = models.TextField(blank=True)
    people: ArrayField[list[int], list[int]] = ArrayField(
        models.BigIntegerField(), default=list, help_text="Whose words are in it."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [
            GinIndex(fields=["people"], name="llm_text_people"),  # erasure
            models.Index(fields=["created_at"], name="llm_text_created"),  # retention
        ]

    def __str__(self) -> str:
        return f"text of call {self.call_id}"


class LlmSpend(models.Model):
    """The ledger rolled up by the hour: what pages and charts read, and what stays when calls are purged.

    ``outcome`` is ``answered``, ``cached`` (an answer paid for before), ``written`` (rules or templates answered), or the
    kind of failure.
    """

    hour = models.DateTimeField()
    purpose = models.CharField(max_length=32)
    model = models.CharField(max_length=128, blank=True)
    outcome = models.CharField(max_length=10)
    calls = models.PositiveIntegerField(default=0)
    tokens_in = models.PositiveBigIntegerField(default=0)
    tokens_out = models.PositiveBigIntegerField(default=0)
    cost = models.BigIntegerField(default=0, help_text="In millionths.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["hour", "purpose", "model", "outcome"], name="llm_spend_is_one_row_an_hour"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} at {self.hour:%Y-%m-%d %H}:00"
