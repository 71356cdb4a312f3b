"""What the API shows of breakers, rates and the browser."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from ninja import Schema
from pydantic import Field

from automation.models import Breaker, Lane


class BreakerOut(Schema):
    kind: Literal["service", "account"]
    service: str = Field(description="Empty for an account's.")
    account_id: int | None
    network: str = Field(description="Empty for a service's.")
    failures: int = Field(description="In a row.")
    opened_at: datetime | None
    retry_at: datetime | None = Field(
        description="When one call is let through; its success closes the breaker."
    )
    detail: str = Field(description="What the last failure said.")

    @classmethod
    def of_service(cls, breaker: Breaker) -> BreakerOut:
        """An open breaker of a service."""
        return cls(
            kind="service", service=breaker.key, account_id=None, network="", failures=breaker.failures,
            opened_at=breaker.opened_at, retry_at=breaker.probe_at, detail=breaker.detail,
        )  # fmt: skip

    @classmethod
    def of_lane(cls, lane: Lane) -> BreakerOut:
        """The open breaker of an account, its lane read with ``breaker.not_closed()``."""
        return cls(
            kind="account", service="", account_id=lane.pk, network=lane.network, failures=lane.failures,
            opened_at=lane.breaker_opened_at, retry_at=getattr(lane, "retry_at", None), detail=getattr(lane, "detail", "") or "",
        )  # fmt: skip


class RateOut(Schema):
    per_minute: int | None = Field(description="Acts a minute at present; null: no rate is kept.")
    taken: int = Field(description="Acts in the minute that runs now.")
    failed: int = Field(description="Of them, those that failed.")
    minute_ends_at: datetime | None = Field(description="Null: none runs; the next act begins one.")
    reason: str = Field(description="Why it last changed; empty: it never did.")
    changed_at: datetime | None


class BrowserOut(Schema):
    slots: int
    taken: int
    in_line: int = Field(description="Accounts and jobs that wait for a slot, all urgencies.")
    critical: int = Field(description="Of them, with something to publish or a reply.")
    high: int = Field(description="Of them, to read or to ask about an outcome.")
    low: int = Field(description="Of them, with anything else.")
    longest_wait: float = Field(description="Seconds since who has waited longest came.")
    last_wait: float = Field(
        description="Seconds that the last holders of the slots had waited, the longest of them."
    )
    turns: int = Field(description="How often a slot was ever taken.")
