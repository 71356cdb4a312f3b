"""Who uses the browser, who stands in line for it, and which accounts are signed in."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from automation.browsing import sessions
from automation.enums import BrowserUrgency
from automation.models import BrowserSession, BrowserSlot, BrowserWait
from outreach.lib.admin import show
from outreach.lib.admin.acts import page_act
from outreach.lib.admin.base import Ledger, user_of

COLOURS = {BrowserUrgency.CRITICAL: "red", BrowserUrgency.HIGH: "amber", BrowserUrgency.LOW: "blue"}


@admin.register(BrowserSlot)
class BrowserSlotAdmin(Ledger):
    list_display = (
        "number",
        "state_shown",
        "account_shown",
        "urgency_shown",
        "since",
        "leased",
        "waited_shown",
        "turns",
    )
    list_select_related = ("account",)
    list_filter = ("urgency",)
    search_fields = ("=number", "account__handle", "worker")
    search_help_text = "A slot's number, an account's handle or a worker"
    ordering = ("number",)
    fields = (
        ("number", "state_shown"),
        ("account", "urgency"),
        ("taken_at", "leased_until"),
        ("waited", "turns"),
        "worker",
    )
    readonly_fields = ("state_shown",)
    empty_hint = "Nothing has needed a browser yet. Slots appear with the first act on a site without an API."

    @admin.display(description="State", ordering="leased_until")
    def state_shown(self, slot: BrowserSlot) -> str:
        """Whether somebody has it; the first is for critical work only."""
        taken = slot.leased_until is not None and slot.leased_until > timezone.now()
        kept = "Kept for publishing and replying" if slot.number == 1 else ""
        return show.badge("taken" if taken else "free", "blue" if taken else "green", title=kept)

    @admin.display(description="Account", ordering="account__handle")
    def account_shown(self, slot: BrowserSlot) -> str:
        """Whose lane has it."""
        return show.to(slot.account)

    @admin.display(description="Urgency", ordering="urgency")
    def urgency_shown(self, slot: BrowserSlot) -> str:
        """Of the work it was taken for."""
        return show.EMPTY if slot.urgency is None else show.state(slot, "urgency", COLOURS)

    @admin.display(description="Taken", ordering="taken_at")
    def since(self, slot: BrowserSlot) -> str:
        """Since when."""
        return show.when(slot.taken_at)

    @admin.display(description="Leased until", ordering="leased_until")
    def leased(self, slot: BrowserSlot) -> str:
        """When it returns by itself, should its worker have died."""
        return show.when(slot.leased_until)

    @admin.display(description="Had waited", ordering="waited")
    def waited_shown(self, slot: BrowserSlot) -> str:
        """How long its last holder stood in line."""
        return show.duration(slot.waited)


@admin.register(BrowserWait)
class BrowserWaitAdmin(Ledger):
    list_display = ("key", "account_shown", "urgency_shown", "waits_since", "woken")
    list_select_related = ("account",)
    list_filter = ("urgency",)
    search_fields = ("key", "account__handle")
    search_help_text = "An account's handle"
    ordering = ("urgency", "since", "id")
    fields = (("key", "account"), "urgency", ("since", "seen_at", "woken_at"))
    empty_hint = "Nobody waits for a browser."

    @admin.display(description="Account", ordering="account__handle")
    def account_shown(self, wait: BrowserWait) -> str:
        """Whose lane waits."""
        return show.to(wait.account)

    @admin.display(description="Urgency", ordering="urgency")
    def urgency_shown(self, wait: BrowserWait) -> str:
        """Who comes first."""
        return show.state(wait, "urgency", COLOURS)

    @admin.display(description="Waits since", ordering="since")
    def waits_since(self, wait: BrowserWait) -> str:
        """Its place within its urgency."""
        return show.when(wait.since)

    @admin.display(description="Woken", ordering="woken_at")
    def woken(self, wait: BrowserWait) -> str:
        """When its turn came; it loses its place if it does not take it."""
        return show.when(wait.woken_at)


@admin.register(BrowserSession)
class BrowserSessionAdmin(Ledger):
    list_display = ("account_shown", "state_shown", "saved", "expires", "acts")
    list_select_related = ("account",)
    search_fields = ("account__handle",)
    search_help_text = "An account's handle"
    ordering = ("account_id",)
    fields = ("account", "state_shown", ("saved_at", "expires_at"), "acts")
    readonly_fields = ("state_shown",)
    actions_detail = ("sign_out",)
    empty_hint = "No account has signed in to a site in a browser yet."

    def get_queryset(self, request: HttpRequest) -> QuerySet[BrowserSession]:
        """Without the state itself: no page opens it."""
        return super().get_queryset(request).defer("state")

    @admin.display(description="Account", ordering="account__handle")
    def account_shown(self, session: BrowserSession) -> str:
        """Whose it is."""
        return show.to(session.account)

    @admin.display(description="State", ordering="expires_at")
    def state_shown(self, session: BrowserSession) -> str:
        """Whether the next act restores it."""
        lives = session.expires_at > timezone.now()
        return show.badge("signed in" if lives else "expired", "green" if lives else "amber")

    @admin.display(description="Saved", ordering="saved_at")
    def saved(self, session: BrowserSession) -> str:
        """After the last act."""
        return show.when(session.saved_at)

    @admin.display(description="Expires", ordering="expires_at")
    def expires(self, session: BrowserSession) -> str:
        """Unless an act renews it."""
        return show.when(session.expires_at)

    @page_act(
        "Sign out", permission="accounts.change_account", icon="logout",
        explain="Forgets the saved session. The account's next act signs in anew, or asks for a sign-in.",
    )  # fmt: skip
    def sign_out(self, request: HttpRequest, session: BrowserSession, data: dict[str, object]) -> str:
        """Forget the session."""
        sessions.forget(account_ids=[session.account_id], by=user_of(request))
        return f"{session.account} is signed out here."
