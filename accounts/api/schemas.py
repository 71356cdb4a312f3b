"""What the API shows of accounts and takes for them. Secrets go in and never come out."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any

from ninja import Schema
from pydantic import AwareDatetime, Field, StringConstraints

from accounts.enums import AccountStatus, ActionKind, Health, Role, WindowUnit
from outreach.lib.schemas import Count, Id, Input, ListQuery, Name, Short

Network = Annotated[str, StringConstraints(max_length=32), Field(description="One of GET /networks.")]
Zone = Annotated[
    str, StringConstraints(max_length=64), Field(description="IANA name.", examples=["Europe/Berlin"])
]
Secret = Annotated[
    dict[
        Annotated[str, StringConstraints(max_length=64)], Annotated[str, StringConstraints(max_length=20_000)]
    ],
    Field(
        max_length=20, description="What the network needs to sign in; see GET /networks. Never shown again."
    ),
]
ProxyUrl = Annotated[
    str,
    StringConstraints(max_length=1_000),
    Field(
        description="Tried before it is kept; the password is never shown again. Empty: none.",
        examples=["socks5://user:password@proxy.example.org:1080"],
    ),
]
Why = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Gap = Annotated[float, Field(ge=0, le=31_536_000, description="Seconds between two acts upon people.")]


class AccountQuery(ListQuery):
    network: Network | None = None
    status: AccountStatus | None = None
    health: Health | None = None
    role: Role | None = None
    owner_id: Id | None = None


class AccountOut(Schema):
    id: int
    network: str
    handle: str
    display_name: str
    server: str
    role: Role
    niche: str
    owner_id: int | None
    proxy: str = Field(alias="proxy_address", description="Without its user name and password; empty: none.")
    status: AccountStatus
    status_reason: str
    status_changed_at: datetime
    verified_at: datetime | None
    health: Health = Field(description="How its last 50 tasks went.")
    health_reason: str
    health_changed_at: datetime | None
    time_zone: str
    next_time_zone: str = Field(description="The zone it moves to at next_time_zone_at; empty: none.")
    next_time_zone_at: datetime | None
    sending_gap: float | None
    window_opens: time | None
    window_closes: time | None
    created_at: datetime
    updated_at: datetime


class AccountIn(Input):
    network: Network
    handle: Name
    secret: Secret
    server: Short = ""
    time_zone: Zone = "UTC"
    role: Role = Role.OUTREACH
    display_name: Short = ""
    niche: Annotated[str, StringConstraints(max_length=64)] = ""
    owner_id: Id | None = None
    proxy: ProxyUrl = ""
    limits: Annotated[
        dict[ActionKind, Count], Field(description="Acts a day by kind.", examples=[{"dm": 40}])
    ] = Field(default_factory=dict)


class AccountPatch(Input):
    """Only what is sent is changed. Another handle or server is another identity and has to be verified again."""

    handle: Name = ""
    server: Short = ""
    display_name: Short = ""
    role: Role = Role.OUTREACH
    niche: Annotated[str, StringConstraints(max_length=64)] = ""
    owner_id: Id | None = None
    time_zone: Zone = "UTC"
    sending_gap: Gap | None = None
    window_opens: time | None = None
    window_closes: time | None = None


class CredentialsIn(Input):
    secret: Secret


class ProxyIn(Input):
    url: ProxyUrl


class ReasonIn(Input):
    reason: Why = ""


class ChatAccountsIn(Input):
    account_ids: Annotated[list[Id], Field(max_length=50)]


class LimitIn(Input):
    kind: ActionKind
    limit: Count = Field(description="0: never.")
    window: WindowUnit = WindowUnit.DAY
    reserve: Count = Field(0, description="Of the limit, kept for urgent acts; at most the limit.")


class NetworkLimitIn(LimitIn):
    network: Network


class LimitQuery(ListQuery):
    network: Network | None = None
    account_id: Id | None = None
    kind: ActionKind | None = None


class RemovedOut(Schema):
    removed: bool


class LimitOut(Schema):
    id: int
    network: str
    account_id: int | None
    kind: ActionKind
    window: WindowUnit
    limit: int
    reserve: int


class LineOut(Schema):
    """One limit of a stack. The one that wins is the first to refuse."""

    source: str = Field(description="network, account or warm_up")
    window: WindowUnit
    window_key: str = Field(description="The account's local day, or when its hour began.")
    closes_at: datetime
    limit: int
    reserve: int = Field(description="Of the limit, kept for urgent acts.")
    used: int
    left: int = Field(description="For acts that are not urgent.")
    wins: bool


class StackOut(Schema):
    kind: ActionKind
    lines: list[LineOut]


class WarmUpIn(Input):
    kind: ActionKind
    start: Count = 5
    step: Count = 2
    ceiling: Count = 50


class KindIn(Input):
    kind: ActionKind


class WarmUpOut(Schema):
    id: int
    account_id: int
    kind: ActionKind
    start: int
    step: int
    ceiling: int
    started_on: date
    paused_on: date | None
    paused_days: int


class NetworkOut(Schema):
    name: str
    label: str
    needs_server: bool
    credential_fields: dict[str, str] = Field(description="Names for secret, and what each is.")
    optional_fields: dict[str, str] = Field(description="What secret may hold besides.")
    capabilities: list[str]
    closed: dict[str, str] = Field(description="Why its API does not allow an act, or on which conditions.")

    @staticmethod
    def resolve_capabilities(network: Any) -> list[str]:
        return sorted(network.capabilities)


class KeyQuery(ListQuery):
    pass


class KeyOut(Schema):
    id: int
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class KeyIn(Input):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    scopes: Annotated[list[str], Field(min_length=1, max_length=64, examples=[["people:read"]])]
    expires_at: AwareDatetime | None = None


class NewKeyOut(KeyOut):
    key: str = Field(description="The key itself. It is shown this once.")
