"""Signing in with a network in the browser: what every channel package that can do so offers in its ``oauth`` module.

``begin`` gives the address to send the person to and what to keep until they are back; ``finish`` turns what the network
sent them back with into the account's secret; ``refresh`` turns a secret whose token ages into one that lasts. All three
raise the channel errors and hold nothing: :class:`AuthFailed` means that only a person who signs in again can help.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from automation.channels.base import AuthFailed, Secret

SOON = 300.0  # seconds before its end at which a token counts as ending


@dataclass(frozen=True, slots=True)
class App:
    """Our program as the network knows it. ``redirect_uri`` must be registered there, letter by letter."""

    client_id: str
    redirect_uri: str
    client_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the person, and what to keep for :meth:`OAuth.finish`: in their session, it is theirs alone."""

    url: str
    keep: dict[str, str] = field(repr=False)


class OAuth(Protocol):
    """The ``oauth`` module of a channel package. ``server`` and ``proxy`` are the account's, as in ``Login``."""

    def begin(self, app: App, *, server: str = "", proxy: str = "") -> Begun: ...

    def finish(
        self,
        app: App,
        keep: Mapping[str, str],
        answer: Mapping[str, str],
        *,
        server: str = "",
        proxy: str = "",
    ) -> Secret:
        """The secret; ``answer`` is the query of the address the person came back to."""

    def refresh(self, secret: Secret, *, server: str = "", proxy: str = "") -> Secret:
        """``secret`` with a fresh token, everything else in it kept."""


def new_state() -> str:
    """A value nobody can guess, to tell the person's return from a forged one."""
    return secrets.token_urlsafe(32)


def code_of(keep: Mapping[str, str], answer: Mapping[str, str]) -> str:
    """The code the network sent the person back with; :class:`AuthFailed` when they said no or it is not their return."""
    if not hmac.compare_digest(
        keep.get("state", "").encode(), answer.get("state", "").encode()
    ) or not keep.get("state"):
        raise AuthFailed("This sign-in was not begun here, or too long ago. Begin again.")
    code = answer.get("code", "")
    if not code:
        said = answer.get("error_description") or answer.get("error") or "no code came back"
        raise AuthFailed(f"The network did not let us in: {said[:200]}. Begin again.")
    return code


def ends_soon(secret: Mapping[str, Any], *, within: float = SOON) -> bool:
    """Whether the secret's token ends within so many seconds; one whose end nobody noted does not."""
    ends_at = secret.get("expires_at")
    return isinstance(ends_at, int | float) and ends_at - within < time.time()
