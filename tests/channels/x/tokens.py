"""X's token endpoint: OAuth 2.0 with PKCE, refresh tokens that work once."""

from __future__ import annotations

import base64
import hashlib
from itertools import count

from tests.channels.consent import asked
from tests.channels.loopback import Reply, Request


class Tokens:
    """Codes, tokens and refresh tokens, each with whom they stand for. ``codes`` maps a code to its challenge."""

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.codes: dict[str, str] = {}
        self.refreshes = 0
        self._made = count(1)

    def _authorize(self, request: Request) -> Reply:
        code = f"code-{next(self._made)}"
        self.codes[code] = request.query["code_challenge"]
        return asked(request, code)

    def _token(self, request: Request) -> Reply:
        form = request.form
        who = (
            self._by_code(form) if form.get("grant_type") == "authorization_code" else self._by_refresh(form)
        )
        if who is None:
            said = "Value passed for the token was invalid."
            return Reply(400, {"error": "invalid_request", "error_description": said})
        self.refreshes += form.get("grant_type") == "refresh_token"
        token, refresh = f"access-{next(self._made)}", f"refresh-{next(self._made)}"
        self.tokens[token], self.refresh_tokens[refresh] = who, who
        return Reply(
            200,
            {
                "token_type": "bearer",
                "expires_in": 7200,
                "access_token": token,
                "scope": "tweet.read",
                "refresh_token": refresh,
            },
        )

    def _by_code(self, form: dict[str, str]) -> str | None:
        challenge = self.codes.pop(form.get("code", ""), None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        return "1001" if challenge == digest.decode().rstrip("=") else None

    def _by_refresh(self, form: dict[str, str]) -> str | None:
        return self.refresh_tokens.pop(form.get("refresh_token", ""), None)
