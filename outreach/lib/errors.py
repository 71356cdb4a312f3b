"""What the API says when it says no: one shape for every error, and how a service's refusal gets it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404

Row = TypeVar("Row", bound=Model)
Fields = dict[str, list[str]]  # sentences by the name of the field, ``body.handle``

SLUGS = {
    400: "bad_request",
    401: "not_authenticated",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    500: "server_error",
    503: "not_available",
}


class ApiError(Exception):
    """An answer with ``status`` that is not a success; ``message`` is a sentence for people.

    ``error`` is a short word for programs; left out, it follows from the status.
    """

    def __init__(self, status: int, message: str, *, error: str = "", fields: Fields | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.error = error or slug(status)
        self.fields = fields or {}


def slug(status: int) -> str:
    """The short word for a status: ``not_found``."""
    return SLUGS.get(status) or HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_")


def problem(
    status: int, message: str, request_id: str, *, error: str = "", fields: Fields | None = None
) -> dict[str, Any]:
    """The body of every error: ``error``, ``message``, ``code``, ``request_id`` and, where input is wrong, ``fields``."""
    body: dict[str, Any] = {
        "error": error or slug(status),
        "message": message,
        "code": status,
        "request_id": request_id,
    }
    return {**body, "fields": fields} if fields else body


@contextmanager
def refusals(status: int = 422) -> Iterator[None]:
    """Turns what a service refuses (``ValueError``, ``ValidationError``) into an error of this status.

    422 is for what was sent, 409 for what the thing's present state does not allow.
    """
    try:
        yield
    except ValidationError as error:
        raise from_validation_error(error, status) from error
    except ValueError as error:
        raise ApiError(status, str(error)) from error


def from_validation_error(error: ValidationError, status: int = 422) -> ApiError:
    """The API's form of Django's error, its fields named as in the request's body."""
    if not hasattr(error, "error_dict"):
        return ApiError(status, " ".join(error.messages))
    by_field = error.message_dict
    message = " ".join(sentence for sentences in by_field.values() for sentence in sentences)
    named = {f"body.{name}": sentences for name, sentences in by_field.items() if name != NON_FIELD_ERRORS}
    return ApiError(status, message, fields=named)


def find(rows: QuerySet[Row], pk: int) -> Row:
    """The row a path names; 404 with a sentence when there is none."""
    row = rows.filter(pk=pk).first()
    if row is None:
        raise Http404(f"There is no {rows.model._meta.verbose_name} {pk}.")
    return row


def named(rows: QuerySet[Row], pk: int, field: str) -> Row:
    """The row a body's ``field`` names; 422 with a sentence when there is none."""
    row = rows.filter(pk=pk).first()
    if row is None:
        raise _unknown(rows, [pk], field)
    return row


def all_named(rows: QuerySet[Row], pks: list[int], field: str) -> list[Row]:
    """The rows a body's ``field`` names, in its order; 422 names those that do not exist."""
    found = rows.in_bulk(pks)
    if missing := [pk for pk in dict.fromkeys(pks) if pk not in found]:
        raise _unknown(rows, missing, field)
    return [found[pk] for pk in dict.fromkeys(pks)]


def _unknown(rows: QuerySet[Any], pks: list[int], field: str) -> ApiError:
    message = f"There is no {rows.model._meta.verbose_name} {', '.join(map(str, pks))}."
    return ApiError(422, message, fields={f"body.{field}": [message]})
