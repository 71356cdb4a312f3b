"""The ``Idempotency-Key`` header of requests that create something."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Header, Schema
from ninja.responses import NinjaJSONEncoder
from ninja.utils import contribute_operation_args
from pydantic import StringConstraints

from accounts import idempotency
from accounts.api.access import caller
from outreach.lib.errors import ApiError

View = Callable[..., Schema]
KeyText = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]
DESCRIPTION = (
    "Any text of your own, new for each request. The same request sent again within 24 hours with the same key is "
    "answered with the first answer and does nothing; another request with it is refused with 409."
)


def idempotent(status: int) -> Callable[[View], Callable[..., Any]]:
    """Let a route that answers ``status`` be repeated without doing its work twice; the route returns a schema."""

    def decorate(view: View) -> Callable[..., Any]:
        @wraps(view)
        def answer(
            request: HttpRequest, *args: Any, idempotency_key: str | None = None, **kwargs: Any
        ) -> Any:
            if idempotency_key is None:
                return view(request, *args, **kwargs)
            return _answer_once(
                request, idempotency_key, lambda: _kept(status, view(request, *args, **kwargs))
            )

        # The framework would look the view's annotations up in this module, where their names mean nothing.
        answer.__signature__ = inspect.signature(view, eval_str=True)  # type: ignore[attr-defined]
        header = Header(None, alias="Idempotency-Key", description=DESCRIPTION)
        contribute_operation_args(answer, "idempotency_key", KeyText | None, header)  # type: ignore[arg-type]
        return answer

    return decorate


def _answer_once(request: HttpRequest, key: str, act: Callable[[], idempotency.Answer]) -> HttpResponse:
    try:
        answer = idempotency.once(caller(request), key, _fingerprint(request), act)
    except idempotency.KeyReused as error:
        raise ApiError(409, str(error), error="idempotency_key_reused") from error
    response = JsonResponse(answer.body, status=answer.status)
    response["Idempotency-Replayed"] = "true" if answer.replayed else "false"
    return response


def _kept(status: int, out: Schema) -> idempotency.Answer:
    return idempotency.Answer(status, json.loads(json.dumps(out.model_dump(), cls=NinjaJSONEncoder)))


def _fingerprint(request: HttpRequest) -> str:
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    if not (request.content_type or "").startswith("multipart/"):
        digest.update(request.body)
        return digest.hexdigest()
    # A multipart body has boundaries that change with every request; what it carries does not.
    digest.update(json.dumps(sorted(request.POST.lists())).encode())
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            _digest_file(digest, name, file)
    return digest.hexdigest()


def _digest_file(digest: hashlib._Hash, name: str, file: UploadedFile) -> None:
    digest.update(f"\n{name} {file.name}\n".encode())
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
