"""What people outside may open: the page where they say no (RFC 8058)."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from leads import unsubscribing

PAGE = "unsubscribe.html"


@csrf_exempt  # mail programs post here without cookies; the signed link is what lets them
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Opening it shows a button and changes nothing, since mail filters open every link; a POST is the no."""
    try:
        ticket = unsubscribing.read(token)
    except ValueError as error:
        raise Http404(str(error)) from None
    done = request.method == "POST"
    if done:
        unsubscribing.say_no(ticket)
    response = render(request, PAGE, {"done": done})
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"
    return response
