"""Whoever is deleted is noted too, so that segments let them go and keep their count."""

import django.db.models.deletion
from django.db import migrations, models

MAKE = """
CREATE FUNCTION leads_person_noted_on_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO leads_personchange (person_id) SELECT id FROM old_rows;
    IF FOUND AND EXISTS (SELECT FROM leads_segment) THEN
        PERFORM pg_notify('outreach_queue', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER leads_person_noted_on_delete AFTER DELETE ON leads_person REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION leads_person_noted_on_delete()
"""
DROP = (
    "DROP TRIGGER leads_person_noted_on_delete ON leads_person; DROP FUNCTION leads_person_noted_on_delete()"
)


class Migration(migrations.Migration):
    dependencies = [("leads", "0004_bounced_addresses")]

    operations = [
        migrations.AlterField(
            model_name="segmentmember",
            name="person",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="segment_members",
                to="leads.person",
            ),
        ),
        migrations.RunSQL(MAKE, DROP),
    ]
