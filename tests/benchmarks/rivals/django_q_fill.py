"""Fills django-q2's queue: ``python -m tests.benchmarks.rivals.django_q_fill 1000``."""

import sys

import django
from django.core.management import call_command

django.setup()

# isort: split
from django.utils import timezone  # noqa: E402
from django_q.brokers.orm import ORM  # noqa: E402
from django_q.conf import Conf  # noqa: E402
from django_q.models import OrmQ  # noqa: E402
from django_q.tasks import async_task  # noqa: E402


class Collector(ORM):
    """Keeps what django-q2 would write, to write it all at once."""

    packages: list[str] = []

    def enqueue(self, task: str) -> int:
        self.packages.append(task)
        return len(self.packages)


def main(count: int) -> None:
    call_command("migrate", verbosity=0)
    collector = Collector()
    for number in range(count):
        async_task("tests.benchmarks.rivals.act.act", number, broker=collector)
    now = timezone.now()
    OrmQ.objects.bulk_create(
        [OrmQ(key=Conf.PREFIX, payload=one, lock=now) for one in collector.packages], batch_size=1000
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
