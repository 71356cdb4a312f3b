"""Connecting accounts in the admin: the form, its test, signing in with a network, new credentials."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.enums import ActionVariant

from accounts.admin.accounts import SECRETS, labelled
from accounts.admin.accounts import AccountAdmin as PlainAccountAdmin
from accounts.admin.forms import CredentialsForm, secret_of
from accounts.models import Account
from automation.admin.connect_forms import connect_form
from automation.channels import registry
from automation.channels.base import AccountInfo
from automation.onboarding import connecting, mailboxes, signing_in
from automation.onboarding.connecting import MAIL, Tried, Wanted
from outreach.lib import crypto, networks
from outreach.lib.admin import show
from outreach.lib.admin.acts import complaint, page_act
from outreach.lib.admin.base import user_of

TRIAL, JOURNEY = "account_trial", "account_journey"  # in the session, encrypted
TRIAL_LASTS = 600.0  # seconds in which what was tested need not be asked again


class ConnectingAdmin(PlainAccountAdmin):
    """Adds what needs a network to the plain pages of accounts."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("try/", wrap(self.try_view), name="accounts_account_try"),
            path("sign-in/<str:network>/", wrap(self.sign_in_view), name="accounts_account_sign_in"),
            path("signed-in/<str:network>/", wrap(self.signed_in_view), name="accounts_account_signed_in"),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form with what the network allows, a test, and signing in where the network has it."""
        network = self._network(request)
        extra: dict[str, Any] = {} if network is None else {"wizard": wizard(request, network)}
        if network is not None:
            extra["title"] = f"Connect an account on {network.label}"
        elif request.user.has_perm("automation.add_onboardingrun"):
            extra["onboarding_url"] = reverse("admin:automation_onboardingrun_add")
        return super().add_view(request, form_url, {**(extra_context or {}), **extra})

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        network = self._network(request)
        if obj is not None or network is None:
            return super().get_form(request, obj, change=change, **kwargs)
        return super(PlainAccountAdmin, self).get_form(
            request, obj, change=change, form=connect_form(network), **kwargs
        )

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        network = self._network(request)
        fieldsets = super().get_fieldsets(request, obj)
        if obj is not None or network is None or network.name != MAIL:
            return fieldsets
        (title, part), *rest = fieldsets
        handle, *others = part["fields"]
        return ((title, {"fields": (handle, "preset", *others)}), *rest)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The preset is no column of ours."""
        return [name for name in super().get_fields(request, obj) if name != "preset"]

    def _create(self, request: HttpRequest, data: dict[str, Any]) -> Account:
        """Tried first, unless it was just tested; where the network is away it waits to be verified."""
        network = self._network(request)
        wanted = wanted_of(network.name if network else "", data)
        own = {name: data[name] for name in ("role", "niche", "owner", "time_zone") if name in data}
        return connecting.connect(wanted, by=user_of(request), tried=_recalled(request, wanted), **own)

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """Test what the form holds: the network is asked, nothing is saved. Answers a piece of HTML."""
        if request.method != "POST" or not self.has_add_permission(request):
            raise PermissionDenied
        network = self._network(request)
        if network is None:
            return _banner("red", "Choose a network first.")
        data = {name: value.strip() for name, value in request.POST.items() if isinstance(value, str)}
        wanted = wanted_of(network.name, data)
        try:
            tried = connecting.try_out(wanted)
        except ValidationError as refusal:
            colour = "amber" if isinstance(refusal, connecting.NotReached) else "red"
            return _banner(colour, complaint(refusal))
        _remember(request, wanted, tried)
        name = f" ({tried.info.display_name})" if tried.info.display_name else ""
        return _banner(
            "green", f"{network.label} knows it as {tried.info.handle}{name}. Nothing was saved yet."
        )

    def sign_in_view(self, request: HttpRequest, network: str) -> HttpResponse:
        """Send the person to the network; with ``account`` it is that one that signs in again."""
        if request.method != "POST":
            raise PermissionDenied
        account = self._account_to_sign_in(request)
        back = request.build_absolute_uri(reverse("admin:accounts_account_signed_in", args=[network]))
        try:
            start = signing_in.begin(
                network=network, redirect_uri=back, account=account,
                **{name: request.POST.get(name, "").strip() for name in ("server", "client_id", "client_secret")},
            )  # fmt: skip
        except ValidationError as refusal:
            messages.error(request, complaint(refusal))
            return HttpResponseRedirect(_page(network, account))
        request.session[JOURNEY] = start.luggage
        return HttpResponseRedirect(start.url)

    def signed_in_view(self, request: HttpRequest, network: str) -> HttpResponse:
        """The person is back from the network. The sign-in is used up whatever comes of it."""
        luggage = request.session.pop(JOURNEY, "")
        if not request.user.has_perm(SECRETS):
            raise PermissionDenied
        try:
            account = signing_in.finish(luggage, request.GET.dict(), network=network, by=user_of(request))
        except ValidationError as refusal:
            messages.error(request, complaint(refusal))
            return HttpResponseRedirect(_page(network, None))
        messages.success(request, f"{account} is connected.")
        return HttpResponseRedirect(_page(network, account))

    def _account_to_sign_in(self, request: HttpRequest) -> Account | None:
        """The account that signs in again, or nothing for a new one; each with its permission."""
        pk = request.POST.get("account", "")
        if not pk:
            if not self.has_add_permission(request):
                raise PermissionDenied
            return None
        if not request.user.has_perm(SECRETS):
            raise PermissionDenied
        account: Account | None = self.get_object(request, pk)
        if account is None:
            raise PermissionDenied
        return account

    @page_act(
        "New credentials", permission=SECRETS, icon="key", form=CredentialsForm, submit="Try and replace",
        explain="Its network is asked first: the old ones are kept until it takes the new ones. They are never shown.",
        variant=ActionVariant.DEFAULT,
    )  # fmt: skip
    def credentials(self, request: HttpRequest, account: Account, data: dict[str, Any]) -> str:
        connecting.reconnect(account, secret_of(data), by=user_of(request))
        return "Its network took the new credentials, which replaced the old ones."


def wizard(request: HttpRequest, network: networks.Network) -> dict[str, Any]:
    """What the page around the form says of a network."""
    signs_in = registry.oauth_of(network.name) is not None
    return {
        "network": network,
        "closed": [(labelled(kind), why) for kind, why in network.closed.items()],
        "signs_in": signs_in,
        "needs_app": signs_in and "client_id" in network.optional_fields,
        "redirect_uri": request.build_absolute_uri(
            reverse("admin:accounts_account_signed_in", args=[network.name])
        ),
        "hints": [(one.label, one.hint) for one in mailboxes.PRESETS if one.hint]
        if network.name == MAIL
        else [],
        "try_url": f"{reverse('admin:accounts_account_try')}?network={network.name}",
    }


def wanted_of(network: str, data: Mapping[str, Any]) -> Wanted:
    """What the form asks for."""
    texts = {name: str(data.get(name) or "").strip() for name in ("handle", "server", "proxy", "preset")}
    return Wanted(network=network, secret=secret_of(dict(data)), **texts)


def _digest(wanted: Wanted) -> str:
    return hashlib.sha256(json.dumps(asdict(wanted), sort_keys=True).encode()).hexdigest()


def _remember(request: HttpRequest, wanted: Wanted, tried: Tried) -> None:
    """Keep what a test gave: a network may have renewed a token that works only once."""
    kept = {"digest": _digest(wanted), "at": time.time(), "tried": asdict(tried)}
    request.session[TRIAL] = crypto.encrypt(json.dumps(kept))


def _recalled(request: HttpRequest, wanted: Wanted) -> Tried | None:
    """What the test of just this gave a moment ago."""
    try:
        kept = json.loads(crypto.decrypt(request.session.pop(TRIAL, "") or crypto.encrypt("{}")))
    except crypto.WrongKey:
        return None
    if kept.get("digest") != _digest(wanted) or time.time() - kept["at"] > TRIAL_LASTS:
        return None
    return Tried(**{**kept["tried"], "info": AccountInfo(**kept["tried"]["info"])})


def _banner(colour: str, text: str) -> HttpResponse:
    return HttpResponse(show.banner(text, colour))


def _page(network: str, account: Account | None) -> str:
    if account is not None:
        return reverse("admin:accounts_account_change", args=[account.pk])
    return f"{reverse('admin:accounts_account_add')}?network={network}"
