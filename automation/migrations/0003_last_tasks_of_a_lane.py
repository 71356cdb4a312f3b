from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False  # the index is built beside the running installation, which goes on writing tasks

    dependencies = [
        ("automation", "0002_rates_and_breakers"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="task",
            index=models.Index(
                fields=["lane", "-finished_at"],
                condition=Q(finished_at__isnull=False),
                name="task_lane_finished",
            ),
        ),
    ]
