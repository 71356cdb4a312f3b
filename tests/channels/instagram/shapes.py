"""What Instagram's stand-in keeps, and how it says no."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from tests.channels.loopback import Reply


@dataclass
class Member:
    user_id: str
    username: str
    name: str


@dataclass
class Comment:
    id: str
    author: Member
    text: str
    at: float
    replies: list[Comment] = field(default_factory=list)


@dataclass
class Media:
    id: str
    owner: Member
    caption: str
    at: float
    comments: list[Comment] = field(default_factory=list)


def stamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(at))


def problem(code: int, message: str = "Something", status: int = 400, **more: Any) -> Reply:
    error = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A1b2C3", **more}
    return Reply(status, {"error": error})
