"""How the admin looks and what its sidebar leads to, grouped by what people come to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def may(permission: str) -> Callable[[HttpRequest], bool]:
    """Whether the user has a permission, as Unfold asks it."""
    return lambda request: request.user.has_perm(permission)


def entry(title: str, icon: str, model: str, *, badge: str = "", permission: str = "") -> dict[str, Any]:
    """A sidebar entry to a model's list; ``permission`` is that of viewing it unless given."""
    app, name = model.split(".")
    item: dict[str, Any] = {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": may(permission or f"{app}.view_{name}"),
    }
    return item | ({"badge": badge} if badge else {})


NAVIGATION: list[dict[str, Any]] = [
    {"items": [{"title": "Dashboard", "icon": "space_dashboard", "link": reverse_lazy("admin:index")}]},
    {
        "title": "Act",
        "separator": True,
        "items": [
            entry("Tasks", "task_alt", "automation.task", badge="automation.admin.badges.parked"),
            entry("Campaigns", "campaign", "automation.campaign"),
            entry(
                "Conversations", "forum", "automation.conversation", badge="automation.admin.badges.unread"
            ),
            entry("Opportunities", "quickreply", "automation.opportunity"),
            entry("Posts", "edit_note", "automation.post"),
            entry("Publications", "send", "automation.publication"),
        ],
    },
    {
        "title": "Know",
        "separator": True,
        "items": [
            entry("Leads", "person_search", "leads.lead", permission="leads.view_person"),
            entry("Contacts", "contacts", "leads.contact", permission="leads.view_person"),
            entry("Everybody", "groups", "leads.person"),
            entry("Profiles", "badge", "leads.profile"),
            entry("Sources", "travel_explore", "automation.source"),
            entry("Frontier", "low_priority", "automation.frontierentry"),
            entry("Discovery plans", "explore", "automation.discoveryplan"),
            entry("Enrichment", "auto_fix_high", "automation.enrichment"),
            entry("Segments", "filter_alt", "leads.segment"),
            entry("Lists", "list_alt", "leads.personlist"),
            entry("Imports", "upload_file", "leads.import"),
            entry("Exports", "download", "leads.export"),
            entry("Duplicates", "join_inner", "leads.duplicate"),
            entry("Merges", "merge", "leads.merge"),
            entry("Suppressions", "block", "leads.suppression"),
            entry("Tags", "sell", "leads.tag"),
        ],
    },
    {
        "title": "Judge",
        "separator": True,
        "items": [
            entry("Rules", "rule", "automation.qualificationrule"),
            entry("Decisions", "gavel", "automation.decision"),
            entry("Target groups", "target", "automation.targetgroup"),
            entry("Prompt trials", "science", "automation.prompttrial"),
        ],
    },
    {
        "title": "Own",
        "separator": True,
        "items": [
            entry("Accounts", "manage_accounts", "accounts.account"),
            entry("Onboarding", "group_add", "automation.onboardingrun"),
            entry("Handles", "alternate_email", "automation.handlecheck"),
            entry("Limits", "speed", "accounts.limit"),
            entry("Warm-ups", "trending_up", "accounts.warmup"),
        ],
    },
    {
        "title": "See",
        "separator": True,
        "items": [
            entry("Alerts", "notifications", "monitoring.alert"),
            entry("Processes", "monitor_heart", "monitoring.heartbeat"),
            entry("Services", "electrical_services", "automation.breaker"),
            entry("Model calls", "psychology", "automation.llmcall"),
            entry("Browser slots", "tab", "automation.browserslot"),
            entry("Browser line", "hourglass_top", "automation.browserwait"),
            entry("Browser sessions", "cookie", "automation.browsersession"),
            entry("Errors", "bug_report", "monitoring.logrecord"),
            entry("Audit", "history", "monitoring.event"),
        ],
    },
    {
        "title": "Settings",
        "separator": True,
        "items": [
            entry("Users", "person", "auth.user"),
            entry("Groups", "shield_person", "auth.group"),
            entry("API keys", "key", "accounts.apikey"),
            entry("Language model", "neurology", "automation.llmsettings"),
            entry("Model prices", "sell", "automation.llmprice"),
        ],
    },
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Outreach",
    "SITE_HEADER": "Outreach",
    "SITE_SUBHEADER": "Never twice, never lost",
    "SITE_SYMBOL": "forum",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "8px",
    "DASHBOARD_CALLBACK": "monitoring.admin.dashboard",
    "STYLES": [lambda request: static("outreach/admin.css")],
    "SIDEBAR": {"show_search": True, "command_search": False, "show_all_applications": False, "navigation": NAVIGATION},
    "COLORS": {
        "primary": {
            "50": "oklch(97.7% .014 236.6)", "100": "oklch(95.1% .026 236.8)", "200": "oklch(90.1% .058 230.9)",
            "300": "oklch(82.8% .111 230.3)", "400": "oklch(74.6% .16 232.7)", "500": "oklch(62.3% .155 241)",
            "600": "oklch(54.6% .158 246)", "700": "oklch(48.8% .143 248)", "800": "oklch(42.4% .12 250)",
            "900": "oklch(37.9% .1 252)", "950": "oklch(29.3% .07 254)",
        },
    },
}  # fmt: skip
