"""The gate every request passes: who asks, what goes wrong with it on purpose, and a record that it came."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from automation.channels.sandbox.network.faults import AFTER, Faults, Rule
from automation.channels.sandbox.network.society import Rejected, Society
from automation.channels.sandbox.network.state import Member, iso

KEPT_REQUESTS = 200_000
Transports = dict[tuple[str, int], asyncio.Transport]


class Json(Response):
    """A JSON answer; pure ASCII, so that any text whatever survives."""

    media_type = "application/json"

    def __init__(self, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(json.dumps(content, separators=(",", ":")).encode(), status, headers)


def problem(status: int, message: str, **more: Any) -> Json:
    """An error answer; ``acted`` false is a promise that nothing happened."""
    return Json({"error": message, "acted": False, **more}, status)


class HangUp(Response):
    """No answer, or with ``keep`` the first bytes of one, and the connection is closed."""

    def __init__(self, transports: Transports, cut: Response | None = None) -> None:
        super().__init__()
        self._transports = transports
        self._cut = cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = self._transports.get(tuple(scope["client"]))
        if self._cut is not None:
            await send({"type": "http.response.start", "status": 200, "headers": self._cut.raw_headers})
            body = bytes(self._cut.body)
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            if transport is not None:
                transport.close()  # what was written still goes out
        elif transport is not None:
            transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


@dataclass(slots=True)
class Seen:
    """One request that came, whatever became of it. ``early``: before a Retry-After we had given had
    passed.
    """

    seq: int
    at: int
    account: str
    kind: str
    path: str
    status: int = 0
    fault: str = ""
    early: bool = False
    early_for_kind: bool = False


class Requests:
    """The latest requests, in memory only; what a judge of retries and pauses looks at."""

    def __init__(self) -> None:
        self.seen: deque[Seen] = deque(maxlen=KEPT_REQUESTS)
        self.count = 0
        self._until: dict[tuple[str, str], float] = {}

    def note(self, account: str, kind: str, path: str) -> Seen:
        """Record one more request."""
        now = time.time()
        self.count += 1
        seen = Seen(self.count, int(now * 1_000_000), account, kind, path)
        seen.early = now < self._until.get((account, ""), 0)
        seen.early_for_kind = now < self._until.get((account, kind), 0)
        self.seen.append(seen)
        return seen

    def told_to_wait(self, account: str, kind: str, until: float) -> None:
        """Remember that nothing of this account, and of this kind, should come before ``until`` (seconds,
        UTC).
        """
        for key in ((account, ""), (account, kind)):
            self._until[key] = max(until, self._until.get(key, 0))

    def reset(self) -> None:
        """Forget all of them."""
        self.seen.clear()
        self._until.clear()

    def as_json(self, seen: Seen) -> dict[str, Any]:
        """One request as plain JSON values."""
        return asdict(seen) | {"at": iso(seen.at)}


class Gate:
    """Lets requests through to the society, or not."""

    def __init__(self, society: Society) -> None:
        self.society = society
        self.faults = Faults()
        self.requests = Requests()
        self.transports: Transports = {}
        self.woken = asyncio.Event()

    async def api(
        self, request: Request, kind: str, answer: Callable[[Member, dict[str, Any]], Any]
    ) -> Response:
        """Serve one API request: ``answer`` gets the account and the JSON body and returns what to send as
        JSON.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        account = self.society.holder(token) if scheme.lower() == "bearer" else None
        if account is None:
            self.requests.note("", kind, request.url.path).status = 401
            return problem(401, "The access token is missing, wrong or has expired.")
        given = await read_json(request)
        if given is None:
            return problem(400, "The body must be a JSON object.")
        for name in ("x-send-id", "idempotency-key"):
            if name in request.headers:
                given.setdefault("send_id", request.headers[name])
        holder = account
        return await self.serve(request, kind, holder, lambda: Json(answer(holder, given)))

    async def serve(
        self, request: Request, kind: str, account: Member, act: Callable[[], Response]
    ) -> Response:
        """Call ``act`` unless a fault forbids it, and answer, unless a fault forbids that."""
        path = request.url.path
        seen = self.requests.note(account.handle, kind, path)
        plan = self.faults.plan(kind, account.handle, path)
        seen.fault = ",".join(rule.fault for rule in plan)
        for rule in plan:
            if rule.fault not in AFTER and (early := await self._before(request, seen, rule)) is not None:
                seen.status = 0 if isinstance(early, HangUp) else early.status_code
                return early
        response = self._act(act)
        self.woken.set()
        for rule in plan:
            if rule.fault in AFTER:
                response = await self._after(request, rule, response)
        seen.status = 0 if isinstance(response, HangUp) else response.status_code
        return response

    @staticmethod
    def _act(act: Callable[[], Response]) -> Response:
        try:
            return act()
        except Rejected as rejected:
            return problem(rejected.status, str(rejected))
        except ValueError as error:
            return problem(400, str(error))
        except OSError as error:
            return problem(503, f"The journal cannot be written: {error.strerror or error}")

    async def _before(self, request: Request, seen: Seen, rule: Rule) -> Response | None:
        """What happens instead of acting; ``None``: it may act."""
        if rule.fault == "delay":
            return HangUp(self.transports) if await gone(request, rule.seconds) else None
        if rule.fault == "black_hole":
            await gone(request, None)
        elif rule.fault == "rate_limit":
            return self._rate_limit(seen, rule)
        elif rule.fault == "expire":
            return problem(401, "The access token has expired.")
        elif rule.fault == "error":
            if rule.honest:
                return problem(rule.status, "The network has a problem and did nothing.")
            return Response("<html><body>Bad gateway</body></html>", rule.status, media_type="text/html")
        return HangUp(self.transports)

    def _rate_limit(self, seen: Seen, rule: Rule) -> Response:
        now = time.time()
        if rule.as_date:
            until = float(math.ceil(now + rule.retry_after))
            header = format_datetime(datetime.fromtimestamp(until, UTC), usegmt=True)
        else:
            until = now + math.ceil(rule.retry_after)
            header = str(math.ceil(rule.retry_after))
        self.requests.told_to_wait(seen.account, seen.kind, until)
        return Json({"error": "Too many requests.", "acted": False}, 429, {"Retry-After": header})

    async def _after(self, request: Request, rule: Rule, response: Response) -> Response:
        if rule.fault == "delay_after":
            await gone(request, rule.seconds)
        elif rule.fault == "drop":
            return HangUp(self.transports)
        elif rule.fault == "truncate":
            return HangUp(self.transports, cut=response)
        elif rule.fault == "garble":
            body = bytes(response.body)
            return Response(body[: len(body) // 2], response.status_code, media_type=response.media_type)
        elif rule.fault == "error_after":
            return Json({"error": "The network has a problem."}, rule.status)
        return response


async def gone(request: Request, seconds: float | None) -> bool:
    """Wait ``seconds`` (``None``: for ever) or until the client hangs up; returns whether it did."""

    async def hung_up() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(hung_up(), seconds)
    except TimeoutError:
        return False
    return True


async def read_json(request: Request) -> dict[str, Any] | None:
    """The body as a JSON object (empty for none); ``None`` when it is anything else."""
    body = await request.body()
    if not body:
        return {}
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None
