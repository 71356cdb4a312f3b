"""Keys of the API."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts import api_keys, scopes
from accounts.models import ApiKey
from outreach.lib.admin import show
from outreach.lib.admin.acts import page_act
from outreach.lib.admin.base import Ledger, refusable, user_of


class ApiKeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in scopes.ALL], widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What a program with this key may do, at most what its owner may.",
    )  # fmt: skip

    class Meta:
        model = ApiKey
        fields = ("owner", "name", "scopes", "expires_at")


@admin.register(ApiKey)
class ApiKeyAdmin(Ledger):
    form = ApiKeyForm
    list_display = ("name", "owner", "prefix", "state_shown", "last_used_at", "expires_at", "created_at")
    list_select_related = ("owner",)
    search_fields = ("name", "prefix", "owner__username")
    search_help_text = "Name, owner, or how the key begins"
    ordering = ("-id",)
    fields = ("owner", "name", "scopes", "expires_at")
    actions_detail = ["revoke"]
    empty_hint = "Programs that use the API need a key. Each is shown once, when it is made."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.add_apikey")

    def offered(self, instance: ApiKey) -> set[str]:
        return set() if instance.revoked_at else {"revoke"}

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Make the key and show it, this once."""
        data = form.cleaned_data
        with refusable():
            key, text = api_keys.create_key(
                owner=data["owner"], name=data["name"], allowed=data["scopes"], expires_at=data["expires_at"],
                by=user_of(request),
            )  # fmt: skip
        obj.pk = key.pk
        messages.warning(request, f"Copy the key now, it is never shown again: {text}")

    @page_act(
        "Revoke", permission="accounts.change_apikey", icon="key_off", variant=ActionVariant.DANGER,
        explain="Programs that use it are turned away at once. This cannot be taken back.",
    )  # fmt: skip
    def revoke(self, request: HttpRequest, key: ApiKey, data: dict[str, Any]) -> str:
        api_keys.revoke_key(key, by=user_of(request))
        return "The key is revoked."

    @admin.display(description="State")
    def state_shown(self, key: ApiKey) -> str:
        """Whether it still opens."""
        return show.badge("Revoked", "red") if key.revoked_at else show.badge("Good", "green")
