"""Finding out more about profiles than their networks tell: language, country, addresses, pictures.

A pipeline of small steps, each one file in ``steps`` (:class:`automation.enrichment.base.Step` says what it may do). In order:

``marking``  who has to be looked at: a trigger marks profiles that appear or change, a new version of a step everybody
``taking``   what is due is borrowed in batches, for a while
``needing``  which steps a profile needs: those that never ran, whose version or whose input changed, or whose try is due
``running``  the steps, in order; what breaks or kills its worker fails alone
``keeping``  everything that came out of a batch, in a handful of statements
"""

from automation.enrichment.marking import (
    after_migrate,
    announce,
    connect,
    hand_out,
    nudge,
    overdue,
    run_again,
)
from automation.enrichment.running import run, run_online

__all__ = [
    "after_migrate",
    "announce",
    "connect",
    "hand_out",
    "nudge",
    "overdue",
    "run",
    "run_again",
    "run_online",
]
