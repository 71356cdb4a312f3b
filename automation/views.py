"""What mail providers call."""

from __future__ import annotations

import structlog
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from automation.channels.email import hooks as calls
from automation.channels.email.mailbox import PROVIDERS
from automation.conversations import hooks

log = structlog.get_logger(__name__)


@csrf_exempt  # providers have no cookies; the secret they share with us is what lets them
@never_cache
@require_http_methods(["HEAD", "POST"])
def mail_report(request: HttpRequest, provider: str) -> HttpResponse:
    """A provider tells what became of our mail. 404 unless its secret is set, 403 without it, 400 for what is old or odd."""
    secret = settings.MAIL_PROVIDERS.get(provider, "")
    if provider not in PROVIDERS or not secret:
        raise Http404("No such provider is set up here.")
    if request.method == "HEAD":  # some look whether anybody is there
        return HttpResponse()
    try:
        told = calls.read(provider, request, secret)
    except calls.Forged as error:
        log.warning("hook_refused", provider=provider, detail=str(error))
        return HttpResponse(str(error), status=403, content_type="text/plain")
    except (calls.TooOld, calls.Unreadable) as error:
        log.warning("hook_refused", provider=provider, detail=str(error))
        return HttpResponse(str(error), status=400, content_type="text/plain")
    hooks.take(provider, told)
    return HttpResponse("Thank you.", content_type="text/plain")
