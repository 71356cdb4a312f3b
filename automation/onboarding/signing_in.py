"""Signing in with a network in the browser, from the button to the account.

What has to be remembered until the person is back (the state, the PKCE verifier, the app's secret) travels encrypted in
their own session: whoever comes back with another session, or later than a quarter of an hour, or twice, begins again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from django.core.exceptions import ValidationError

from accounts.models import Account
from accounts.services import checks
from automation.channels import registry
from automation.channels.base import ChannelError
from automation.channels.oauth import App, OAuth
from automation.onboarding import connecting
from automation.onboarding.connecting import Tried, Wanted
from outreach.lib import crypto
from outreach.lib.actors import Actor

LASTS = 900.0  # seconds


@dataclass(frozen=True, slots=True)
class Journey:
    """A sign-in under way. ``account_id`` is 0 for a new account, else the one that signs in again."""

    network: str
    server: str
    account_id: int
    client_id: str
    redirect_uri: str
    began_at: float
    keep: dict[str, str] = field(repr=False)
    client_secret: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)

    @property
    def app(self) -> App:
        return App(self.client_id, self.redirect_uri, self.client_secret)


@dataclass(frozen=True, slots=True)
class Start:
    """Where to send the person, and what to put into their session."""

    url: str
    luggage: str = field(repr=False)


def begin(
    *, network: str, redirect_uri: str, server: str = "", client_id: str = "", client_secret: str = "",
    account: Account | None = None,
) -> Start:  # fmt: skip
    """Begin to sign in. With an ``account`` it is that one again, with its own server, proxy and app.

    Raises :class:`ValidationError` with what is missing or what the network says.
    """
    oauth = _oauth(network)
    known = checks.known_network(network)
    proxy = ""
    if account is not None:
        server, proxy = account.server, connecting.proxy_of(account)
        client_id, client_secret = _app_of(account, client_id, client_secret)
    server = checks.normal_server(known, server)
    if not client_id and "client_id" in known.optional_fields:
        raise ValidationError({"client_id": f"Give the client ID of your app at {known.label}."})
    app = App(client_id, redirect_uri, client_secret)
    try:
        begun = oauth.begin(app, server=server, proxy=proxy)
    except ChannelError as error:
        raise ValidationError(str(error)) from error
    pk = account.pk if account else 0
    journey = Journey(
        network, server, pk, client_id, redirect_uri, time.time(), begun.keep, client_secret, proxy
    )
    return Start(begun.url, crypto.encrypt(json.dumps(asdict(journey))))


def finish(luggage: str, answer: Mapping[str, str], *, network: str, by: Actor) -> Account:
    """The person is back: the account is connected, or signed in again, once the network has confirmed who it is.

    Raises :class:`ValidationError`; then nothing was changed, and an account keeps the credentials it had.
    """
    journey = _opened(luggage, network)
    try:
        secret = _oauth(network).finish(
            journey.app, journey.keep, answer, server=journey.server, proxy=journey.proxy
        )
    except ChannelError as error:
        raise ValidationError(str(error)) from error
    account = Account.objects.filter(pk=journey.account_id).first() if journey.account_id else None
    if journey.account_id and account is None:
        raise ValidationError("The account was deleted meanwhile.")
    handle = account.handle if account else ""
    wanted = Wanted(network, handle, journey.server, secret, journey.proxy)
    tried: Tried = connecting.try_out(wanted)
    if account is not None:
        return connecting.adopt(account, tried, by=by)
    return connecting.connect(wanted, by=by, tried=tried)


def _oauth(network: str) -> OAuth:
    oauth = registry.oauth_of(network)
    if oauth is None:
        raise ValidationError(
            f"Nobody signs in with {network} in the browser. Enter its credentials instead."
        )
    return oauth


def _opened(luggage: str, network: str) -> Journey:
    again = ValidationError("This sign-in was not begun here, or too long ago. Begin again.")
    if not luggage:
        raise again
    try:
        journey = Journey(**json.loads(crypto.decrypt(luggage)))
    except crypto.WrongKey:
        raise again from None
    if journey.network != network or time.time() - journey.began_at > LASTS:
        raise again
    return journey


def _app_of(account: Account, client_id: str, client_secret: str) -> tuple[str, str]:
    """The app typed in, else the one the account signed in with before."""
    if client_id:
        return client_id, client_secret
    credential = getattr(account, "credential", None)
    secret = dict(credential.secret) if credential else {}
    return str(secret.get("client_id") or ""), str(secret.get("client_secret") or "")
