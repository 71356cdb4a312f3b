"""A campaign may follow a segment, and segments and lists are enrolled in the background with their progress kept."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("automation", "0012_words_a_model_read"),
        ("leads", "0005_note_people_deleted"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="segment",
            field=models.ForeignKey(
                blank=True,
                help_text="Whoever comes into it is enrolled, as long as the campaign has not ended.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="campaigns",
                to="leads.segment",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="segment_seen",
            field=models.BigIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.CreateModel(
            name="GroupEnrolment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Under way"),
                            ("completed", "Completed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="running",
                        max_length=9,
                    ),
                ),
                (
                    "after",
                    models.BigIntegerField(default=0, editable=False, help_text="The last person looked at."),
                ),
                (
                    "people",
                    models.PositiveIntegerField(default=0, help_text="In the group when it was asked for."),
                ),
                ("looked_at", models.PositiveIntegerField(default=0)),
                ("added", models.PositiveIntegerField(default=0)),
                ("already", models.PositiveIntegerField(default=0)),
                ("suppressed", models.PositiveIntegerField(default=0)),
                (
                    "unsuitable",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Without an address on the campaign's network, or one of our own accounts.",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="group_enrolments",
                        to="automation.campaign",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "list",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="group_enrolments",
                        to="leads.personlist",
                    ),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="group_enrolments",
                        to="leads.segment",
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "running")),
                        fields=["campaign"],
                        name="group_enrolment_running",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("segment__isnull", True)) ^ models.Q(("list__isnull", True)),
                        name="group_enrolment_is_of_a_segment_or_a_list",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "running")),
                        fields=("campaign", "segment"),
                        name="segment_is_enrolled_once_at_a_time",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "running")),
                        fields=("campaign", "list"),
                        name="list_is_enrolled_once_at_a_time",
                    ),
                ],
            },
        ),
    ]
