"""The frontier of discovery, its plan, what was seen within the hour, posts of profiles, and those one could reply to."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_proxies"),
        ("automation", "0013_segments_and_lists_into_campaigns"),
        ("leads", "0005_note_people_deleted"),
    ]

    operations = [
        migrations.CreateModel(
            name="DiscoveryPlan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("network", models.CharField(max_length=32, unique=True)),
                (
                    "daily_looks",
                    models.PositiveIntegerField(
                        default=5000,
                        help_text="Profiles and pages read on a UTC day, by all accounts together.",
                    ),
                ),
                (
                    "refresh_days",
                    models.PositiveSmallIntegerField(
                        default=14,
                        help_text="A known profile is read again after about so many days.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(365),
                        ],
                    ),
                ),
                (
                    "expand",
                    models.BooleanField(
                        default=False,
                        help_text="Look at the followers and commenters of whoever fits, by itself.",
                    ),
                ),
                (
                    "opportunities_wanted",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="Posts of the last day kept at hand to be replied to; about 250. 0: none are looked for.",
                        validators=[django.core.validators.MaxValueValidator(5000)],
                    ),
                ),
                ("used_on", models.DateField(blank=True, editable=False, null=True)),
                ("used", models.PositiveIntegerField(default=0, editable=False)),
                (
                    "filled_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="When enough opportunities were first at hand.",
                        null=True,
                    ),
                ),
                ("harvested_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ("network",),
            },
        ),
        migrations.CreateModel(
            name="FrontierEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("network", models.CharField(max_length=32)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("search", "Search or hashtag"),
                            ("related", "Followers"),
                            ("commenters", "Commenters"),
                            ("profile", "Profile"),
                        ],
                        max_length=10,
                    ),
                ),
                ("query", models.CharField(max_length=255)),
                ("cursor", models.CharField(blank=True, default="", max_length=255)),
                ("page", models.PositiveIntegerField(default=0)),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("hand", "Asked for by hand"),
                            ("source", "A source"),
                            ("found", "Newly found"),
                            ("expand", "Near somebody who fits"),
                            ("refresh", "Read long ago"),
                            ("harvest", "May have just posted"),
                        ],
                        default="hand",
                        max_length=8,
                    ),
                ),
                (
                    "priority",
                    models.SmallIntegerField(
                        choices=[(0, "Critical"), (1, "High"), (2, "Normal"), (3, "Low")], default=3
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("queued", "Being read"),
                            ("done", "Read"),
                            ("failed", "Failed"),
                            ("dropped", "Dropped"),
                        ],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("detail", models.CharField(blank=True, default="", max_length=255)),
                ("due_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                (
                    "counted",
                    models.BooleanField(
                        default=False, help_text="Its profile turned out to fit and counts for the source."
                    ),
                ),
                (
                    "from_cache",
                    models.BooleanField(
                        default=False, help_text="Answered by what was seen within the hour."
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "frontier entry",
                "verbose_name_plural": "frontier",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="Opportunity",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("network", models.CharField(max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("taken", "Reply on its way"),
                            ("replied", "Replied"),
                            ("failed", "Reply failed"),
                            ("dismissed", "Dismissed"),
                            ("expired", "Too old"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                (
                    "score",
                    models.PositiveSmallIntegerField(
                        validators=[django.core.validators.MaxValueValidator(100)]
                    ),
                ),
                (
                    "topics",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), default=list, size=None
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                ("detail", models.CharField(blank=True, default="", max_length=255)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name_plural": "opportunities",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="ProfilePost",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("remote_id", models.CharField(max_length=255)),
                ("text", models.TextField(blank=True)),
                ("url", models.URLField(blank=True, max_length=500)),
                ("language", models.CharField(blank=True, max_length=8)),
                ("posted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "likes",
                    models.PositiveIntegerField(
                        blank=True, help_text="Empty where the network does not tell.", null=True
                    ),
                ),
                ("comments", models.PositiveIntegerField(blank=True, null=True)),
                ("seen_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "ordering": ("-posted_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="SeenPage",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("people", models.JSONField(default=list)),
                ("next_cursor", models.TextField(blank=True)),
                ("seen_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.AddField(
            model_name="source",
            name="qualified",
            field=models.PositiveIntegerField(
                db_default=0, default=0, editable=False, help_text="Of those found, who turned out to fit."
            ),
        ),
        migrations.AddField(
            model_name="frontierentry",
            name="account",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="frontier",
                to="accounts.account",
            ),
        ),
        migrations.AddField(
            model_name="frontierentry",
            name="profile",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="frontier",
                to="leads.profile",
            ),
        ),
        migrations.AddField(
            model_name="frontierentry",
            name="source",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="frontier",
                to="automation.source",
            ),
        ),
        migrations.AddField(
            model_name="frontierentry",
            name="task",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="automation.task",
            ),
        ),
        migrations.AddField(
            model_name="opportunity",
            name="profile",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="opportunities", to="leads.profile"
            ),
        ),
        migrations.AddField(
            model_name="opportunity",
            name="task",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="automation.task",
            ),
        ),
        migrations.AddField(
            model_name="profilepost",
            name="profile",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="posts",
                to="leads.profile",
            ),
        ),
        migrations.AddField(
            model_name="opportunity",
            name="post",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="opportunity",
                to="automation.profilepost",
            ),
        ),
        migrations.AddIndex(
            model_name="seenpage",
            index=models.Index(fields=["seen_at"], name="seen_page_seen_at"),
        ),
        migrations.AddIndex(
            model_name="frontierentry",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["network", "priority", "due_at", "id"],
                name="frontier_due",
            ),
        ),
        migrations.AddIndex(
            model_name="frontierentry",
            index=models.Index(
                condition=models.Q(("state", "queued")), fields=["account"], name="frontier_queued"
            ),
        ),
        migrations.AddIndex(
            model_name="frontierentry",
            index=models.Index(fields=["state", "-id"], name="frontier_state"),
        ),
        migrations.AddIndex(
            model_name="frontierentry",
            index=models.Index(
                condition=models.Q(("finished_at__isnull", False)),
                fields=["finished_at"],
                name="frontier_finished",
            ),
        ),
        migrations.AddConstraint(
            model_name="frontierentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "profile"), ("state__in", ("waiting", "queued"))),
                fields=("network", "query"),
                name="frontier_holds_a_profile_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="frontierentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("state__in", ("waiting", "queued")), models.Q(("kind", "profile"), _negated=True)
                ),
                fields=("network", "kind", "query", "cursor", "source"),
                name="frontier_holds_a_page_once_a_source",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="frontierentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ("waiting", "queued")), ("finished_at__isnull", False), _connector="XOR"
                ),
                name="frontier_finished_at_goes_with_its_state",
            ),
        ),
        migrations.AddIndex(
            model_name="profilepost",
            index=models.Index(fields=["profile", "-posted_at"], name="profile_post_newest"),
        ),
        migrations.AddIndex(
            model_name="profilepost",
            index=models.Index(fields=["seen_at"], name="profile_post_seen_at"),
        ),
        migrations.AddConstraint(
            model_name="profilepost",
            constraint=models.UniqueConstraint(
                fields=("profile", "remote_id"), name="profile_post_is_kept_once"
            ),
        ),
        migrations.AddIndex(
            model_name="opportunity",
            index=models.Index(
                condition=models.Q(("state", "open")),
                fields=["network", "expires_at"],
                name="opportunity_open",
            ),
        ),
        migrations.AddIndex(
            model_name="opportunity",
            index=models.Index(fields=["state", "-id"], name="opportunity_state"),
        ),
        migrations.AddIndex(
            model_name="opportunity",
            index=models.Index(fields=["created_at"], name="opportunity_created_at"),
        ),
    ]
