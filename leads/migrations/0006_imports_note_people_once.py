"""What an import costs: its people are noted once instead of three times, and files are kept as they are.

An import writes a person, its addresses and its tags in one transaction, and the person's own row notes it. The parts of
files are bytes nobody searches, written once and read once: compressing them takes longer than writing them.
"""

from django.db import migrations, models
from django.db.models.deletion import CASCADE

FUNCTION = """
CREATE OR REPLACE FUNCTION {table}_noted_on_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {unless}INSERT INTO leads_personchange (person_id) SELECT DISTINCT person_id FROM new_rows;
    IF FOUND AND EXISTS (SELECT FROM leads_segment) THEN
        PERFORM pg_notify('outreach_queue', '');
    END IF;
    RETURN NULL;
END $$
"""
UNLESS = "IF current_setting('outreach.noted', true) = 'already' THEN RETURN NULL; END IF;\n    "
TABLES = ("leads_profile", "leads_person_tags")
STORAGE = "ALTER TABLE {table} ALTER COLUMN content SET STORAGE {storage}"
FILES = ("leads_importpart", "leads_exportpart")


class Migration(migrations.Migration):
    dependencies = [("leads", "0005_note_people_deleted")]

    operations = [
        *(
            migrations.RunSQL(
                FUNCTION.format(table=table, unless=UNLESS), FUNCTION.format(table=table, unless="")
            )
            for table in TABLES
        ),
        *(
            migrations.RunSQL(
                STORAGE.format(table=table, storage="EXTERNAL"),
                STORAGE.format(table=table, storage="EXTENDED"),
            )
            for table in FILES
        ),
        migrations.AlterField(
            model_name="importrow",
            name="import_run",
            field=models.ForeignKey(
                db_index=False, on_delete=CASCADE, related_name="row_reports", to="leads.import"
            ),
        ),
    ]
