"""The pages about whom we know. Automation adds what it knows of people to them (automation.admin.people)."""

from leads.admin import duplicates, exports, groups, imports, people, profiles, suppressions, tags

__all__ = ["duplicates", "exports", "groups", "imports", "people", "profiles", "suppressions", "tags"]
