"""The same at its best: fifty jobs taken at once, connections kept, no results, no schedules, no line logged a job."""

from tests.benchmarks.rivals.django_q_default import *  # noqa: F403
from tests.benchmarks.rivals.django_q_default import DATABASES, Q_CLUSTER

DATABASES["default"]["CONN_MAX_AGE"] = None  # type: ignore[assignment]
Q_CLUSTER |= {
    "bulk": 50,
    "save_limit": -1,
    "queue_limit": 500,
    "scheduler": False,
    "timeout": 60,
    "retry": 120,
}
