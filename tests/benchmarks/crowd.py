"""An address book of any size with what hangs on it, written by the database itself in a few statements."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.db.models import Field, Model
from django.db.models.fields import NOT_PROVIDED
from django.utils import timezone
from psycopg import sql

from automation.enums import CampaignStatus
from automation.models import Campaign, Conversation, Enrolment, Lane, Message, Task
from leads.models import Import, ImportRow, Person, Profile, Suppression, Tag
from leads.services.tags import PersonTag
from tests.factories import make_account

FIRST = [
    "Anna",
    "Ben",
    "Carla",
    "Dario",
    "Elif",
    "Femi",
    "Greta",
    "Hiro",
    "Ines",
    "Jonas",
    "Kadri",
    "Luca",
    "Mina",
]
LAST = [
    "Albers",
    "Brandt",
    "Costa",
    "Dvorak",
    "Eriksen",
    "Farkas",
    "Gomez",
    "Hoxha",
    "Ivanov",
    "Jensen",
    "Kowalski",
]
COMPANIES = ["Roasters", "Bakery", "Press", "Cycles", "Studio", "Garden", "Optics"]
TAGS = 20
ACCOUNTS = 20


def grow(before: int, people: int) -> None:
    """From ``before`` people to ``people``, with addresses, tags, tasks, conversations, enrolments and reports on rows.

    Whoever wants to know how lists fare has the tables analysed afterwards.
    """
    if not before:
        _surroundings()
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Triggers note every change for segments to follow: that is another benchmark's affair.
            cursor.execute("SET LOCAL session_replication_role = replica")
        _people(before, people)
        _acts(before, people)


def _surroundings() -> None:
    accounts = [make_account() for _ in range(ACCOUNTS)]
    Lane.objects.bulk_create([Lane(account=one, network=one.network) for one in accounts])
    Tag.objects.bulk_create([Tag(name=f"tag {n}") for n in range(TAGS)])
    Campaign.objects.create(name="Tasting", network="sandbox", status=CampaignStatus.PAUSED)
    Import.objects.create(name="people.csv", dry_run=False, status="completed")


def _people(before: int, people: int) -> None:
    name = f"{_one_of(FIRST)} || ' ' || {_one_of(LAST, 13)} || ' ' || n"
    # Every tenth person has a score, one in a thousand said no: what lists filter by is rare and common.
    write(
        Person, before, people, id="n", display_name=name, company=f"{_one_of(COMPANIES, 7)} || ' ' || n % 5000",
        lifecycle="CASE WHEN n % 10 = 0 THEN 'contact' ELSE 'lead' END",
        stage="CASE WHEN n % 500 = 0 THEN 'won' WHEN n % 3 = 0 THEN 'qualified' ELSE 'new' END",
        language=_one_of(["de", "en", "en", "fr", "es"]), score="CASE WHEN n % 10 = 0 THEN n % 100 END",
        suppressed_at="CASE WHEN n % 1000 = 0 THEN now() END",
        found_by_id=f"CASE WHEN n % 50 = 0 THEN (SELECT min(id) FROM accounts_account) + n % {ACCOUNTS} END",
        created_at="now() - interval '1 year' + n * interval '10 seconds'",
    )  # fmt: skip
    shared = {"followers_count": "n % 10000", "language": "'de'"}
    write(
        Profile, before, people, id="2 * n", person_id="n", network="'sandbox'", handle="'person' || n",
        fetched_at="CASE WHEN n % 2 = 0 THEN now() END", **shared,
    )  # fmt: skip
    write(
        Profile, before // 2, people // 2, id="2 * n + 1", person_id="2 * n", network="'email'",
        handle=f"'person' || n || '@' || lower({_one_of(COMPANIES, 7)}) || '.example'", **shared,
    )  # fmt: skip
    tag = f"(SELECT min(id) FROM leads_tag) + n % {TAGS}"
    write(PersonTag, before, people // 2 if not before else people, person_id="n", tag_id=tag)
    write(
        Suppression, before // 1000, people // 1000, network="'sandbox'", address="'person' || n * 1000",
        address_hash="md5(n::text)", person_id="n * 1000",
    )  # fmt: skip
    write(
        ImportRow, before, people, import_run_id="(SELECT min(id) FROM leads_import)", number="n + 1", person_id="n",
        outcome="CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'created' END",
    )  # fmt: skip


def _acts(before: int, people: int) -> None:
    account = f"(SELECT min(id) FROM accounts_account) + n % {ACCOUNTS}"
    campaign = "(SELECT min(id) FROM automation_campaign)"
    ended = "n % 20 <> 0 AND n % 997 <> 0"
    write(
        Task, before, people, id="n", lane_id=account, kind="CASE WHEN n % 4 = 0 THEN 'dm' ELSE 'follow' END",
        state="CASE WHEN n % 20 = 0 THEN 'pending' WHEN n % 997 = 0 THEN 'unknown' WHEN n % 50 = 1 THEN 'failed' "
        "ELSE 'completed' END",
        finished_at=f"CASE WHEN {ended} THEN now() END", dedupe_key="'crowd-' || n", send_id="gen_random_uuid()",
        person_id="n", profile_id="2 * n", campaign_id=campaign,
    )  # fmt: skip
    write(
        Enrolment, before // 2, people // 2, campaign_id=campaign, person_id="n", profile_id="2 * n", account_id=account,
        state="CASE WHEN n % 10 = 0 THEN 'active' ELSE 'done' END",
    )  # fmt: skip
    write(
        Conversation, before // 10, people // 10, id="n", account_id=account, person_id="n", profile_id="2 * n",
        unread="CASE WHEN n % 50 = 0 THEN 1 ELSE 0 END", last_message_at="now() - n * interval '1 minute'",
    )  # fmt: skip
    write(
        Message, before, people, id="n", conversation_id=f"1 + n % {people // 10}",
        direction="CASE WHEN n % 3 = 0 THEN 'in' ELSE 'out' END", text="'Hello number ' || n", sent_at="now()",
    )  # fmt: skip


def write(model: type[Model], before: int, to: int, **columns: str) -> None:
    """Rows ``n`` with ``before < n <= to``, each column by its expression; the other fields get their default."""
    chosen: dict[str, sql.Composable] = {name: sql.SQL(text) for name, text in columns.items()}
    for field in model._meta.concrete_fields:
        if field.column not in chosen and not field.primary_key and field.db_default is NOT_PROVIDED:
            chosen[field.column] = sql.Literal(_default(field))
    statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM generate_series({}::bigint, {}) AS n").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(map(sql.Identifier, chosen)),
        sql.SQL(", ").join(chosen.values()), before + 1, to,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement)
        cursor.execute(
            sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), GREATEST((SELECT max(id) FROM {}), 1))").format(
                sql.Literal(model._meta.db_table), sql.Identifier(model._meta.db_table)
            )
        )  # fmt: skip


def _default(field: Field[Any, Any]) -> Any:
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return timezone.now()
    return field.get_db_prep_save(field.get_default(), connection)


def _one_of(words: list[str], divisor: int = 1) -> str:
    quoted = ", ".join(f"'{word}'" for word in words)
    return f"(ARRAY[{quoted}])[1 + (n / {divisor}) % {len(words)}]"
