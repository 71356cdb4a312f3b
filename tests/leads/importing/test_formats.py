"""Spreadsheets and cards in; hostile files get a report or a sentence, and never the machine's memory."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import openpyxl
import pytest

from leads import importing
from leads.importing import ImportFileError, run_import, start_import
from leads.importing.sheets import Watched
from leads.models import Import, ImportPart, Person, Profile

pytestmark = pytest.mark.django_db

CARDS = """BEGIN:VCARD
VERSION:3.0
N:Lee;Ann;;;
FN:Ann Lee
ORG:Acme;Coffee
TITLE:CTO
EMAIL;TYPE=work:Ann@Example.org
EMAIL:ann@home.example
URL:https://ann.example
CATEGORIES:vip,tea
PHOTO;ENCODING=b;TYPE=JPEG:AAAA
 AAAA
END:VCARD
BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;Bo
FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Bo M=C3=BCller
EMAIL;INTERNET:bo@example.org
END:VCARD
BEGIN:VCARD
this is no line of a card
END:VCARD
BEGIN:VCARD
VERSION:3.0
FN:No Address
END:VCARD
"""


def workbook(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def take(content: bytes, **options: Any) -> Import:
    return run_import(start_import(name="people", content=content, by="test", dry_run=False, **options).pk)


def outcomes(done: Import) -> list[tuple[int, str]]:
    return list(done.row_reports.order_by("number").values_list("number", "outcome"))


def test_spreadsheet_is_taken_in_under_its_own_row_numbers() -> None:
    done = take(
        workbook(
            ["Email", "First name", "Company"], ["ann@example.org", "Ann", 42.0], [], ["no address", "Bo", None],
            ["cy@example.org"],
        )
    )  # fmt: skip
    assert outcomes(done) == [(2, "created"), (3, "skipped"), (4, "failed"), (5, "created")]
    assert Person.objects.get(first_name="Ann").company == "42"
    assert (done.status, done.progress) == ("completed", 1.0)
    assert not ImportPart.objects.exists()


def test_spreadsheet_tried_first_is_committed_later() -> None:
    content = workbook(["email"], *[[f"p{n}@example.org"] for n in range(30)])
    tried = run_import(start_import(name="x", content=content, by="test").pk)
    assert (tried.created, Person.objects.count()) == (30, 0)
    run_import(importing.commit_dry_run(tried.pk, by="test").pk)
    assert Person.objects.count() == 30


def test_spreadsheet_of_several_parts_becomes_csv_of_several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing.keep, "PART_BYTES", 500)
    done = take(workbook(["email", "company"], *[[f"p{n}@example.org", "x" * 40] for n in range(100)]))
    assert (done.rows, done.created) == (100, 100)


def test_cards_are_taken_in_and_bad_ones_reported() -> None:
    done = take(CARDS.replace("\n", "\r\n").encode())
    assert outcomes(done) == [(2, "created"), (3, "created"), (4, "failed"), (5, "failed")]
    ann = Person.objects.get(first_name="Ann")
    assert (ann.display_name, ann.company, ann.title, ann.website) == (
        "Ann Lee",
        "Acme",
        "CTO",
        "https://ann.example",
    )
    assert set(ann.profiles.values_list("handle", flat=True)) == {"ann@example.org", "ann@home.example"}
    assert set(ann.tags.values_list("name", flat=True)) == {"vip", "tea"}
    assert Person.objects.get(first_name="Bo").last_name == "Müller"
    assert "cannot be read" in done.row_reports.get(number=4).message


def bomb(name: str, size: int) -> bytes:
    """A workbook with one member replaced by something that unpacks to ``size`` bytes."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook(["email"]))) as good,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bad,
    ):
        for member in good.namelist():
            if member != name:
                bad.writestr(member, good.read(member))
        bad.writestr(name, b"<worksheet><sheetData><row><c><v>" + b"A" * size)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        bomb("xl/sharedStrings.xml", 61_000_000),
        bomb("xl/worksheets/sheet1.xml", 30_000_000),
        bomb("xl/styles.xml", 25_000_000),
        b"PK\x03\x04 is not really a zip",
        b"\xd0\xcf\x11\xe0 an old Excel file",
    ],
    ids=["strings", "sheet", "styles", "no zip", "xls"],
)
def test_spreadsheet_that_is_a_bomb_is_refused_with_a_sentence(content: bytes) -> None:
    with pytest.raises(ImportFileError, match=r"Save it as|cannot be read"):
        start_import(name="x", content=content, by="test")
    assert not Import.objects.exists()


def test_entities_of_a_spreadsheet_are_not_expanded() -> None:
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><worksheet><c>&b;</c></worksheet>'
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(["email"]))) as good, zipfile.ZipFile(file, "w") as bad:
        for member in good.namelist():
            bad.writestr(member, laughs if member.endswith("sheet1.xml") else good.read(member))
    with pytest.raises(ImportFileError, match="cannot be read"):
        start_import(name="x", content=file.getvalue(), by="test")


def test_watched_refuses_a_row_without_end() -> None:
    watched = Watched(io.BytesIO(b"<row>" + b"<c/>" * 1_000_000))
    with pytest.raises(ImportFileError, match="too long"):
        while watched.read(16_000):
            pass


def test_mapping_is_remembered_for_the_same_columns() -> None:
    take(b"Mail von ihm,Firma\nann@example.org,Acme\n", mapping={"Mail von ihm": "email", "Firma": "company"})
    again = take(b"Firma,Mail von ihm\nBeans,bo@example.org\n")
    assert again.mapping == {"Firma": "company", "Mail von ihm": "email"}
    assert Person.objects.filter(company="Beans").count() == 1
    with pytest.raises(ImportFileError, match="No column"):
        take(b"Firma,Mail von ihm,Other\nBeans,cy@example.org,x\n")


def test_remap_tries_a_dry_run_again() -> None:
    tried = run_import(start_import(name="x", content=b"email,boss\nann@example.org,Cy\n", by="test").pk)
    again = importing.remap(tried.pk, {"boss": "title"}, by="test")
    assert (again.status, again.rows, again.row_reports.count()) == ("pending", 0, 0)
    run_import(again.pk)
    run_import(importing.commit_dry_run(again.pk, by="test").pk)
    assert Person.objects.get().title == "Cy"


def test_cancelled_import_stops_and_keeps_what_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing.run, "BATCH", 2)
    content = b"email\n" + b"".join(b"p%d@example.org\n" % n for n in range(10))
    started = start_import(name="x", content=content, by="test", dry_run=False)
    apply = importing.run._apply_once

    def cancelled_after_two(*args: Any) -> bool:
        going_on = apply(*args)
        if going_on and Person.objects.count() == 4:
            assert importing.cancel_import(started.pk, by="test")
        return going_on

    monkeypatch.setattr(importing.run, "_apply_once", cancelled_after_two)
    done = run_import(started.pk)
    assert (done.status, done.rows, Person.objects.count()) == ("cancelled", 4, 4)
    assert not importing.cancel_import(started.pk, by="test")


def test_import_that_is_out_of_time_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing.run, "BATCH", 2)
    content = b"email\n" + b"".join(b"p%d@example.org\n" % n for n in range(6))
    started = start_import(name="x", content=content, by="test", dry_run=False)
    run = run_import(started.pk, seconds=0)
    assert (run.status, run.rows, run.leased_until) == ("running", 2, None)
    assert 0 < run.progress <= 1
    assert run_import(started.pk).rows == 6


def test_handle_without_its_server_is_a_clear_error_of_its_row() -> None:
    done = take(b"email,mastodon\nann@example.org,@ann\nbo@example.org,bo@m.example\n")
    assert outcomes(done) == [(2, "failed"), (3, "created")]
    assert "ann@example.social" in done.row_reports.get(number=2).message
    assert Profile.objects.count() == 2
