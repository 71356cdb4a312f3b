"""Proofs on a task's page: which there are, and each by itself for those who may see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from automation.models import Proof, Task

SEE = "automation.view_task"
# A trace holds whole pages, read by nobody but who works on the fault.
OPERATE = "automation.change_task"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, max-age=3600",
}


def shown(task: Task, request: HttpRequest) -> Iterator[dict[str, Any]]:
    """The proofs of a task that the user may open, the oldest first."""
    for proof in Proof.objects.of(task.send_id):
        if proof.is_picture or request.user.has_perm(OPERATE):
            yield {"proof": proof, "url": reverse("admin:automation_task_proof", args=[task.pk, proof.pk])}


def serve(request: HttpRequest, object_id: int, proof_id: int) -> HttpResponse:
    """One proof: a picture as it is, a trace as a download. Only by way of the task it belongs to."""
    if not request.user.has_perm(SEE):
        raise PermissionDenied
    send_ids = Task.objects.filter(pk=object_id).values("send_id")
    proof = Proof.objects.filter(pk=proof_id, send_id__in=send_ids).first()
    if proof is None:
        raise Http404("There is no such proof. It may have been deleted to make room.")
    if not proof.is_picture and not request.user.has_perm(OPERATE):
        raise PermissionDenied
    place = "inline" if proof.is_picture else "attachment"
    disposition = f'{place}; filename="task-{object_id}-{proof.pk}-{proof.name}"'
    return HttpResponse(
        bytes(proof.content), content_type=proof.mime, headers={**HEADERS, "Content-Disposition": disposition}
    )
