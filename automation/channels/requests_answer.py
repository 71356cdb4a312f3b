"""Our answers in the form of ``requests``, which the official clients of several networks read."""

from __future__ import annotations

import requests
from requests.structures import CaseInsensitiveDict

from automation.channels.line import Answer


def as_requests(answer: Answer, *, without: str) -> requests.Response:
    """The answer as a client takes it, less the headers whose names begin with ``without``.

    Clients trip over reset times they cannot parse, even on a success; we read those headers ourselves.
    """
    told = requests.Response()
    told.status_code = answer.status
    told.reason = answer.reason
    told.url = answer.url
    told.headers = CaseInsensitiveDict(
        {name: value for name, value in answer.headers.items() if not name.lower().startswith(without)}
    )
    told.encoding = answer.encoding
    told._content = answer.body
    told._content_consumed = True
    return told
