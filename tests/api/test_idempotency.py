"""Sent twice, done once: alone, with another body, after a failure, after a day, and eight at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from accounts import idempotency
from accounts.models import IdempotencyKey
from leads.models import Import, Note, Person
from tests import factories
from tests.api.conftest import Caller, Multipart, World, by_key, make_role
from tests.api.test_access import TABLE, Row, filled

CREATES = [row for row in TABLE if row.method == "POST" and row.status == 201 and row.path != "/keys"]
ANN = {"first_name": "Ann"}


def test_same_request_again_is_answered_the_same_and_does_nothing(api: Caller) -> None:
    first = api.post("/people", ANN, Idempotency_Key="k1")
    again = api.post("/people", ANN, Idempotency_Key="k1")
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    assert (first["Idempotency-Replayed"], again["Idempotency-Replayed"]) == ("false", "true")
    assert Person.objects.count() == 1


@pytest.mark.parametrize("row", CREATES, ids=str)
def test_every_request_that_creates_can_be_repeated(api: Caller, world: World, row: Row) -> None:
    path, body = row.path.format(**world), filled(row.body, world)
    first = api.send(row.method, path, body, Idempotency_Key="k1")
    again = api.send(row.method, path, body, Idempotency_Key="k1")
    assert (first.status_code, again.status_code, again["Idempotency-Replayed"]) == (
        row.status,
        row.status,
        "true",
    )
    assert first.json() == again.json()


def test_answer_with_a_key_is_the_answer_without(api: Caller) -> None:
    person = factories.make_person()
    plain = api.post(f"/people/{person.pk}/notes", {"text": "x"}).json()
    keyed = api.post(f"/people/{person.pk}/notes", {"text": "x"}, Idempotency_Key="k1").json()
    assert {**plain, "id": 0, "created_at": plain["created_at"][-1]} == {
        **keyed,
        "id": 0,
        "created_at": keyed["created_at"][-1],
    }
    assert len(plain["created_at"]) == len(keyed["created_at"])


def test_same_key_for_another_request_is_refused(api: Caller) -> None:
    person = factories.make_person()
    api.post("/people", ANN, Idempotency_Key="k1")
    for path, body in (
        ("/people", {"first_name": "Bo"}),
        (f"/people/{person.pk}/notes", ANN | {"text": "x"}),
    ):
        response = api.post(path, body, Idempotency_Key="k1")
        assert (response.status_code, response.json()["error"]) in (
            (409, "idempotency_key_reused"),
            (422, "invalid"),
        )
    response = api.post(f"/people/{person.pk}/notes", {"text": "x"}, Idempotency_Key="k1")
    assert response.status_code == 409
    assert (Person.objects.count(), Note.objects.count()) == (2, 0)


def test_key_belongs_to_its_owner(api: Caller) -> None:
    other = by_key(make_role("administrator"))
    api.post("/people", ANN, Idempotency_Key="k1")
    assert other.post("/people", ANN, Idempotency_Key="k1")["Idempotency-Replayed"] == "false"
    assert Person.objects.count() == 2


def test_failed_request_may_be_repeated_under_its_key(api: Caller) -> None:
    taken = factories.make_profile("ann@example.org", network="email")
    body = {"profiles": [{"network": "email", "handle": "ann@example.org"}]}
    assert api.post("/people", body, Idempotency_Key="k1").status_code == 422
    assert not IdempotencyKey.objects.exists()
    taken.delete()
    assert api.post("/people", body, Idempotency_Key="k1").status_code == 201


def test_key_is_free_again_after_a_day_and_purged(api: Caller) -> None:
    api.post("/people", ANN, Idempotency_Key="k1")
    IdempotencyKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert api.post("/people", ANN, Idempotency_Key="k1")["Idempotency-Replayed"] == "false"
    assert idempotency.purge() == 0
    IdempotencyKey.objects.update(expires_at=timezone.now())
    assert (idempotency.purge(batch=1), IdempotencyKey.objects.count()) == (1, 0)


@pytest.mark.parametrize("key", ["", " ", "a b", "ü", "x" * 256])
def test_key_that_is_none_is_refused(api: Caller, key: str) -> None:
    response = api.post("/people", ANN, Idempotency_Key=key)
    assert (response.status_code, Person.objects.count()) == (422, 0)


def test_upload_is_recognised_by_what_it_carries(api: Caller) -> None:
    def upload(text: bytes) -> Any:
        file = SimpleUploadedFile("people.csv", text, "text/csv")
        return api.send("POST", "/imports", Multipart(file=file), Idempotency_Key="k1")

    first, again = upload(b"email\na@b.example\n"), upload(b"email\na@b.example\n")
    other = upload(b"email\nc@d.example\n")
    assert (first.status_code, again.json()["id"], other.status_code) == (202, first.json()["id"], 409)
    assert Import.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_have_one_effect() -> None:
    api = by_key(make_role("administrator"))
    gate = Barrier(8)

    def send(_: int) -> tuple[int, int]:
        gate.wait()
        try:
            response = Caller(api.headers).post("/people", ANN, Idempotency_Key="k1")
            return response.status_code, response.json()["id"]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(send, range(8)))
    assert answers == {(201, Person.objects.get().pk)}
