from urllib.parse import urlsplit

import django.db.models.functions.text
from django.db import migrations, models

MANY_SERVERS = ("mastodon", "sandbox", "web")
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


def fill_home(apps, schema_editor):
    """As services.checks.home_of() has it from now on."""
    accounts = (
        apps.get_model("accounts", "Account").objects.filter(network__in=MANY_SERVERS).exclude(server="")
    )
    for account in accounts.exclude(network="mastodon", handle__contains="@").iterator():
        account.home = urlsplit(account.server).netloc.lower()[:255]
        account.save(update_fields=["home"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_proxies")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="home",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=255),
        ),
        migrations.AddField(
            model_name="account",
            name="longest_post",
            field=models.PositiveIntegerField(
                blank=True,
                editable=False,
                help_text="What its server takes as one post, where that is not the same on the whole network.",
                null=True,
            ),
        ),
        migrations.RunPython(fill_home, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="account", name="account_is_unique_by_network_and_handle"),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.UniqueConstraint(
                models.F("network"),
                django.db.models.functions.text.Lower("handle"),
                models.F("home"),
                name="account_is_unique_by_network_handle_and_home",
            ),
        ),
        migrations.AlterField(
            model_name="allowance", name="kind", field=models.CharField(choices=KINDS, max_length=20)
        ),
        migrations.AlterField(
            model_name="limit", name="kind", field=models.CharField(choices=KINDS, max_length=20)
        ),
        migrations.AlterField(
            model_name="warmup", name="kind", field=models.CharField(choices=KINDS, max_length=20)
        ),
    ]
