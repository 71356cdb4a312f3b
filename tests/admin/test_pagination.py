"""Pages of big tables."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import Person
from outreach.lib.admin import pagination
from outreach.lib.admin.pagination import BigTablePaginator

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> None:
    Person.objects.bulk_create(Person(display_name=f"Person {number}") for number in range(250))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE leads_person")


def test_pages_are_whole_and_in_order(people: None) -> None:
    paginator = BigTablePaginator(Person.objects.order_by("-id"), 50)
    seen = [row.pk for number in paginator.page_range for row in paginator.page(number).object_list]
    assert seen == sorted(Person.objects.values_list("pk", flat=True), reverse=True)


def test_small_list_is_counted_exactly(people: None) -> None:
    assert BigTablePaginator(Person.objects.order_by("-id"), 50).count == 250
    assert BigTablePaginator(Person.objects.filter(lifecycle="contact").order_by("-id"), 50).count == 0


def test_big_list_is_estimated_without_counting(people: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "EXACT_BELOW", 100)
    monkeypatch.setattr(pagination, "COUNTED", 100)
    Person.objects.filter(
        pk__in=Person.objects.order_by("pk").values("pk")[:5]
    ).delete()  # the statistics are older
    with CaptureQueriesContext(connection) as queries:
        assert BigTablePaginator(Person.objects.order_by("-id"), 50).count == 250
    assert "count(*)" not in queries[0]["sql"].lower()
    estimate = BigTablePaginator(Person.objects.filter(lifecycle="lead").order_by("-id"), 50).count
    assert 100 <= estimate <= 250


def test_far_page_reads_its_own_rows_only(people: None) -> None:
    rows = Person.objects.select_related("found_by").order_by("-id")
    with CaptureQueriesContext(connection) as queries:
        list(BigTablePaginator(rows, 50).page(5).object_list)
    keys, page = queries.captured_queries[-2:]
    assert "OFFSET 200" in keys["sql"]
    assert "display_name" not in keys["sql"]
    assert "OFFSET" not in page["sql"]
