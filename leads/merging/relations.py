"""What of a person moves in a merge. leads names its own tables here; apps above register theirs when Django starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from leads.models import (
    Duplicate,
    ImportRow,
    ListMember,
    MatchKey,
    Merge,
    Note,
    Person,
    Profile,
    SegmentMember,
    Suppression,
)
from leads.services.tags import PersonTag

Move = Callable[[int, int], None]  # (kept, gone): gives the kept person what is the other's


@dataclass(frozen=True, slots=True)
class Relation:
    """A table with rows about people. ``paths`` are lookups that lead from a row to a person's key.

    ``move`` moves the rows; left out, ``path`` is set to the kept person. Whatever ``move`` does to rows the paths find,
    and to people, is taken back by undoing; rows of other tables are its own affair. A relation that is ``kept`` stays with
    the gone person: history, or what is worked out anew. ``check`` runs before anything changed, for merges and for undoing,
    and raises :class:`ValueError` when it is not the moment.
    """

    model: type[Model]
    paths: tuple[str, ...] = ("person_id",)
    move: Move | None = None
    check: Move | None = None
    kept: bool = False

    def rows(self, people: list[int]) -> QuerySet[Model]:
        """All rows about these people."""
        either = Q()
        for path in self.paths:
            either |= Q(**{f"{path}__in": people})
        return self.model._default_manager.filter(either).order_by()


def once_each(model: type[Model], *others: str) -> Move:
    """Move rows of which a person has one for each combination of ``others`` (none named: one at all); what the kept person
    has already is dropped.
    """

    def move(kept: int, gone: int) -> None:
        rows = model._default_manager
        same = {name: OuterRef(name) for name in others}
        has = Exists(rows.filter(person_id=kept, **same))
        for key in list(rows.filter(has, person_id=gone).values_list("pk", flat=True)):
            rows.filter(pk=key).delete()
        rows.filter(person_id=gone).update(person_id=kept)

    return move


def _drop_pairs(kept: int, gone: int) -> None:
    """Pairs of the gone person are history; others are found again for the kept one by what it now has."""
    Duplicate.objects.filter(Q(first_id=gone) | Q(second_id=gone)).delete()


_relations: dict[type[Model], Relation] = {}


def register(*relations: Relation) -> None:
    """Say what of an app's tables moves; called once when Django starts. Registering a model again replaces it.

    Register first what others depend on: relations move in this order.
    """
    _relations.update({relation.model: relation for relation in relations})


def all_relations() -> list[Relation]:
    """Every registered relation, in order."""
    return list(_relations.values())


def check_all(kept: int, gone: int) -> None:
    """Raises :class:`ValueError` when somebody says that this is not the moment."""
    for relation in _relations.values():
        if relation.check is not None:
            relation.check(kept, gone)


def key_columns() -> dict[str, str]:
    """The column of the primary key of every table that is part of merges."""
    models: list[type[Model]] = [Person, *_relations]
    return {model._meta.db_table: str(model._meta.pk.column) for model in models}


def unregistered() -> list[str]:
    """Columns that point at people and of which nobody has said what becomes of them in a merge; a test keeps it empty."""
    links = {relation.related_model for relation in Person._meta.related_objects} | {Person.tags.through}
    return sorted(model._meta.label for model in links if model not in _relations)


register(
    Relation(Profile),
    Relation(Suppression),
    Relation(Note),
    Relation(PersonTag, move=once_each(PersonTag, "tag_id")),
    Relation(ListMember, move=once_each(ListMember, "list_id")),
    Relation(ImportRow),
    Relation(Duplicate, paths=("first_id", "second_id"), move=_drop_pairs),
    Relation(SegmentMember, kept=True),  # worked out anew from rules
    Relation(MatchKey, kept=True),  # likewise
    Relation(Merge, paths=("kept_id",), kept=True),  # history
)
