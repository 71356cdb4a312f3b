"""What a key may be allowed: each scope is a resource of the API and what is done to it."""

from __future__ import annotations

from collections.abc import Iterable

READ, WRITE, ACT = "read", "write", "act"  # act: everything that makes something happen or stops it
ACTIONS = {
    "accounts": (READ, WRITE, ACT),
    "limits": (READ, WRITE),
    "people": (READ, WRITE),
    "profiles": (READ, WRITE),
    "tags": (READ,),
    "suppressions": (READ, WRITE),
    "imports": (READ, WRITE),
    "exports": (READ, WRITE),
    "segments": (READ, WRITE),
    "lists": (READ, WRITE),
    "tasks": (READ, ACT),
    "campaigns": (READ, WRITE, ACT),
    "posts": (READ, WRITE, ACT),
    "conversations": (READ, WRITE, ACT),
    "sources": (READ, WRITE, ACT),
    "opportunities": (READ, ACT),
    "model": (READ, WRITE, ACT),
    "onboardings": (READ, WRITE, ACT),
    "handles": (READ, WRITE),
    "keys": (READ, WRITE),
}
ALL = tuple(f"{resource}:{action}" for resource, actions in ACTIONS.items() for action in actions)
READ_ONLY = tuple(scope for scope in ALL if scope.endswith(f":{READ}"))


def known(scopes: Iterable[str]) -> list[str]:
    """``scopes`` sorted and once each; :class:`ValueError` names the first that does not exist."""
    wanted = sorted(set(scopes))
    for scope in wanted:
        if scope not in ALL:
            raise ValueError(f'"{scope}" is not a scope. Known: {", ".join(ALL)}.')
    if not wanted:
        raise ValueError("A key needs at least one scope, e.g. people:read.")
    return wanted
