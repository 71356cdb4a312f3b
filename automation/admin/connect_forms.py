"""What is asked of somebody who connects an account: only secrets are hidden while they are typed."""

from __future__ import annotations

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.admin.forms import SECRET, AccountForm, add_form
from automation.onboarding import mailboxes
from automation.onboarding.connecting import MAIL
from outreach.lib import networks

HIDDEN_WORDS = ("token", "secret", "password", "key")


def is_secret(name: str) -> bool:
    """Whether a field of credentials should not be seen over the shoulder."""
    return any(word in name for word in HIDDEN_WORDS)


def connect_form(network: networks.Network) -> type[AccountForm]:
    """The form that connects an account on ``network``."""
    form = add_form(network)
    plain = {
        f"{SECRET}{name}": forms.CharField(label=label, required=False, widget=UnfoldAdminTextInputWidget())
        for name, label in network.optional_fields.items()
        if not is_secret(name)
    }
    return type(
        "ConnectForm", (form,), {**plain, **({"preset": preset_field()} if network.name == MAIL else {})}
    )


def preset_field() -> forms.Field:
    """Which provider's servers to use."""
    choices = [
        ("", "By the address, or as entered below"),
        *((one.name, one.label) for one in mailboxes.PRESETS),
    ]
    return forms.ChoiceField(
        label="Provider", required=False, choices=choices, widget=UnfoldAdminSelectWidget(choices=choices),
        help_text="Fills in the servers of a well-known provider, unless you enter some.",
    )  # fmt: skip
