"""Lists of people by score, best first, and by language, without reading everybody."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # built while others read and write

    dependencies = [("leads", "0006_imports_note_people_once")]

    operations = [
        AddIndexConcurrently(
            "person",
            models.Index(
                models.F("score").desc(nulls_last=True),
                models.F("id").desc(),
                name="person_best",
            ),
        ),
        AddIndexConcurrently(
            "person",
            models.Index(
                fields=["language", "-id"], condition=~models.Q(language=""), name="person_language"
            ),
        ),
    ]
