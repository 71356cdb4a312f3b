from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

KINDS = [
    ("follow", "Follow"),
    ("unfollow", "Unfollow"),
    ("like", "Like"),
    ("post", "Post"),
    ("reply", "Reply"),
    ("dm", "Direct message"),
    ("email", "E-mail"),
    ("verify", "Verify account"),
    ("fetch_profile", "Fetch profile"),
    ("fetch_related", "Fetch related profiles"),
    ("fetch_commenters", "Fetch commenters"),
    ("fetch_search", "Search"),
    ("fetch_metrics", "Fetch metrics"),
    ("fetch_inbox", "Fetch inbox"),
    ("set_labels", "Set labels"),
]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("accounts", "0005_handles_of_several_servers"),
        ("automation", "0014_frontier"),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="labels",
            field=ArrayField(
                base_field=models.CharField(max_length=64),
                blank=True,
                default=list,
                help_text="Ours, and those of its mailbox.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="labels_there",
            field=ArrayField(
                base_field=models.CharField(max_length=64),
                blank=True,
                default=list,
                editable=False,
                size=None,
            ),
        ),
        migrations.AlterField(
            model_name="hold",
            name="kind",
            field=models.CharField(blank=True, choices=KINDS, max_length=20),
        ),
        migrations.AlterField(
            model_name="task", name="kind", field=models.CharField(choices=KINDS, max_length=20)
        ),
        AddIndexConcurrently(
            model_name="conversation", index=GinIndex(fields=["labels"], name="conversation_labels")
        ),
    ]
