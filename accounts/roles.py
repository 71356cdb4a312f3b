"""The three roles of staff, kept as groups: made and brought up to date after every migrate.

What a role may do is said here and nowhere else; an installation that wants something between makes a group of its own.
"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

ADMINISTRATOR, OPERATOR, VIEWER = "Administrator", "Operator", "Viewer"
NAMES = (ADMINISTRATOR, OPERATOR, VIEWER)

APPS = ("accounts", "leads", "automation", "monitoring")
# Nobody but administrators sees these: secrets, who holds a key, and what was answered to one.
SECRET_MODELS = ("credential", "apikey", "idempotencykey")
# What operators write every day. Limits, credentials, users and deleting anything stay with administrators; so does
# lifting a no, which is the permission to delete a suppression.
OPERATED: dict[str, tuple[str, ...]] = {
    "accounts": ("change_account",),
    "leads": (
        "add_person", "change_person", "add_profile", "change_profile", "add_note", "change_note", "add_tag", "change_tag",
        "add_suppression", "add_import", "change_import", "add_export", "change_export", "add_segment", "change_segment",
        "add_personlist", "change_personlist", "change_duplicate", "add_merge", "change_merge",
    ),
    "automation": (
        "add_campaign", "change_campaign", "add_step", "change_step", "add_variant", "change_variant", "add_enrolment",
        "change_enrolment", "change_task", "add_conversation", "change_conversation", "add_message", "add_post", "change_post",
        "add_publication", "change_publication", "add_source", "change_source", "add_frontierentry", "change_frontierentry",
        "change_opportunity", "add_qualificationrule",
        "change_qualificationrule", "add_decision", "add_targetgroup", "change_targetgroup", "add_prompttrial",
        "replay_llmcall", "change_enrichment",
        "add_handlecheck", "change_onboardingrun",
    ),
}  # fmt: skip


def may_view() -> Q:
    """Looking at everything of ours but secrets."""
    return Q(content_type__app_label__in=APPS, codename__startswith="view_") & ~Q(
        content_type__model__in=SECRET_MODELS
    )


def may_operate() -> Q:
    """Looking, and the daily work."""
    allowed = may_view()
    for app, codenames in OPERATED.items():
        allowed |= Q(content_type__app_label=app, codename__in=codenames)
    return allowed


def sync(sender: AppConfig, **_: Any) -> None:
    """Make the groups equal to this file; runs once per migrate, after the last app's permissions exist."""
    told = [app for app in apps.get_app_configs() if app.models_module]  # only these are sent the signal
    if sender != told[-1]:
        return
    rules = {ADMINISTRATOR: Q(), OPERATOR: may_operate(), VIEWER: may_view()}
    for name, rule in rules.items():
        group, _created = Group.objects.get_or_create(name=name)
        group.permissions.set(Permission.objects.filter(rule))
