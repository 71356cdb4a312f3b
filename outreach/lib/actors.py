"""Who does something: a user, or a part of the system by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from django.contrib.auth.models import User

Actor: TypeAlias = "User | str | None"


def as_user(by: Actor) -> User | None:
    """The user among actors, for columns that name one; ``None`` for a part of the system."""
    return None if by is None or isinstance(by, str) or by.pk is None else by
