"""Proofs are written as they are taken, in a transaction of their own, and never stand in the way of an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib import import_module
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, OuterRef, Sum

from automation.channels import evidence
from automation.channels.evidence import Evidence
from automation.models import Proof, Task
from automation.models.proofs import ProofQuerySet
from outreach.lib import retention

log = structlog.get_logger(__name__)
MEGABYTE = 1_000_000
TRIM_EVERY = 50  # proofs: as many may come on top of the most that is kept
WEBP, ZIP = "image/webp", "application/zip"

TRIM = """
WITH newest AS (
    SELECT id, sum(size) OVER (ORDER BY taken_at DESC, id DESC) AS so_far FROM automation_proof),
old AS (SELECT id FROM newest WHERE so_far > %s ORDER BY id LIMIT %s)
DELETE FROM automation_proof WHERE id IN (SELECT id FROM old)
"""


def register() -> None:
    """Take what channels see from now on, and announce how long it is kept; called once when Django starts."""
    evidence.keep_with(keep)
    retention.register(
        retention.Rule("proofs", timedelta(days=settings.PROOF_DAYS), _older, purge),
        # Nobody can open them any more, nor would erasing their person find them.
        retention.rows("proofs of deleted tasks", timedelta(days=1), _orphaned),
        retention.Rule(
            "proofs beyond their room", timedelta(0),
            count=lambda _before: _beyond_room(),
            forget=lambda _before, batch: trim(batch),
        ),
    )  # fmt: skip


def keep(send_id: UUID, found: Sequence[Evidence]) -> int:
    """Keep what was seen of one act; says how much of it. What cannot be kept is logged: the act has happened anyway."""
    fit = [proof for one in found if (proof := _proof(send_id, one)) is not None]
    try:
        with transaction.atomic():
            kept = Proof.objects.bulk_create(fit)
        if any(proof.pk % TRIM_EVERY == 0 for proof in kept):
            trim()
    except DatabaseError:
        log.exception("proofs_not_kept", send_id=str(send_id))
        return 0
    return len(kept)


def _proof(send_id: UUID, found: Evidence) -> Proof | None:
    """The row of one file, made small; ``None`` for what is neither picture nor trace."""
    stem, _, ending = found.name.rpartition(".")
    is_trace = ending == "zip"
    shrinking = import_module(
        "automation.proofs.shrinking"
    )  # with an image library, for those who keep proofs alone
    content = shrinking.trace(found.content) if is_trace else shrinking.picture(found.content)
    if content is None or len(content) > shrinking.MOST_BYTES:
        log.info("proof_unfit", name=found.name, bytes=len(found.content))
        return None
    name = found.name if is_trace else f"{stem}.webp"
    mime = ZIP if is_trace else WEBP
    return Proof(
        send_id=send_id, name=name[:40], mime=mime, note=found.note[:300], content=content, size=len(content)
    )


def purge(before: datetime, batch: int) -> int:
    """Delete up to ``batch`` proofs taken before then, the oldest first; says how many."""
    ids = list(
        Proof.objects.filter(taken_at__lt=before)
        .order_by("taken_at", "id")
        .values_list("pk", flat=True)[:batch]
    )
    return Proof.objects.filter(pk__in=ids).delete()[0]


def trim(batch: int = 10_000) -> int:
    """Delete the oldest proofs until all together fit into ``PROOF_MEGABYTES``; says how many."""
    with connection.cursor() as cursor:
        cursor.execute(TRIM, [settings.PROOF_MEGABYTES * MEGABYTE, batch])
        return int(cursor.rowcount)


def forget(person_id: int) -> int:
    """Delete what was seen of acts upon a person, who is erased; says how much."""
    send_ids = Task.objects.filter(person_id=person_id).values("send_id")
    return Proof.objects.filter(send_id__in=send_ids).delete()[0]


def total_size() -> int:
    """Bytes of all proofs."""
    return int(Proof.objects.aggregate(total=Sum("size"))["total"] or 0)


def _orphaned(before: datetime) -> ProofQuerySet:
    has_task = Exists(Task.objects.filter(send_id=OuterRef("send_id")))
    return Proof.objects.filter(~has_task, taken_at__lt=before).order_by("taken_at", "id")


def _older(before: datetime) -> int:
    return Proof.objects.filter(taken_at__lt=before).count()


def _beyond_room() -> int:
    """Proofs that a trim would delete."""
    room, beyond = settings.PROOF_MEGABYTES * MEGABYTE, 0
    for size in Proof.objects.order_by("-taken_at", "-id").values_list("size", flat=True).iterator():
        room -= size
        beyond += room < 0
    return beyond
