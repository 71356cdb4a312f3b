"""How far a run is, and what failed, for people."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count

from automation.enums import RowState
from automation.models import OnboardingRow, OnboardingRun
from leads.formulas import defuse

COLUMNS = ("row", "network", "handle", "server", "role", "niche", "time_zone", "reason")


@dataclass(frozen=True, slots=True)
class Standing:
    """How many rows are in each state."""

    rows: int
    queued: int
    verifying: int
    waiting: int
    connected: int
    known: int
    failed: int

    @property
    def percent(self) -> int:
        """How much is done, 0 to 100."""
        done = self.connected + self.known + self.failed
        return 100 * done // self.rows if self.rows else 100


def standing(run: OnboardingRun) -> Standing:
    """How far one run is. One query."""
    return standings([run])[run.pk]


def standings(runs: list[OnboardingRun]) -> dict[int, Standing]:
    """How far several runs are, by id. One query."""
    counts: dict[int, dict[str, int]] = {run.pk: dict.fromkeys(RowState.values, 0) for run in runs}
    rows = OnboardingRow.objects.filter(run__in=runs).order_by().values_list("run_id", "state")
    for run_id, state, count in rows.annotate(Count("pk")):
        counts[run_id][state] = count
    return {run_id: Standing(rows=sum(found.values()), **found) for run_id, found in counts.items()}


def failed_rows(run: OnboardingRun) -> Iterator[str]:
    """The rows that failed as CSV lines with their reasons, header first: mend them, add what signs in, upload again.

    Secrets are in no answer of ours, so their columns have to be filled in again.
    """
    yield _line(COLUMNS)
    for row in run.rows.filter(state=RowState.FAILED).order_by("number").iterator(chunk_size=500):
        own = (row.fields.get(name, "") for name in ("role", "niche", "time_zone"))
        yield _line((str(row.number), row.network, row.handle, row.server, *own, row.message))


def _line(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(map(defuse, cells))
    return line.getvalue()
