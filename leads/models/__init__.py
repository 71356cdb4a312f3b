"""Whom we know: people, groups of them, files of them, and who is who."""

from leads.models.figures import ProfileFigures
from leads.models.files import Export, ExportPart, Import, ImportMapping, ImportPart, ImportRow
from leads.models.groups import ListMember, PersonChange, PersonList, Segment, SegmentMember
from leads.models.merging import Duplicate, MatchKey, MatchPending, Merge
from leads.models.people import Contact, Lead, Note, Person, PersonQuerySet, Profile, Suppression, Tag

__all__ = [
    "Contact",
    "Duplicate",
    "Export",
    "ExportPart",
    "Import",
    "ImportMapping",
    "ImportPart",
    "ImportRow",
    "Lead",
    "ListMember",
    "MatchKey",
    "MatchPending",
    "Merge",
    "Note",
    "Person",
    "PersonChange",
    "PersonList",
    "PersonQuerySet",
    "Profile",
    "ProfileFigures",
    "Segment",
    "SegmentMember",
    "Suppression",
    "Tag",
]
