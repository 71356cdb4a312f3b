"""Proofs: made small, freed of sessions, kept, and gone by age and by size."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone
from PIL import Image

from automation import proofs
from automation.channels import evidence
from automation.channels.evidence import Evidence
from automation.models import Proof
from automation.proofs import shrinking
from outreach.lib import retention
from tests.factories import make_person, make_task

pytestmark = pytest.mark.django_db


def png(width: int = 800, height: int = 600, colour: str = "red") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(content, "PNG")
    return content.getvalue()


def trace(*lines: object, **files: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("trace.network", "\n".join(json.dumps(line) for line in lines))
        for name, body in files.items():
            archive.writestr(f"resources/{name}", body)
    return content.getvalue()


def test_picture_is_kept_small_and_found_by_its_send_id():
    send_id = uuid.uuid4()
    evidence.keep(send_id, [Evidence("page.png", png(3000, 9000), "Refused: not now")])
    proof = Proof.objects.of(send_id).get()
    assert (proof.name, proof.mime, proof.note) == ("page.webp", "image/webp", "Refused: not now")
    image = Image.open(io.BytesIO(bytes(proof.content)))
    assert image.size == (shrinking.WIDEST, shrinking.HIGHEST)
    assert proof.size == len(proof.content)
    assert not Proof.objects.of(uuid.uuid4()).exists()


def test_what_is_no_picture_is_not_kept():
    assert proofs.keep(uuid.uuid4(), [Evidence("page.png", b"<script>alert(1)</script>")]) == 0
    assert not Proof.objects.exists()


def test_trace_loses_what_opens_a_session():
    request = {
        "type": "resource-snapshot",
        "snapshot": {
            "request": {
                "headers": [
                    {"name": "Cookie", "value": "id=canary1"},
                    {"name": "Accept", "value": "text/html"},
                ],
                "cookies": [{"name": "id", "value": "canary1"}],
                "postData": {"_sha1": "body1.txt", "text": "canary2"},
            },
            "response": {
                "headers": [{"name": "Set-Cookie", "value": "id=canary3"}],
                "content": {"_sha1": "a.html"},
            },
        },
    }
    clean = shrinking.trace(trace(request, **{"body1.txt": b"canary4", "a.html": b"<p>page</p>"}))
    assert clean is not None
    with zipfile.ZipFile(io.BytesIO(clean)) as archive:
        whole = {name: archive.read(name).decode() for name in archive.namelist()}
    assert "canary" not in "".join(whole.values())
    assert whole["resources/a.html"] == "<p>page</p>"
    assert "text/html" in whole["trace.network"]


def test_broken_trace_is_not_kept():
    for content in (b"", b"PK nonsense", trace("x").replace(b'"x"', b"'x'")):
        assert proofs.keep(uuid.uuid4(), [Evidence("trace.zip", content)]) == 0
    assert not Proof.objects.exists()


def test_old_proofs_go():
    old, young = uuid.uuid4(), uuid.uuid4()
    for send_id in (old, young):
        proofs.keep(send_id, [Evidence("page.png", png())])
    Proof.objects.filter(send_id=old).update(taken_at=timezone.now() - timedelta(days=31))
    assert proofs.purge(timezone.now() - timedelta(days=30), 10) == 1
    assert Proof.objects.get().send_id == young


def test_oldest_go_when_there_is_no_more_room(settings):
    for number in range(4):
        Proof.objects.create(
            send_id=uuid.uuid4(), name=f"page{number}.webp", mime="image/webp", content=b"x", size=400_000,
            taken_at=timezone.now() - timedelta(hours=4 - number),
        )  # fmt: skip
    settings.PROOF_MEGABYTES = 1
    assert proofs.trim() == 2
    assert sorted(Proof.objects.values_list("name", flat=True)) == ["page2.webp", "page3.webp"]
    assert proofs.total_size() == 800_000
    assert proofs.trim() == 0


def test_room_is_kept_while_proofs_come(settings):
    settings.PROOF_MEGABYTES = 0
    for _ in range(2 * proofs.keeping.TRIM_EVERY):
        proofs.keep(uuid.uuid4(), [Evidence("page.png", png(10, 10))])
    assert Proof.objects.count() < proofs.keeping.TRIM_EVERY


def test_database_trouble_does_not_reach_the_channel(monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(Proof.objects, "bulk_create", broken)
    assert proofs.keep(uuid.uuid4(), [Evidence("page.png", png())]) == 0


def test_proofs_go_with_their_task_and_with_their_person():
    person = make_person()
    theirs, others = make_task(person=person), make_task()
    for send_id in (theirs.send_id, others.send_id, uuid.uuid4()):
        proofs.keep(send_id, [Evidence("page.png", png())])
    Proof.objects.update(taken_at=timezone.now() - timedelta(days=2))
    assert retention.run().rows["proofs of deleted tasks"] == 1
    assert proofs.forget(person.pk) == 1
    assert Proof.objects.get().send_id == others.send_id
