from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("automation", "0011_mail_reports_are_found")]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="words",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="A short hash of what the model read: the same words are not judged again.",
                max_length=16,
            ),
        ),
    ]
