"""Forms of accounts; secrets go in and never come out."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts.models import Account
from outreach.lib import networks
from outreach.lib.admin.acts import ActForm
from outreach.lib.net.proxies import EXAMPLE

SECRET = "secret_"  # noqa: S105 - how the fields of credentials are called


class AccountForm(forms.ModelForm):
    """An account's own fields. Its time zone changes at its next midnight, see the help text."""

    class Meta:
        model = Account
        fields = (
            "handle", "display_name", "server", "role", "niche", "owner", "time_zone", "sending_gap", "window_opens",
            "window_closes", "chat_accounts",
        )  # fmt: skip
        help_texts = {
            "time_zone": "E.g. Europe/Berlin. A change takes effect at the account's next local midnight.",
            "chat_accounts": "Who carries on the conversations this account begins.",
        }

    def validate_unique(self) -> None:
        """Left to the services, whose words say what to do."""

    def validate_constraints(self) -> None:
        """As above."""

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() | {"network"}  # type: ignore[misc]


def add_form(network: networks.Network, base: type[AccountForm] = AccountForm) -> type[AccountForm]:
    """The form that adds an account on ``network``: its credentials are asked for too."""
    return type("AddAccountForm", (base,), {**credential_fields(network), "proxy": proxy_field()})


def proxy_field() -> forms.Field:
    """The write-only address of a proxy."""
    return forms.CharField(
        max_length=1_000,
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False),
        help_text=f"Only if this account has a proxy of its own, e.g. {EXAMPLE}. It is tried before it is kept.",
    )


def credential_fields(network: networks.Network) -> dict[str, forms.Field]:
    """One write-only field for everything the network's channel needs to sign in."""
    return {
        f"{SECRET}{name}": forms.CharField(
            label=label,
            required=name in network.credential_fields,
            widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False),
            help_text="Kept encrypted and never shown again.",
        )
        for name, label in {**network.credential_fields, **network.optional_fields}.items()
    }


def secret_of(data: dict[str, Any]) -> dict[str, Any]:
    """The credentials in a form's data."""
    return {
        name.removeprefix(SECRET): value for name, value in data.items() if name.startswith(SECRET) and value
    }


class CredentialsForm(ActForm):
    """New credentials for the account the dialog is about."""

    def prepare(self) -> None:
        """Ask for what its network needs."""
        network = Account.objects.filter(pk=self.object_id).values_list("network", flat=True).first()
        if network in networks.names():
            self.fields.update(credential_fields(networks.get(network)))


class ProxyForm(ActForm):
    """The account's proxy; what is stored is not shown."""

    url = proxy_field()


class WhyForm(ActForm):
    """Asks why, if somebody wants to say."""

    reason = forms.CharField(max_length=500, required=False, help_text="Shown with the account's status.")
