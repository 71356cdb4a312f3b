"""What may be done to people, profiles, tags and notes; each function says its effects."""

from leads.services.profiles import AddressTaken, add_profile, find_or_add_profiles, record_fetch

__all__ = ["AddressTaken", "add_profile", "find_or_add_profiles", "record_fetch"]
