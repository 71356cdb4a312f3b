from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False  # the index is built beside the running installation, which goes on keeping messages

    dependencies = [
        ("automation", "0010_mail_reports"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(fields=["sent_at"], condition=~Q(notice=""), name="message_notice"),
        ),
    ]
