"""Exports: everybody once, nothing a spreadsheet would run, and fit to be imported again."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator

import pytest

from leads import exporting, services
from leads.exporting import export_people
from leads.formulas import defuse, undo_defusing
from leads.importing import run_import, start_import
from leads.models import Person
from leads.queries import search_people
from tests.factories import make_person, make_profile


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_defuse_makes_formulas_text_and_can_be_undone(start: str) -> None:
    cell = f"{start}cmd|' /C calc'!A0"
    assert defuse(cell) == f"'{cell}"
    assert undo_defusing(defuse(cell)) == cell


@pytest.mark.parametrize("cell", ["", "Ann", "O'Neil", "'quoted'", "a=b"])
def test_defuse_leaves_harmless_cells_alone(cell: str) -> None:
    assert defuse(cell) == cell
    assert undo_defusing(cell) == cell


def parsed(lines: Iterator[str]) -> list[dict[str, str]]:
    return list(csv.DictReader("".join(lines).splitlines(keepends=True)))


@pytest.mark.django_db
def test_every_cell_of_an_export_is_defused() -> None:
    evil = "=1+1"
    person = make_person(
        display_name=evil,
        first_name="+1",
        last_name="-1",
        company="@SUM(A1)",
        title="\t=1",
        country="=D",
        language="-d",
    )
    make_profile("=evil@example.org", network="email", person=person)
    make_profile("-evil", person=person)
    services.tag([person.pk], ["=tag"], by="test")

    (row,) = parsed(export_people())

    dangerous = [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert dangerous == []
    assert row["display_name"] == "'=1+1"
    assert row["email"] == "'=evil@example.org"


@pytest.mark.django_db
def test_export_holds_everybody_once_over_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting.rows, "PAGE", 2)
    people = [make_person() for _ in range(5)]
    assert [int(row["id"]) for row in parsed(export_people())] == [person.pk for person in people]
    chosen = search_people(people[3].display_name)
    assert [int(row["id"]) for row in parsed(export_people(chosen))] == [people[3].pk]


@pytest.mark.django_db
def test_an_export_can_be_imported_again() -> None:
    person = services.create_person(
        by="test", first_name="-Ann", company="Müller; Söhne", website="https://x.example",
        profiles=[("email", "-ann@example.org"), ("email", "ann@example.org"), ("mastodon", "ann@m.example")],
    )  # fmt: skip
    services.tag([person.pk], ["vip", "=x"], by="test")
    content = "".join(export_people()).encode()
    Person.objects.all().delete()

    run = run_import(start_import(name="again.csv", content=content, by="test", dry_run=False).pk)

    assert (run.created, run.failed) == (1, 0), list(run.row_reports.values())
    again = Person.objects.get()
    assert (again.first_name, again.company, again.website) == ("-Ann", "Müller; Söhne", "https://x.example")
    assert set(again.profiles.values_list("network", "handle")) == {
        ("email", "-ann@example.org"),
        ("email", "ann@example.org"),
        ("mastodon", "ann@m.example"),
    }
    assert set(again.tags.values_list("name", flat=True)) == {"vip", "=x"}


@pytest.mark.django_db
def test_json_holds_what_is_stored_where_a_spreadsheet_gets_it_defused() -> None:
    """Programs read JSON: to them a defused name would be another name."""
    make_profile(
        "=evil@example.org", network="email", person=make_person(display_name="=1+1", company="@SUM")
    )
    written = {}
    for form in ("json", "csv"):
        export = exporting.run_export(exporting.start_export(format=form, by="test").pk)
        written[form] = b"".join(exporting.file_of(export)).decode()
    (person,) = json.loads(written["json"])
    assert (person["display_name"], person["company"], person["email"]) == (
        "=1+1",
        "@SUM",
        ["=evil@example.org"],
    )
    (row,) = csv.DictReader(written["csv"].splitlines())
    assert (row["display_name"], row["company"], row["email"]) == ("'=1+1", "'@SUM", "'=evil@example.org")


@pytest.mark.django_db
def test_export_of_nobody_has_a_header_only() -> None:
    make_person()
    export = exporting.run_export(exporting.start_export(choice={"ids": []}, by="test").pk)
    assert (export.status, export.rows) == ("completed", 0)
    assert b"".join(exporting.file_of(export)).decode().startswith("id,email,")
