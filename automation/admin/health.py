"""How the services outside fare; breakers of accounts stand on the accounts' pages."""

from __future__ import annotations

from django.contrib import admin

from automation.models import Breaker
from outreach.lib.admin import show
from outreach.lib.admin.base import Ledger


@admin.register(Breaker)
class BreakerAdmin(Ledger):
    list_display = ("key", "state_shown", "failures", "opened", "probe", "detail")
    search_fields = ("key",)
    search_help_text = "A service's name"
    ordering = ("key",)
    fields = (("key", "state_shown", "failures"), ("opened_at", "probe_at"), "detail")
    readonly_fields = ("state_shown",)
    empty_hint = "No service has failed yet. Breakers of accounts are shown on the accounts' own pages."

    @admin.display(description="State", ordering="opened_at")
    def state_shown(self, breaker: Breaker) -> str:
        """Whether it is called."""
        return show.badge("open", "red") if breaker.opened_at else show.badge("closed", "green")

    @admin.display(description="Open since", ordering="opened_at")
    def opened(self, breaker: Breaker) -> str:
        """When it opened."""
        return show.when(breaker.opened_at)

    @admin.display(description="Tried again", ordering="probe_at")
    def probe(self, breaker: Breaker) -> str:
        """When one call is let through."""
        return show.when(breaker.probe_at)
