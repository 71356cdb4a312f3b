"""Our own accounts: how they fare, what they may do, and how they sign in."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, DropdownFilter
from unfold.enums import ActionVariant

from accounts import queries, services
from accounts.admin.forms import AccountForm, CredentialsForm, ProxyForm, WhyForm, add_form, secret_of
from accounts.admin.limits import network_choices
from accounts.enums import ACTS, WORKING_STATUSES, AccountStatus, ActionKind, Health
from accounts.models import Account, Credential, WarmUp
from accounts.windows import local_date
from outreach.lib import networks
from outreach.lib.admin import show
from outreach.lib.admin.acts import bulk_act, count, each, page_act
from outreach.lib.admin.base import ModelAdmin, refusable, user_of
from outreach.lib.clock import database_now

CHANGE, SECRETS = "accounts.change_account", "accounts.change_credential"
STATUS_COLOURS = {
    AccountStatus.ACTIVE: "green", AccountStatus.WARMING_UP: "blue", AccountStatus.PENDING: "amber",
    AccountStatus.LIMITED: "amber", AccountStatus.PAUSED: "grey", AccountStatus.ERROR: "red", AccountStatus.DISABLED: "grey",
}  # fmt: skip

HEALTH_COLOURS = {
    Health.HEALTHY: "green", Health.WATCH: "amber", Health.THROTTLED: "amber", Health.QUARANTINED: "red",
}  # fmt: skip


def labelled(kind: str) -> str:
    """How people call a kind of act; other words stand for themselves."""
    return str(ActionKind(kind).label) if kind in ActionKind.values else kind.capitalize()


class AccountNetworkFilter(DropdownFilter):
    title = "network"
    parameter_name = "network"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return network_choices()[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        return queryset.filter(network=self.value()) if self.value() else queryset


class AccountAdmin(ModelAdmin):
    form = AccountForm
    list_display: tuple[str, ...] = (
        "handle_shown",
        "network_shown",
        "status_shown",
        "health_shown",
        "usage_shown",
        "verified",
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("health", ChoicesDropdownFilter),
        AccountNetworkFilter,
        ("role", ChoicesDropdownFilter),
        ("owner", AutocompleteSelectFilter),
    )
    list_select_related: tuple[str, ...] = ("owner",)
    search_fields = ("handle", "display_name", "niche")
    search_help_text = "Handle, name or niche"
    ordering = ("-id",)
    autocomplete_fields = ("owner", "chat_accounts")
    actions = ["pause_many", "resume_many"]
    actions_detail = [
        "pause",
        "resume",
        {"title": "More", "items": ["credentials", "proxy", "test_proxy", "disable"]},
    ]
    change_form_outer_before_template = "admin/accounts/account_before.html"
    change_form_outer_after_template = "admin/accounts/account_after.html"
    empty_hint = "Connect an account you own; it is verified with its network before it does anything."
    fieldsets = (
        (None, {"fields": (("handle", "display_name"), ("server", "owner"), ("role", "niche"))}),
        ("When it acts", {"fields": (("time_zone", "sending_gap"), ("window_opens", "window_closes"))}),
        ("Conversations", {"fields": ("chat_accounts",)}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """An account comes with credentials, so adding one takes both permissions."""
        return super().has_add_permission(request) and request.user.has_perm("accounts.add_credential")

    def offered(self, instance: Account) -> set[str]:
        acts = {"credentials", "proxy"} | ({"test_proxy"} if instance.proxy_address else set())
        if instance.status in {
            *WORKING_STATUSES,
            AccountStatus.PENDING,
            AccountStatus.LIMITED,
            AccountStatus.ERROR,
        }:
            acts.add("pause")
        if instance.status not in {*WORKING_STATUSES, AccountStatus.PENDING}:
            acts.add("resume")
        return acts | ({"disable"} if instance.status != AccountStatus.DISABLED else set())

    def enrich(self, request: HttpRequest, rows: list[Any]) -> None:
        """Today's use of all listed accounts, in one query."""
        used = queries.usage(rows)
        for account in rows:
            account.used_today = used[account.pk]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """First the network, then the form with what it needs."""
        if self._network(request) is not None or not self.has_add_permission(request):
            return super().add_view(request, form_url, extra_context)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": "Connect an account",
            "networks": [networks.get(name) for name in networks.names()], "model_admin": self, **(extra_context or {}),
        }  # fmt: skip
        return TemplateResponse(request, "admin/accounts/choose_network.html", context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        network = self._network(request)
        if obj is not None or network is None:
            return super().get_form(request, obj, change=change, **kwargs)
        return super().get_form(request, obj, change=change, form=add_form(network), **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        network = self._network(request)
        if obj is not None or network is None:
            return super().get_fieldsets(request, obj)
        secrets = tuple(f"secret_{name}" for name in (*network.credential_fields, *network.optional_fields))
        own = ("handle", "server") if network.needs_server else ("handle",)
        return (
            (f"On {network.label}", {"fields": (own, *secrets, "proxy")}),
            ("What it is for", {"fields": (("role", "niche"), ("owner", "time_zone"))}),
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only what the shown page has: the form class is made from this."""
        return [name for _, part in self.get_fieldsets(request, obj) for line in part["fields"]
                for name in ([line] if isinstance(line, str) else line)
                if not name.startswith("secret_") and name != "proxy"]  # fmt: skip

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        """Through the services, which check, write and announce."""
        with refusable():
            if change:
                self._update(request, obj, form.cleaned_data)
            else:
                obj.pk = self._create(request, form.cleaned_data).pk

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing: the services wrote everything."""

    def _create(self, request: HttpRequest, data: dict[str, Any]) -> Account:
        network = self._network(request)
        own = {
            name: data[name]
            for name in ("handle", "server", "role", "niche", "owner", "time_zone", "proxy")
            if name in data
        }
        return services.create_account(
            network=network.name if network else "", secret=secret_of(data), by=user_of(request), **own
        )

    def _update(self, request: HttpRequest, obj: Account, data: dict[str, Any]) -> None:
        stored = Account.objects.get(pk=obj.pk)
        own = {name: data[name] for name in services.registry.CHANGEABLE if name in data}
        services.update_account(account=stored, by=user_of(request), **own)
        if data.get("time_zone") not in (None, stored.next_time_zone or stored.time_zone):
            services.change_time_zone(account=stored, time_zone=data["time_zone"], by=user_of(request))
        chosen = data.get("chat_accounts")
        if chosen is not None and set(chosen) != set(stored.chat_accounts.all()):
            services.link_chat_accounts(account=stored, chat_accounts=chosen, by=user_of(request))

    def _network(self, request: HttpRequest) -> networks.Network | None:
        name = request.GET.get("network", "")
        return networks.get(name) if name in networks.names() else None

    def panels(self, request: HttpRequest, instance: Account) -> dict[str, Any]:
        now = database_now()
        today = local_date(instance, now)
        stack = queries.limit_stack(instance, now)
        network = networks.get(instance.network) if instance.network in networks.names() else None
        return {
            "network_label": network.label if network else instance.network,
            "closed": [(labelled(kind), why) for kind, why in network.closed.items()] if network else [],
            "status_badge": self.status_shown(instance),
            "health_badge": show.state(instance, "health", HEALTH_COLOURS),
            "stack": [(ActionKind(kind).label, lines) for kind, lines in stack.items() if lines],
            "today": today,
            "warm_ups": [(ramp, ramp.limit_on(today)) for ramp in WarmUp.objects.filter(account=instance)],
            "has_credentials": Credential.objects.filter(pk=instance.pk).exists(),
            "may_limit": request.user.has_perm("accounts.add_limit"),
            "limit_url": f"{reverse('admin:accounts_limit_add')}?account={instance.pk}",
            "warm_up_url": f"{reverse('admin:accounts_warmup_add')}?account={instance.pk}",
        }

    @page_act(
        "Pause",
        permission=CHANGE,
        icon="pause",
        form=WhyForm,
        explain="It does nothing until somebody resumes it.",
    )
    def pause(self, request: HttpRequest, account: Account, data: dict[str, Any]) -> str:
        services.pause(account=account, reason=data["reason"], by=user_of(request))
        return f"{account} is paused."

    @page_act(
        "Resume", permission=CHANGE, icon="play_arrow", variant=ActionVariant.PRIMARY,
        explain="It works again; if its network refused it, it is verified first.",
    )  # fmt: skip
    def resume(self, request: HttpRequest, account: Account, data: dict[str, Any]) -> str:
        services.resume(account=account, by=user_of(request))
        return f"{account} is {account.get_status_display().lower()} now."

    @page_act(
        "Disable", permission=CHANGE, icon="power_settings_new", form=WhyForm, variant=ActionVariant.DANGER,
        explain="It is taken out of use; its history stays and it can be resumed.",
    )  # fmt: skip
    def disable(self, request: HttpRequest, account: Account, data: dict[str, Any]) -> str:
        services.disable(account=account, reason=data["reason"], by=user_of(request))
        return f"{account} is disabled."

    @page_act(
        "New credentials", permission=SECRETS, icon="key", form=CredentialsForm, submit="Replace",
        explain="They replace the old ones, are kept encrypted and are never shown.",
    )  # fmt: skip
    def credentials(self, request: HttpRequest, account: Account, data: dict[str, Any]) -> str:
        services.set_credentials(account=account, secret=secret_of(data), by=user_of(request))
        return "The credentials were replaced."

    @page_act(
        "Proxy", permission=SECRETS, icon="vpn_lock", form=ProxyForm, submit="Try and keep",
        explain="It goes out through this proxy and never around it. The proxy is tried before it is kept.",
    )  # fmt: skip
    def proxy(self, request: HttpRequest, account: Account, data: dict[str, Any]) -> str:
        services.set_proxy(account=account, url=data["url"], by=user_of(request))
        if not account.proxy_address:
            return f"{account} goes out directly."
        return f"{account} goes out through {account.proxy_address}, which works."

    @page_act(
        "Test proxy", permission=CHANGE, icon="network_check",
        explain="Connects to its network through the proxy and sends nothing.",
    )  # fmt: skip
    def test_proxy(self, request: HttpRequest, account: Account, data: dict[str, Any]) -> str:
        services.test_proxy(account)
        return f"{account.proxy_address} leads to its network."

    @bulk_act("Pause…", permission=CHANGE, form=WhyForm)
    def pause_many(self, request: HttpRequest, chosen: QuerySet[Account], data: dict[str, Any]) -> str:
        done = each(
            request,
            list(chosen),
            lambda one: services.pause(account=one, reason=data["reason"], by=user_of(request)),
        )
        return f"{count(done, 'account')} paused."

    @bulk_act("Resume", permission=CHANGE)
    def resume_many(self, request: HttpRequest, chosen: QuerySet[Account], data: dict[str, Any]) -> str:
        done = each(request, list(chosen), lambda one: services.resume(account=one, by=user_of(request)))
        return f"{count(done, 'account')} resumed."

    @admin.display(description="Account", ordering="handle")
    def handle_shown(self, account: Account) -> str:
        """Handle and name."""
        return show.stacked(account.handle, account.display_name)

    @admin.display(description="Network", ordering="network")
    def network_shown(self, account: Account) -> str:
        """The network, and what the account is for there."""
        return show.stacked(account.network, account.get_role_display())

    @admin.display(description="Status", ordering="status")
    def status_shown(self, account: Account) -> str:
        """The status in its colour, with its reason."""
        return show.stacked(
            show.state(account, "status", STATUS_COLOURS, title=account.status_reason), account.status_reason
        )

    @admin.display(description="Health", ordering="health")
    def health_shown(self, account: Account) -> str:
        """How its last tasks went, and what that rests on."""
        return show.stacked(
            show.state(account, "health", HEALTH_COLOURS, title=account.health_reason), account.health_reason
        )

    @admin.display(description="Today")
    def usage_shown(self, account: Any) -> str:
        """What was used today of each limited act, and its limit."""
        used = getattr(account, "used_today", {})
        kinds = [kind for kind in ACTS if kind in used]
        pieces = [
            show.stacked(show.meter(used[kind].used, used[kind].limit), ActionKind(kind).label)
            for kind in kinds
        ]
        return show.lines(pieces) if pieces else show.EMPTY

    @admin.display(description="Verified", ordering="verified_at")
    def verified(self, account: Account) -> str:
        """When the network last confirmed who we are."""
        return show.when(account.verified_at, none="not yet")


admin.site.register(Account, AccountAdmin)
