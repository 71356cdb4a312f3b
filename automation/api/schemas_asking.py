"""What the API shows of the language model and of judging, and takes for it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from ninja import Schema
from pydantic import Field

from automation.asking import configuration
from automation.enums import BudgetWindow, CallState, FailureKind, Judge, ModelSize, Verdict
from automation.models import LlmCall, LlmSettings
from automation.models.asking import MICRO, AnswerForm, LengthName
from outreach.lib.schemas import Count, Id, Input, ListQuery, Name, Short

Model = Annotated[str, Field(max_length=128)]
Money = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=4)]


class LlmSettingsOut(Schema):
    url: str
    has_key: bool = Field(description="Whether there is a key; it is never shown.")
    good_model: str
    small_model: str
    answer_form: AnswerForm
    length_name: LengthName
    budget: Decimal
    budget_window: BudgetWindow
    calls_at_once: int
    answer_seconds: int
    cache_days: int
    judge_leads: bool
    judge_batch: int
    judge_version: str

    @staticmethod
    def resolve_has_key(held: LlmSettings) -> bool:
        found = configuration.endpoint(held)
        return bool(found and found.key)

    @staticmethod
    def resolve_url(held: LlmSettings) -> str:
        found = configuration.endpoint(held)
        return found.url if found else ""


class LlmSettingsIn(Input):
    """What is left out stays. A new ``url`` without its ``key`` forgets the old one."""

    url: Annotated[str, Field(max_length=500)] | None = None
    key: Annotated[str, Field(max_length=500)] | None = Field(None, description="Empty forgets it.")
    good_model: Model | None = None
    small_model: Model | None = None
    answer_form: AnswerForm | None = None
    length_name: LengthName | None = None
    budget: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)] | None = None
    budget_window: BudgetWindow | None = None
    calls_at_once: Annotated[int, Field(ge=1, le=50)] | None = None
    answer_seconds: Annotated[int, Field(ge=1, le=120)] | None = None
    cache_days: Annotated[int, Field(ge=0, le=365)] | None = None
    judge_leads: bool | None = None
    judge_batch: Annotated[int, Field(ge=1, le=50)] | None = None
    judge_version: Annotated[str, Field(max_length=16)] | None = None


class PriceOut(Schema):
    id: int
    model: str
    input_price: Decimal
    output_price: Decimal


class PriceIn(Input):
    model: Annotated[str, Field(min_length=1, max_length=128)]
    input_price: Annotated[Decimal, Field(ge=0, max_digits=10, decimal_places=4)]
    output_price: Annotated[Decimal, Field(ge=0, max_digits=10, decimal_places=4)]


class TierOut(Schema):
    name: str
    why: str
    model: ModelSize
    posts_a_run: int
    hours_between_runs: int


class PurposeSpendOut(Schema):
    name: str
    days: list[float] = Field(description="In the order of `days`.")
    calls: int
    tokens: int


class SpendOut(Schema):
    """Amounts in the currency of the prices."""

    window: str
    limit: float
    used: float = Field(description="Spent or reserved.")
    tier: TierOut
    days: list[date]
    purposes: list[PurposeSpendOut]
    hours: list[datetime]
    by_hour: list[float]
    answered: int
    cached: int
    written: int = Field(description="Answers from rules or templates, without the model.")
    failures: dict[str, int]


class CallQuery(ListQuery):
    state: CallState | None = None
    failure: FailureKind | None = None
    purpose: Short | None = None


class CallOut(Schema):
    id: int
    purpose: str
    version: str
    model: str
    size: ModelSize
    state: CallState
    failure: str
    detail: str
    tries: int
    tokens_in: int
    tokens_out: int
    cost: float = Field(description="In the currency of the prices.")
    replay_of_id: int | None
    created_at: datetime
    finished_at: datetime | None

    @staticmethod
    def resolve_cost(call: LlmCall) -> float:
        return call.cost / MICRO


class CallTextOut(CallOut):
    prompt: dict[str, Any] | None = Field(description="Empty when it is no longer kept.")
    answer: str | None

    @staticmethod
    def resolve_prompt(call: LlmCall) -> dict[str, Any] | None:
        return call.text.prompt if hasattr(call, "text") else None

    @staticmethod
    def resolve_answer(call: LlmCall) -> str | None:
        return call.text.answer if hasattr(call, "text") else None


class JudgementQuery(ListQuery):
    verdict: Verdict | None = None
    judge: Judge | None = None
    suspicious: bool | None = None
    held: bool | None = None


class JudgementOut(Schema):
    id: int
    person_id: int
    verdict: Verdict
    judge: Judge
    rule_id: int | None
    group_id: int | None
    decided_by_id: int | None
    reason: str
    evidence: str
    score: int | None
    suspicious: bool = Field(description="The profile's words give orders to a model; a person decides.")
    held: bool = Field(description="Waits for room in its group's quota.")
    model: str
    version: str
    tokens: int
    call_id: int | None
    created_at: datetime


class LabelIn(Input):
    right: bool


class AgreementOut(Schema):
    judge: Judge
    version: str
    model: str
    leads: int
    agreed: int
    share: float
    let_in: int = Field(description="Qualified whom people turned down.")
    kept_out: int
    left_open: int
    tokens_each: int


class AgreementsOut(Schema):
    decided: list[AgreementOut]
    tried: list[AgreementOut] = Field(description="Prompts on the same labelled leads.")


class TrialIn(Input):
    version: Annotated[str, Field(max_length=16)]
    size: ModelSize = ModelSize.SMALL


class TrialOut(Schema):
    leads: int


class GroupOut(Schema):
    id: int
    name: str
    description: str
    active: bool
    daily_quota: int | None
    created_at: datetime


class GroupIn(Input):
    name: Annotated[Name, Field(max_length=64)]
    description: Annotated[str, Field(min_length=1, max_length=600)]
    active: bool = True
    daily_quota: Count | None = None


class GroupChange(Input):
    name: Annotated[Name, Field(max_length=64)] | None = None
    description: Annotated[str, Field(min_length=1, max_length=600)] | None = None
    active: bool | None = None
    daily_quota: Count | None = None


class ReplayOut(Schema):
    replay_of_id: Id
