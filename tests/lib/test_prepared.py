"""Statements whose plans the server keeps."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, Credential, Limit
from outreach.lib import prepared
from tests.factories import make_account

pytestmark = pytest.mark.django_db


def plans_kept(of: str) -> int:
    return prepared.rows("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s::text", [of])[
        0
    ][0]


def test_a_statement_is_planned_once_however_often_it_runs() -> None:
    for number in range(3):
        assert prepared.rows("SELECT %s::int + 40 AS kept", [number]) == [(number + 40,)]
    assert plans_kept("SELECT $1::int + 40 AS kept") == 1


def test_behind_a_pgbouncer_nothing_is_kept(settings: pytest.FixtureRequest) -> None:
    settings.PREPARED_STATEMENTS = False  # type: ignore[attr-defined]
    assert prepared.rows("SELECT %s::int + 41", [1]) == [(42,)]
    settings.PREPARED_STATEMENTS = True  # type: ignore[attr-defined]
    assert plans_kept("SELECT $1::int + 41") == 0


def test_instances_equal_those_of_a_queryset_and_know_what_else_was_asked() -> None:
    account = make_account()
    ((found,),) = prepared.together(
        prepared.Select(Account, "WHERE id = %s", [account.pk], also="1 + 1 AS two")
    )
    assert vars(found).pop("two") == 2
    expected = Account.objects.get(pk=account.pk)
    fields = [field.attname for field in Account._meta.concrete_fields]
    assert [getattr(found, name) for name in fields] == [getattr(expected, name) for name in fields]
    assert not found._state.adding


def test_models_whose_values_django_converts_are_refused() -> None:
    with pytest.raises(TypeError, match="Django converts secret"):
        prepared.together(prepared.Select(Credential, "WHERE account_id = %s", [1]))


def test_errors_and_the_query_log_are_djangos() -> None:
    account = make_account()
    insert = "INSERT INTO accounts_limit (network, account_id, kind, \"window\", \"limit\") VALUES ('', %s, 'dm', 'day', 1)"
    with CaptureQueriesContext(connection) as seen:
        assert prepared.execute(insert, [account.pk]) == 1
    assert ["accounts_limit" in query["sql"] for query in seen] == [True]
    with pytest.raises(IntegrityError), transaction.atomic():
        prepared.execute(insert, [account.pk])
    assert Limit.objects.filter(account=account).count() == 1


def test_statements_asked_together_answer_like_those_asked_one_by_one() -> None:
    account = make_account()
    asked = (
        prepared.Query("UPDATE accounts_account SET display_name = %s WHERE id = %s", ["Ada", account.pk]),
        prepared.Select(Account, "WHERE id = %s", [account.pk], also="1 + 1 AS two"),
        prepared.Query("SELECT %s::int + 42", [1]),
    )
    updated, (found,), rows = prepared.together(*asked)
    assert (updated, found.display_name, vars(found)["two"], rows) == ([], "Ada", 2, [(43,)])
    with CaptureQueriesContext(connection) as seen:
        assert prepared.together(*asked)[2] == [(43,)]
    assert len(seen) == 3


@pytest.mark.django_db(transaction=True)
def test_statements_asked_together_see_what_was_committed_while_the_first_waited() -> None:
    account, waits = make_account(), threading.Event()

    def rename() -> None:
        with transaction.atomic():
            Account.objects.select_for_update().get(pk=account.pk)
            waits.set()
            while not blocked():
                time.sleep(0.01)
            Account.objects.filter(pk=account.pk).update(display_name="Ada")
            Limit.objects.create(account=account, kind="dm", window="day", limit=7)
        connection.close()

    other = threading.Thread(target=rename)
    other.start()
    waits.wait(10)
    with transaction.atomic():
        (locked,), limits = prepared.together(
            prepared.Select(Account, "WHERE id = %s FOR UPDATE", [account.pk]),
            prepared.Select(Limit, "WHERE account_id = %s", [account.pk]),
        )
    other.join()
    assert (locked.display_name, [limit.limit for limit in limits]) == ("Ada", [7])


def blocked() -> bool:
    """Whether some connection waits for another."""
    return bool(
        prepared.rows(
            "SELECT 1 FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > %s::int", [0]
        )
    )


def test_an_error_among_statements_asked_together_is_djangos_and_undoes_all() -> None:
    account = make_account()
    with pytest.raises(IntegrityError), transaction.atomic():
        prepared.together(
            prepared.Query(
                "UPDATE accounts_account SET display_name = %s WHERE id = %s", ["Ada", account.pk]
            ),
            prepared.Query("UPDATE accounts_account SET owner_id = %s::int", [0]),
            prepared.Query("INSERT INTO accounts_limit (network, kind) VALUES (%s, 'dm')", ["x"]),
        )
    account.refresh_from_db()
    assert account.display_name != "Ada"
