"""What was seen while an act was done: pictures of pages, and traces of what went wrong."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models.functions import Now


class ProofQuerySet(models.QuerySet["Proof"]):
    def of(self, send_id: UUID) -> ProofQuerySet:
        """The proofs of one task, the oldest first, without their contents."""
        return self.filter(send_id=send_id).defer("content").order_by("taken_at", "id")


class Proof(models.Model):
    """One file, kept in the database so that every machine can show it.

    It hangs on a task's send id and not on its row: it is written while the task is under way and must neither wait for
    the row nor hold it up, and it goes by a time and a size of its own.
    """

    send_id = models.UUIDField(editable=False)
    name = models.CharField(max_length=40)
    mime = models.CharField(max_length=40)
    note = models.CharField(max_length=300, blank=True, help_text="What went wrong, as the picture shows it.")
    content = models.BinaryField()
    size = models.PositiveIntegerField(help_text="Bytes.")
    taken_at = models.DateTimeField(db_default=Now())

    objects = ProofQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["send_id", "taken_at"], name="proof_send_id"),  # a task's page
            # retention, and the oldest that go when all together are too big; sizes are summed from it alone
            models.Index(fields=["taken_at", "id"], include=["size"], name="proof_taken_at"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.send_id}"

    @property
    def is_picture(self) -> bool:
        """Whether a page may show it as it is."""
        return self.mime.startswith("image/")
