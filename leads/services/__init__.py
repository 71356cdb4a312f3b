"""What may be done to people, profiles, tags and notes; each function says its effects."""

from leads.services.found import add_addresses, fill_people, mark_addresses
from leads.services.people import (
    add_note,
    archive,
    convert_to_contact,
    create_person,
    restore,
    set_stage,
    update_person,
)
from leads.services.profiles import AddressTaken, add_profile, find_or_add_profiles, record_fetch
from leads.services.tags import tag, untag

__all__ = [
    "AddressTaken",
    "add_addresses",
    "add_note",
    "add_profile",
    "archive",
    "convert_to_contact",
    "create_person",
    "fill_people",
    "find_or_add_profiles",
    "mark_addresses",
    "record_fetch",
    "restore",
    "set_stage",
    "tag",
    "untag",
    "update_person",
]
