"""The pages about what is done; and what acting adds to the pages of people, profiles and accounts."""

from automation.admin import (
    accounts,
    badges,
    browsing,
    campaigns,
    content,
    conversations,
    discovery,
    enrolments,
    handles,
    health,
    onboarding,
    people,
    profiles,
    tasks,
)

__all__ = [
    "accounts",
    "badges",
    "browsing",
    "campaigns",
    "content",
    "conversations",
    "discovery",
    "enrolments",
    "handles",
    "health",
    "onboarding",
    "people",
    "profiles",
    "tasks",
]
