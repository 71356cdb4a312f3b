"""The pages about what is done; and what acting adds to the pages of people, profiles and accounts."""

from automation.admin import (
    accounts,
    asking,
    badges,
    browsing,
    campaigns,
    content,
    conversations,
    discovery,
    enrolments,
    handles,
    health,
    judging,
    onboarding,
    people,
    profiles,
    tasks,
)

__all__ = [
    "accounts",
    "asking",
    "badges",
    "browsing",
    "campaigns",
    "content",
    "conversations",
    "discovery",
    "enrolments",
    "handles",
    "health",
    "judging",
    "onboarding",
    "people",
    "profiles",
    "tasks",
]
