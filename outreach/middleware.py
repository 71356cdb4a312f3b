"""What every request gets: an id that finds it in the logs, and below /api/ errors of one shape."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse

from outreach.lib.errors import problem

GetResponse = Callable[[HttpRequest], HttpResponse]
_API = re.compile(r"/api(/|$)")
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_MESSAGES = {
    400: "The request cannot be read.",
    403: "You may not do that.",
    404: "There is no such address in the API. All of them: /api/v1/docs.",
    413: "The request is too large.",
    500: "Something went wrong on our side. It has been recorded under this request_id.",
}


def request_id_middleware(get_response: GetResponse) -> GetResponse:
    """Give each request an id, the client's own if it is harmless; the answer carries it as ``X-Request-ID``.

    It stands in the header django-structlog reads, so every log line of the request has the same one.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request.META["HTTP_X_REQUEST_ID"] = given if _ID.fullmatch(given) else uuid.uuid4().hex
        response = get_response(request)
        response["X-Request-ID"] = request.META["HTTP_X_REQUEST_ID"]
        return response

    return answer


def api_errors_middleware(get_response: GetResponse) -> GetResponse:
    """Below /api/ turn what Django itself answers (no such route, wrong method, crash) into the API's error shape."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_ours = response.get("Content-Type", "").startswith("application/json")
        if not _API.match(request.path_info) or response.status_code < 400 or is_ours:
            return response
        return _shaped(request, response)

    return answer


def _shaped(request: HttpRequest, response: HttpResponse) -> JsonResponse:
    status = response.status_code
    message = _MESSAGES.get(status) or f"{response.reason_phrase}."
    if allowed := response.get("Allow"):
        message = f"{request.method} is not possible here; {allowed} is."
    shaped = JsonResponse(problem(status, message, request.META["HTTP_X_REQUEST_ID"]), status=status)
    for header in ("Allow", "Retry-After"):
        if header in response:
            shaped[header] = response[header]
    return shaped
