"""Triggers that note in leads_personchange whoever changed, by whatever hand: services, bulk statements, psql.

They fire once a statement and see all its rows together, so that an import's batch pays once. A row counts as changed
when any of its columns did; a column added later is covered without anybody thinking of it.
"""

from django.db import migrations

# Wakes the queue's takers (outreach.lib.queue.broker.CHANNEL), who ask leads whether there is something to follow. Without
# segments nobody waits for that, and a commit with a notification is dearer.
FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO leads_personchange (person_id) {select};
    IF FOUND AND EXISTS (SELECT FROM leads_segment) THEN
        PERFORM pg_notify('outreach_queue', '');
    END IF;
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {tables}
FOR EACH STATEMENT EXECUTE FUNCTION {name}()
"""
BOTH = "OLD TABLE AS old_rows NEW TABLE AS new_rows"
# A row that changed hands concerns both people.
UPDATED = """
SELECT DISTINCT touched.person FROM new_rows
JOIN old_rows ON old_rows.id = new_rows.id AND old_rows.* IS DISTINCT FROM new_rows.*
CROSS JOIN LATERAL (VALUES (new_rows.{key}), (old_rows.{key})) AS touched (person)
"""
CHANGED = "SELECT DISTINCT {key} FROM {rows}"
TABLES = {
    "leads_person": ("id", ("insert", "update")),
    "leads_profile": ("person_id", ("insert", "update", "delete")),
    "leads_person_tags": ("person_id", ("insert", "update", "delete")),
    "leads_listmember": ("person_id", ("insert", "update", "delete")),
}


def statements():
    for table, (key, events) in TABLES.items():
        for event in events:
            name = f"{table}_noted_on_{event}"
            rows = "old_rows" if event == "delete" else "new_rows"
            select = UPDATED.format(key=key) if event == "update" else CHANGED.format(key=key, rows=rows)
            referencing = BOTH if event == "update" else f"{rows.split('_')[0]} TABLE AS {rows}"
            yield (
                FUNCTION.format(name=name, select=select)
                + ";"
                + TRIGGER.format(name=name, event=event, table=table, tables=referencing),
                f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}()",
            )


class Migration(migrations.Migration):
    dependencies = [("leads", "0002_segments_lists_merges_exports")]

    operations = [migrations.RunSQL(make, drop) for make, drop in statements()]
