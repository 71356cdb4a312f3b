"""Imports: what becomes of each row, tried first, killed and resumed, never against a no."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import OrmQ

from leads import consent, importing, jobs, recovery
from leads.importing import ImportFileError, keep, run, run_import, start_import
from leads.models import Import, ImportPart, ImportRow, Person, PersonChange, Profile, Suppression, Tag
from outreach.lib.events import Event
from tests.factories import make_person, make_profile
from tests.leads.conftest import named, own_queries

pytestmark = pytest.mark.django_db


def take(content: str | bytes, *, dry_run: bool = False, **options: Any) -> Import:
    data = content.encode() if isinstance(content, str) else content
    return run_import(start_import(name="people.csv", content=data, by="test", dry_run=dry_run, **options).pk)


def outcomes(done: Import) -> list[tuple[int, str]]:
    return list(done.row_reports.order_by("number").values_list("number", "outcome"))


def message(done: Import, number: int) -> str:
    return done.row_reports.get(number=number).message


def test_import_takes_every_known_column() -> None:
    done = take(
        "E-Mail;First Name;LAST_NAME;Company;Job Title;Website;Tags;Mastodon;Shoe size\n"
        "Ann@Example.org;Ann;Lee;Acme;CTO;acme.example;vip, new;@Ann@m.example;42\n"
    )
    assert (done.status, done.rows, done.created) == ("completed", 1, 1)
    person = Person.objects.get()
    assert (person.display_name, person.first_name, person.last_name) == ("Ann Lee", "Ann", "Lee")
    assert (person.company, person.title, person.website) == ("Acme", "CTO", "https://acme.example")
    assert set(person.profiles.values_list("network", "handle")) == {
        ("email", "ann@example.org"),
        ("mastodon", "ann@m.example"),
    }
    assert set(person.tags.values_list("name", flat=True)) == {"vip", "new"}
    assert done.mapping["Shoe size"] == ""
    assert done.row_reports.get().person == person


def test_import_reports_each_row() -> None:
    make_profile("known@example.org", network="email", person=make_person(company="Old", title=""))
    done = take(
        "email,company,title\n"
        "new@example.org,Acme,\n"
        "KNOWN@example.org,New,CTO\n"
        "known@example.org,,\n"
        "no address,Acme,\n"
        "NEW@example.org,Other,CEO\n"
        ",Acme,\n"
        ",,\n"
        "short\n"
        "nul\0@example.org,,\n"
        f"long@example.org,{'x' * 256},\n"
    )
    assert outcomes(done) == [
        (2, "created"), (3, "updated"), (4, "skipped"), (5, "failed"), (6, "updated"), (7, "failed"), (8, "skipped"),
        (9, "failed"), (10, "failed"), (11, "failed"),
    ]  # fmt: skip
    assert (done.rows, done.created, done.updated, done.skipped, done.failed) == (10, 1, 2, 2, 5)
    assert message(done, 5) == '"no address" is not an e-mail address; it should look like ann@example.org.'
    assert message(done, 7) == "The row has no e-mail address and no handle."
    assert message(done, 11) == "The column company is longer than 255 characters."
    known = Profile.objects.get(handle="known@example.org").person
    new = Profile.objects.get(handle="new@example.org").person
    assert (known.company, known.title) == ("Old", "CTO")
    assert (new.company, new.title) == ("Acme", "CEO")
    assert Person.objects.count() == 2


def test_import_refuses_a_row_whose_addresses_are_of_two_people() -> None:
    make_profile("ann@example.org", network="email")
    make_profile("bob@m.example", network="mastodon")
    done = take("email,mastodon\nann@example.org,bob@m.example\n")
    assert outcomes(done) == [(2, "failed")]
    assert "different people" in message(done, 2)
    assert Profile.objects.count() == 2


def test_import_adds_addresses_to_the_person_it_finds() -> None:
    person = make_profile("ann@example.org", network="email").person
    assert outcomes(take("email,mastodon\nann@example.org,ann@m.example\n")) == [(2, "updated")]
    assert person.profiles.count() == 2


def test_import_leaves_out_a_website_that_is_none_and_says_so() -> None:
    done = take("email,website\nann@example.org,javascript:alert(1)\n")
    assert outcomes(done) == [(2, "created")]
    assert "website" in message(done, 2)
    assert Person.objects.get().website == ""


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_import_reads_other_encodings(encoding: str) -> None:
    take("email,first_name\nann@bücher.example,Änn\n".encode(encoding))
    assert Person.objects.get().first_name == "Änn"
    assert Profile.objects.get().handle == "ann@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "spelling", ["ANN@BÜCHER.example", "ann@xn--bcher-kva.example", "ann@bu\u0308cher.example"]
)
def test_import_of_a_suppressed_address_stays_suppressed(spelling: str, told: list[Event]) -> None:
    consent.suppress_address(network="email", handle="ann@bücher.example", by="inbox")

    done = take(f"email,mastodon\n{spelling},ann@m.example\nbob@example.org,bob@m.example\n")

    assert outcomes(done) == [(2, "created"), (3, "created")]
    assert "said no" in message(done, 2)
    assert message(done, 3) == ""
    person = Person.objects.get(profiles__handle="ann@m.example")
    assert consent.consenting_ids(Person.objects.values_list("pk", flat=True)) == {
        Person.objects.get(profiles__handle="bob@m.example").pk
    }
    assert consent.is_suppressed("mastodon", "ann@m.example")
    assert [event.ids for event in named(told, "person.suppressed")] == [(person.pk,)]


def test_import_after_erasure_is_still_blocked_by_the_hash_alone() -> None:
    person = make_profile("ann@example.org", network="email").person
    consent.suppress_person(person_id=person.pk, by="boss")
    person.delete()
    Suppression.objects.update(address="")

    take("email\nAnn@Example.org\n")

    assert Person.objects.get().suppressed_at is not None


def test_dry_run_writes_nothing_but_its_report(told: list[Event]) -> None:
    known = make_profile("known@example.org", network="email", person=make_person(company=""))
    before = Person.objects.values().get()
    done = take("email,company,tags\nnew@example.org,Acme,vip\nknown@example.org,Acme,vip\n", dry_run=True)

    assert outcomes(done) == [(2, "created"), (3, "updated")]
    assert Person.objects.values().get() == before
    assert Profile.objects.get() == known
    assert not Tag.objects.exists()
    assert [event.name for event in told] == ["import.created", "import.finished"]


def test_dry_run_knows_an_address_of_an_earlier_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BATCH", 1)
    done = take("email,company\nann@example.org,A\nbob@example.org,B\nANN@example.org,C\n", dry_run=True)
    assert outcomes(done) == [(2, "created"), (3, "created"), (4, "updated")]
    assert message(done, 4) == "Same address as row 2."


def test_commit_dry_run_imports_the_same_file() -> None:
    tried = take("Address,company\nann@example.org,Acme\n", dry_run=True, mapping={"Address": "email"})

    real = run_import(importing.commit_dry_run(tried.pk, by="test").pk)

    assert (real.created, real.dry_run) == (1, False)
    assert Person.objects.get().company == "Acme"
    assert not ImportPart.objects.exists()
    with pytest.raises(ImportFileError, match="Upload it again"):
        importing.commit_dry_run(tried.pk, by="test")


def test_import_killed_midway_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BATCH", 2)
    lines = [f"person{number}@example.org" for number in range(7)]
    started = start_import(name="x", content="\n".join(["email", *lines]).encode(), by="test", dry_run=False)
    apply, calls = run._apply_once, []

    def killed_in_third_batch(*args: Any) -> bool:
        going_on = apply(*args)
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return going_on

    monkeypatch.setattr(run, "_apply_once", killed_in_third_batch)
    with pytest.raises(KeyboardInterrupt):
        run_import(started.pk)
    assert Person.objects.count() == ImportRow.objects.count() == 4
    assert Import.objects.get(pk=started.pk).status == "running"

    monkeypatch.setattr(run, "_apply_once", apply)
    assert run_import(started.pk).rows == 4, "whoever holds the lease may be alive"
    Import.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert recovery.recover() == 2  # the import, and segments that follow its people
    assert OrmQ.objects.filter(payload__contains="leads.jobs.run_import").count() == 1
    jobs.run_import(started.pk)
    done = Import.objects.get(pk=started.pk)

    assert (done.status, done.rows, done.created) == ("completed", 7, 7)
    assert Person.objects.count() == 7
    assert [number for number, _ in outcomes(done)] == list(range(2, 9))
    assert run_import(started.pk).rows == 7


def test_import_by_two_runners_takes_each_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    started = start_import(
        name="x", content=b"email\na@example.org\nb@example.org\n", by="test", dry_run=False
    )
    apply = run._apply_once

    def twice(*args: Any) -> bool:
        apply(*args)
        return apply(*args)

    monkeypatch.setattr(run, "_apply_once", twice)
    done = run_import(started.pk)
    assert (done.rows, done.created, Person.objects.count()) == (2, 2, 2)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"Ann,Lee\nBob,Ray\n", "must name the columns. Known: email, first_name"),
        (b"first_name,company\nAnn,Acme\n", "No column holds an e-mail address or a handle"),
        ("email\nann@example.org\n".encode("utf-16-le"), "NUL"),
    ],
)
def test_start_import_refuses_a_file_nobody_could_read(content: bytes, sentence: str) -> None:
    with pytest.raises(ImportFileError, match=sentence):
        start_import(name="x", content=content, by="test")
    assert not Import.objects.exists()
    assert not ImportPart.objects.exists()


@pytest.mark.parametrize(
    ("mapping", "sentence"), [({"Nope": "email"}, "no column"), ({"email": "shoe_size"}, "no field")]
)
def test_start_import_refuses_a_mapping_to_nowhere(mapping: dict[str, str], sentence: str) -> None:
    with pytest.raises(ImportFileError, match=sentence):
        start_import(name="x", content=b"email\n", by="test", mapping=mapping)


def test_start_import_refuses_a_file_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "MAX_BYTES", 1_500_000)
    with pytest.raises(ImportFileError, match="Split it"):
        start_import(name="x", content=(b"x" * 1_000_000 for _ in range(2)), by="test")


def test_start_import_keeps_a_file_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "PART_BYTES", 10)
    content = b"email\n" + b"".join(b"p%d@example.org\n" % number for number in range(20))
    started = start_import(name="x", content=[content[:33], content[33:]], by="test", dry_run=True)
    parts = [bytes(part.content) for part in ImportPart.objects.filter(import_run=started)]
    assert b"".join(parts) == content
    assert {len(part) for part in parts[:-1]} == {10}
    assert run_import(started.pk).created == 20


def test_forget_files_deletes_old_ones_only() -> None:
    old, new = (take("email\nann@example.org\n", dry_run=True) for _ in range(2))
    Import.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=40))
    assert importing.forget_files(timezone.now() - timedelta(days=30)) == 1
    assert ImportPart.objects.get().import_run_id == new.pk


def test_a_batch_takes_the_same_queries_for_any_number_of_rows() -> None:
    consent.suppress_address(network="email", handle="p0@example.org", by="inbox")
    counts = []
    for number in (2, 100):
        content = "email,tags\n" + "".join(f"p{n}@example.org,t{n % 3}\n" for n in range(number))
        with own_queries() as queries:
            assert take(content).rows == number
        counts.append(len(queries))
        Person.objects.all().delete()
    assert counts[0] == counts[1] <= 40


def test_import_people_tries_unless_told_to_commit(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email,first_name\nann@example.org,Ann\nrubbish,Bob\n")
    said = StringIO()
    call_command("import_people", str(file), stdout=said)
    assert "2 rows, 1 created, 0 updated, 0 skipped, 1 failed" in said.getvalue()
    assert "row 3: failed" in said.getvalue()
    assert "dry run" in said.getvalue()
    assert not Person.objects.exists()

    said = StringIO()
    call_command("import_people", str(file), "--commit", "--json", stdout=said)
    rows = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [row["outcome"] for row in rows[:-1]] == ["created", "failed"]
    assert rows[-1]["created"] == 1
    assert Person.objects.get().first_name == "Ann"


def test_import_people_says_what_is_wrong_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        call_command("import_people", str(tmp_path / "nothing.csv"))
    (tmp_path / "empty.csv").touch()
    with pytest.raises(CommandError, match="empty"):
        call_command("import_people", str(tmp_path / "empty.csv"))


def test_export_people_writes_a_file(tmp_path: Path) -> None:
    make_profile("ann@example.org", network="email", person=make_person(display_name="Ann"))
    make_person(display_name="Bob")
    call_command("export_people", str(tmp_path / "out.csv"), "--search", "ann", stdout=StringIO())
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert len(lines) == 2
    assert "ann@example.org" in lines[1]


def test_import_wants_handles_that_name_their_server_where_a_network_has_many() -> None:
    """A bare handle would be somebody else than the same one with its server, who may have said no."""
    done = take("mastodon\nkatherine\n@katherine@m.example\n")
    assert outcomes(done) == [(2, "failed"), (3, "created")]
    assert message(done, 2) == (
        '"katherine" does not name its server: on Mastodon write katherine@ and the server, such as '
        "katherine@example.social."
    )
    assert Profile.objects.get().handle == "katherine@m.example"


def test_import_notes_each_new_person_once_and_everybody_it_changes() -> None:
    known = make_profile("known@example.org", network="email").person
    PersonChange.objects.all().delete()
    take("email,mastodon,tags\nnew@example.org,new@m.example,vip\nknown@example.org,known@m.example,vip\n")
    noted = list(PersonChange.objects.values_list("person_id", flat=True))
    new = Person.objects.exclude(pk=known.pk).get()
    assert noted.count(new.pk) == 1
    assert known.pk in noted


def test_profiles_and_tags_are_noted_again_after_an_import() -> None:
    take("email,tags\nnew@example.org,vip\n")
    person = Person.objects.get()
    PersonChange.objects.all().delete()
    make_profile(person=person)
    person.tags.add(Tag.objects.create(name="later"))
    assert list(PersonChange.objects.values_list("person_id", flat=True)) == [person.pk, person.pk]
