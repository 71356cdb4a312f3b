"""The page on which a network asks whether our app may act for somebody, as its documentation describes the way."""

from __future__ import annotations

import html
from urllib.parse import urlencode

from tests.channels.loopback import Reply, Request


def asked(request: Request, code: str) -> Reply:
    """Yes leads back with ``code``, no with the error the standard names."""
    back, state = request.query["redirect_uri"], request.query["state"]
    ways = {
        "Yes": {"code": code, "state": state},
        "No": {"error": "access_denied", "error_description": "The person said no", "state": state},
    }
    links = "".join(
        f'<p><a href="{html.escape(back)}?{html.escape(urlencode(query))}">{word}</a></p>'
        for word, query in ways.items()
    )
    page = f"<!doctype html><title>Consent</title><h1>May the app act for you?</h1>{links}"
    return Reply(200, page.encode(), {"Content-Type": "text/html"})
