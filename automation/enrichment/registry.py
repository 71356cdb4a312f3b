"""The steps there are: the ``STEP`` of every module of the package ``steps``, in an order in which each finds what it needs."""

from __future__ import annotations

import pkgutil
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module

from automation.enrichment import steps as package
from automation.enrichment.base import Step


@cache
def steps() -> tuple[Step, ...]:
    """All steps, those that others come after first. Raises :class:`LookupError` for a step after one that does not exist."""
    modules = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    named: dict[str, Step] = {}
    for name in modules:
        step: Step = import_module(f"{package.__name__}.{name}").STEP
        if step.name in named:
            raise LookupError(f"Two steps are called {step.name}: give one of them another name.")
        named[step.name] = step
    for step in named.values():
        for needed in step.after:
            if needed not in named:
                raise LookupError(f"The step {step.name} comes after {needed}, which does not exist.")
    order = TopologicalSorter({name: set(step.after) for name, step in named.items()}).static_order()
    return tuple(named[name] for name in order)


def offline() -> tuple[Step, ...]:
    """Steps that only compute."""
    return tuple(step for step in steps() if not step.network)


def online() -> tuple[Step, ...]:
    """Steps that go out over the network."""
    return tuple(step for step in steps() if step.network)


def label_of(name: str) -> str:
    """What people call a step; its name where it is gone."""
    return next((step.label for step in steps() if step.name == name), name)
