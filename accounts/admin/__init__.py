"""The pages about whom we act as. Automation adds what its lanes and tasks know (automation.admin.accounts)."""

from accounts.admin import accounts, keys, limits, users

__all__ = ["accounts", "keys", "limits", "users"]
