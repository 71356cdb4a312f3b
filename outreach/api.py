"""The JSON API: one NinjaAPI, strict input, one shape for every error. Each app brings its routers."""

from __future__ import annotations

import json
import re
from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

from accounts.api import accounts, keys, limits
from accounts.api.access import BrowserSession
from automation.api import (
    asking,
    campaigns,
    conversations,
    discovery,
    enrichment,
    frontier,
    handles,
    health,
    judging,
    onboarding,
    post_images,
    posts,
    tasks,
)
from leads.api import duplicates, exports, groups, imports, people, profiles, suppressions
from outreach.lib.errors import ApiError, Fields, from_validation_error, problem
from outreach.lib.schemas import Problem

DESCRIPTION = """
Everything staff do in the admin, for programs. Creating never sends: starting is an act of its own.

**Keys.** `Authorization: Bearer outreach_...`, made by `manage.py create_api_key USER --scope people:read`. A key has
scopes (`resource:action`) and the permissions of its user; it can do what both allow.

**Lists** give `{data, pagination{has_more, next_cursor}}`, newest first. Pass `next_cursor` as `cursor` for the next page.
Rows that arrive meanwhile move nothing.

**Errors** are `{error, message, code, request_id}`: a short word, a sentence, the HTTP status, and an id that finds the
request in the logs (also in the `X-Request-ID` header). Where input is wrong, `fields` says which.

**Creating twice.** Send `Idempotency-Key` with what creates; the same request sent again is answered and does nothing.

**Work that takes time** answers 202 with what to follow: a task, an import.
""".strip()
DEEPEST = 64  # levels of nesting that a body may have
_SURROGATE = re.compile("[\ud800-\udfff]")


class StrictParser(Parser):
    """JSON as RFC 8259 and PostgreSQL can hold it: no NaN, no infinite numbers, no half characters, no NUL."""

    def parse_body(self, request: HttpRequest) -> Any:
        content_type = request.content_type
        if content_type and content_type != "application/json":
            raise ApiError(415, "Send JSON, with Content-Type: application/json.")
        try:
            data = json.loads(request.body.decode(), parse_float=_finite, parse_constant=_finite)
            _check(data, DEEPEST)
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
            raise ApiError(400, f"The body is not JSON we can read: {reason}.", error="bad_json") from error
        return data


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")) or number != number:
        raise ValueError(f"{text[:20]} is not a number that can be stored")
    return number


def _check(value: Any, levels: int) -> None:
    if levels == 0:
        raise RecursionError
    if isinstance(value, str):
        if "\0" in value or _SURROGATE.search(value):
            raise ValueError("text contains a NUL or half of a surrogate pair")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, levels)
            _check(item, levels - 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, levels - 1)


class OutreachAPI(NinjaAPI):
    """Adds to the OpenAPI page what holds for every route: scopes and the answers that are errors."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        for path, methods in schema["paths"].items():
            for method, operation in methods.items():
                _describe_errors(operation, has_id="{" in path, has_body=method != "get")
                _describe_access(operation)
        return schema

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        # The parser's own refusal reaches us wrapped; what it says is worth more than the wrapping.
        cause = exc.__cause__
        return super().on_exception(
            request, cause if isinstance(cause, ApiError) and isinstance(exc, HttpError) else exc
        )


ERRORS = {
    "400": "The body cannot be read.",
    "401": "No good key and no session.",
    "403": "The key lacks the scope, or its user the permission.",
    "404": "There is no such row.",
    "409": "Its present state does not allow that, or the Idempotency-Key was used for another request.",
    "422": "A field or parameter is missing, unknown or wrong; `fields` says which.",
}


def _describe_errors(operation: dict[str, Any], *, has_id: bool, has_body: bool) -> None:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, description in ERRORS.items():
        applies = {"404": has_id, "400": has_body, "409": has_body}.get(status, True)
        if applies:
            operation["responses"].setdefault(status, {"description": description, "content": content})


def _describe_access(operation: dict[str, Any]) -> None:
    said = f"Scope `{operation['x-scope']}`, permission `{operation['x-permission']}`."
    operation["description"] = f"{operation.get('description', '')}\n\n{said}".strip()


api = OutreachAPI(
    title="Outreach",
    version="1",
    description=DESCRIPTION,
    parser=StrictParser(),
    # Each route says who may call it; one that forgets is for nobody but superusers. The docs page, too, learns from
    # this that a browser's requests carry the CSRF token.
    auth=[BrowserSession("route.says_nothing")],
    docs_decorator=staff_member_required,
    urls_namespace="api",
)


def _answer(
    request: HttpRequest, status: int, message: str, *, error: str = "", fields: Fields | None = None
) -> HttpResponse:
    body = problem(status, message, request.META.get("HTTP_X_REQUEST_ID", ""), error=error, fields=fields)
    return api.create_response(request, body, status=status)


@api.exception_handler(ApiError)
def answer_api_error(request: HttpRequest, error: ApiError) -> HttpResponse:
    return _answer(request, error.status, error.message, error=error.error, fields=error.fields)


@api.exception_handler(AuthenticationError)
def answer_not_authenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    response = _answer(request, 401, "Log in, or send a good key: Authorization: Bearer outreach_...")
    response["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(HttpError)
def answer_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return _answer(request, error.status_code, str(error))


@api.exception_handler(Http404)
def answer_not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return _answer(request, 404, str(error) or "There is no such row.")


@api.exception_handler(ValidationError)
def answer_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields: Fields = {}
    for item in error.errors:
        fields.setdefault(_field_name(item["loc"]), []).append(item["msg"].removeprefix("Value error, "))
    message = "; ".join(f"{name}: {' '.join(sentences)}" for name, sentences in fields.items())
    return _answer(request, 422, message[:2000], fields=fields)


@api.exception_handler(DjangoValidationError)
def answer_refused(request: HttpRequest, error: DjangoValidationError) -> HttpResponse:
    return answer_api_error(request, from_validation_error(error))


@api.exception_handler(RequestDataTooBig)
@api.exception_handler(TooManyFilesSent)
def answer_too_large(request: HttpRequest, error: Exception) -> HttpResponse:
    return _answer(request, 413, "The request is too large.")


def _field_name(loc: tuple[str | int, ...]) -> str:
    """``body.steps.0.kind``: where in the request, then the names as the client sent them.

    Our own name for the whole body or query, which the client never sees, is left out.
    """
    source, *path = loc
    if source == "body" or path == ["query"]:
        path = path[1:]
    return ".".join(str(part) for part in (source, *path))


for part in (
    accounts,
    limits,
    tasks,
    people,
    profiles,
    discovery,
    frontier,
    enrichment,
    judging,
    asking,
    suppressions,
    imports,
    exports,
    groups,
    duplicates,
    campaigns,
    posts,
    post_images,
    conversations,
    health,
    onboarding,
    handles,
    keys,
):
    api.add_router("", part.router)
