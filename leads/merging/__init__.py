"""Two people made one, and two again. Apps above register what of theirs moves (:func:`register`)."""

from leads.merging.merge import BUSY, FIELDS, merge
from leads.merging.relations import Relation, once_each, register, unregistered
from leads.merging.undo import Undone, after_undo, forget, undo

__all__ = [
    "BUSY",
    "FIELDS",
    "Relation",
    "Undone",
    "after_undo",
    "forget",
    "merge",
    "once_each",
    "register",
    "undo",
    "unregistered",
]
