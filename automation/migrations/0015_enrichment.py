"""How far enriching each profile is, and the triggers that have a profile looked at when it appears or changes.

New profiles are noted a statement at a time, so that an import's batch pays once. Changes are noted a row at a time and only
where one of the columns that steps read is another one afterwards: what enriching itself writes is none of them.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

READ = (
    "bio",
    "recent_posts",
    "display_name",
    "url",
    "website",
    "location",
    "language",
    "avatar_url",
    "handle",
    "bounced_at",
)
COLUMNS = "profile_id, steps, facts, failed, due_at, revision, deaths, online_deaths"
MAKE = f"""
CREATE FUNCTION automation_enrichment_of_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO automation_enrichment ({COLUMNS})
    SELECT id, '{{}}', '{{}}', '{{}}', now(), 0, 0, 0 FROM new_rows ON CONFLICT (profile_id) DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER automation_enrichment_of_new AFTER INSERT ON leads_profile REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION automation_enrichment_of_new();
CREATE FUNCTION automation_enrichment_of_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO automation_enrichment AS row ({COLUMNS}) VALUES (NEW.id, '{{}}', '{{}}', '{{}}', now(), 1, 0, 0)
    ON CONFLICT (profile_id) DO UPDATE SET due_at = now(), revision = row.revision + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER automation_enrichment_of_changed AFTER UPDATE OF {", ".join(READ)} ON leads_profile FOR EACH ROW
WHEN (({", ".join(f"OLD.{name}" for name in READ)}) IS DISTINCT FROM ({", ".join(f"NEW.{name}" for name in READ)}))
EXECUTE FUNCTION automation_enrichment_of_changed();
"""  # noqa: S608 - nothing in it comes from outside
DROP = """
DROP TRIGGER automation_enrichment_of_changed ON leads_profile;
DROP TRIGGER automation_enrichment_of_new ON leads_profile;
DROP FUNCTION automation_enrichment_of_changed();
DROP FUNCTION automation_enrichment_of_new();
"""


class Migration(migrations.Migration):
    dependencies = [("automation", "0013_labels_of_conversations"), ("leads", "0008_figures_of_profiles")]

    operations = [
        migrations.CreateModel(
            name="Enrichment",
            fields=[
                (
                    "profile",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="enrichment",
                        serialize=False,
                        to="leads.profile",
                    ),
                ),
                ("steps", models.JSONField(default=dict)),
                ("facts", models.JSONField(default=dict)),
                (
                    "failed",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), default=list, size=None
                    ),
                ),
                (
                    "due_at",
                    models.DateTimeField(
                        blank=True, help_text="When there is something to compute.", null=True
                    ),
                ),
                (
                    "online_at",
                    models.DateTimeField(
                        blank=True, help_text="When there is something to fetch.", null=True
                    ),
                ),
                ("revision", models.PositiveIntegerField(default=0, editable=False)),
                (
                    "deaths",
                    models.PositiveSmallIntegerField(
                        default=0,
                        editable=False,
                        help_text="How often it was begun and never finished.",
                    ),
                ),
                ("online_deaths", models.PositiveSmallIntegerField(default=0, editable=False)),
            ],
            options={
                "verbose_name_plural": "enrichment",
                "ordering": ("-profile_id",),
                "indexes": [
                    models.Index(
                        fields=["due_at"],
                        condition=models.Q(("due_at__isnull", False)),
                        name="enrichment_due",
                    ),
                    models.Index(
                        fields=["online_at"],
                        condition=models.Q(("online_at__isnull", False)),
                        name="enrichment_online_due",
                    ),
                    models.Index(
                        fields=["-profile"],
                        condition=models.Q(("failed", []), _negated=True),
                        name="enrichment_failed",
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["failed"],
                        condition=models.Q(("failed", []), _negated=True),
                        name="enrichment_failed_steps",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EnrichmentStep",
            fields=[
                ("name", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("version", models.PositiveSmallIntegerField()),
                ("marked_to", models.BigIntegerField(default=0)),
                ("complete", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="EnrichmentRunner",
            fields=[
                ("kind", models.CharField(max_length=8, primary_key=True, serialize=False)),
                ("leased_until", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Avatar",
            fields=[
                (
                    "profile",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="avatar",
                        serialize=False,
                        to="leads.profile",
                    ),
                ),
                ("content", models.BinaryField()),
                ("mime", models.CharField(max_length=32)),
                ("size", models.PositiveIntegerField(help_text="Bytes.")),
                ("fetched_at", models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.RunSQL(MAKE, DROP),
    ]
