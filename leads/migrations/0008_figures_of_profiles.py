"""The history of profiles' figures, what profiles say of place, site and picture, and whether an address takes mail."""

import django.db.models.deletion
from django.db import migrations, models


def text(**options):
    return models.CharField(blank=True, db_default="", default="", **options)


class Migration(migrations.Migration):
    dependencies = [("leads", "0007_people_by_score_and_language")]

    operations = [
        migrations.AddField("profile", "location", text(max_length=255, help_text="In their own words.")),
        migrations.AddField("profile", "website", text(max_length=500)),
        migrations.AddField(
            "profile",
            "avatar_url",
            text(max_length=1000, help_text="Where the network has their picture."),
        ),
        migrations.AddField(
            "profile",
            "mail_verdict",
            text(
                max_length=5,
                choices=[
                    ("good", "Takes mail"),
                    ("risky", "Takes mail, but not one person's"),
                    ("bad", "Takes no mail"),
                ],
                help_text="Of an e-mail address; a bad one is never chosen for sending. Empty: not checked yet.",
            ),
        ),
        migrations.AddField("profile", "mail_note", text(max_length=200)),
        migrations.CreateModel(
            name="ProfileFigures",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("followers_count", models.PositiveIntegerField(blank=True, null=True)),
                ("following_count", models.PositiveIntegerField(blank=True, null=True)),
                ("posts_count", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "profile",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="figures",
                        to="leads.profile",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "profile figures",
                "ordering": ("profile_id", "day"),
                "indexes": [models.Index(fields=["day"], name="profile_figures_day")],
                "constraints": [
                    models.UniqueConstraint(fields=("profile", "day"), name="profile_has_figures_once_a_day"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("followers_count__isnull", False),
                            ("following_count__isnull", False),
                            ("posts_count__isnull", False),
                            _connector="OR",
                        ),
                        name="profile_figures_say_something",
                    ),
                ],
            },
        ),
    ]
