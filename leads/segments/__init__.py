"""Segments: people whom rules fit, kept true as people change, and lists of people put together by hand."""

from leads.segments.building import build
from leads.segments.count import Counted, count
from leads.segments.follow import changes_wait, follow_changes, nudge, on_join
from leads.segments.lists import add_to_list, create_list, delete_list, remove_from_list
from leads.segments.services import change_segment, create_segment, delete_segment, rebuild

__all__ = [
    "Counted",
    "add_to_list",
    "build",
    "change_segment",
    "changes_wait",
    "count",
    "create_list",
    "create_segment",
    "delete_list",
    "delete_segment",
    "follow_changes",
    "nudge",
    "on_join",
    "rebuild",
    "remove_from_list",
]
