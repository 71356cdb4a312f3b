"""The judge's and the demo's side door: the ledger, the faults, the people behind the curtain. Loopback
only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from automation.channels.sandbox.network import ledger
from automation.channels.sandbox.network.faults import FAULTS
from automation.channels.sandbox.network.gate import Gate, Json, problem, read_json
from automation.channels.sandbox.network.society import Rejected
from automation.channels.sandbox.network.state import Event, Member, iso

PAGE = 1000
Handler = Callable[[Gate, Request, dict[str, Any]], Any]


def routes(gate: Gate) -> list[Route]:
    """Every path below ``/_``."""

    def path(method: str, where: str, handler: Handler) -> Route:
        return Route(where, _endpoint(gate, handler), methods=[method])

    return [
        path("GET", "/_health", _health),
        path("GET", "/_ledger", _ledger),
        path("GET", "/_ledger/summary", _summary),
        path("GET", "/_ledger/windows", _windows),
        path("GET", "/_ledger/busiest", _busiest),
        path("GET", "/_ledger/late", _late),
        path("GET", "/_requests", _requests),
        path("DELETE", "/_requests", _forget_requests),
        path("GET", "/_faults", _faults),
        path("POST", "/_faults", _add_fault),
        path("DELETE", "/_faults", _reset_faults),
        path("POST", "/_faults/reset", _reset_faults),
        path("GET", "/_settings", _settings),
        path("POST", "/_settings", _set),
        path("GET", "/_accounts", _accounts),
        path("POST", "/_accounts/{key}/{action:str}", _change_account),
        path("GET", "/_people", _people),
        path("POST", "/_people/{key}/say", _say),
        path("POST", "/_people/{key}/opt_out", _opt_out),
        path("POST", "/_people/{key}/post", _write),
        path("POST", "/_posts/{key}/delete", _delete_post),
        path("POST", "/_reactions/run", _run_reactions),
    ]


def _endpoint(gate: Gate, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        given = await read_json(request)
        if given is None:
            return problem(400, "The body must be a JSON object.")
        try:
            return Json(handler(gate, request, given))
        except Rejected as rejected:
            return problem(rejected.status, str(rejected))
        except (ValueError, KeyError) as error:
            return problem(400, f"{type(error).__name__}: {error}")

    return endpoint


def _health(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    state = gate.society.state
    return {
        "ok": True,
        "people": len(state.members) - len(state.account_ids),
        "accounts": len(state.account_ids),
        "acts": len(state.acts),
        "events": gate.society.journal.seq,
        "reactions_waiting": len(gate.society.behaviour),
    }


# --- Ledger ---------------------------------------------------------------------------------------------
def _chosen(gate: Gate, request: Request) -> list[Event]:
    return ledger.between(
        gate.society.state.acts, request.query_params.get("since", ""), request.query_params.get("until", "")
    )


def _ledger(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Acts in the order they were taken; ``after`` is the ``seq`` of the last one known."""
    after = int(request.query_params.get("after", 0))
    state = gate.society.state
    later = [act for act in state.acts if act.seq > after]
    shown = [ledger.act_as_json(state, act) for act in later[:PAGE]]
    return {"acts": shown, "after": shown[-1]["seq"] if shown else after, "more": len(later) > PAGE}


def _summary(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    grace = float(request.query_params.get("grace", 0))
    return ledger.summary(gate.society.state, _chosen(gate, request), grace)


def _windows(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    unit, zone = request.query_params.get("unit", "day"), request.query_params.get("zone", "UTC")
    return {"windows": ledger.windows(gate.society.state, _chosen(gate, request), unit=unit, zone=zone)}


def _busiest(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    seconds = float(request.query_params["seconds"])
    return {"busiest": ledger.busiest(gate.society.state, _chosen(gate, request), seconds)}


def _late(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Acts upon people after their no; with ``read=1`` only after it was handed to us."""
    judge = ledger.after_opt_out_was_read if request.query_params.get("read") == "1" else ledger.after_opt_out
    state = gate.society.state
    found = judge(state, _chosen(gate, request), float(request.query_params.get("grace", 0)))
    return {"acts": [ledger.act_as_json(state, act) for act in found]}


def _requests(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    after = int(request.query_params.get("after", 0))
    later = [seen for seen in gate.requests.seen if seen.seq > after]
    shown = [gate.requests.as_json(seen) for seen in later[:PAGE]]
    return {"requests": shown, "after": shown[-1]["seq"] if shown else after, "more": len(later) > PAGE}


def _forget_requests(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    gate.requests.reset()
    return {}


# --- Faults and settings --------------------------------------------------------------------------------
def _faults(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    return {"rules": [rule.as_dict() for rule in gate.faults.rules], "known": FAULTS}


def _add_fault(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    return gate.faults.add(given).as_dict()


def _reset_faults(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    gate.faults.reset()
    return {}


def _settings(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    return {"idempotency_keys": gate.society.idempotency_keys, "world": gate.society.world.as_dict()}


def _set(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    if set(given) != {"idempotency_keys"} or not isinstance(given["idempotency_keys"], bool):
        raise ValueError("The one setting is idempotency_keys: true or false.")
    gate.society.idempotency_keys = given["idempotency_keys"]
    return _settings(gate, request, given)


# --- Accounts and people --------------------------------------------------------------------------------
def _account(gate: Gate, account: Member) -> dict[str, Any]:
    society = gate.society
    return {
        "id": account.id,
        "handle": account.handle,
        "name": account.name,
        "token": society.token(account),
        "refresh_token": society.refresh_token(account),
        "password": society.password(account),
        "expired": account.expired,
    }


def _accounts(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    return {"accounts": [_account(gate, one) for one in gate.society.state.accounts()]}


def _change_account(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """``expire``: its token is refused until ``restore``, or until it is refreshed. ``sign_out`` ends its browser sessions."""
    account, action = gate.society.profile(request.path_params["key"]), request.path_params["action"]
    if not account.is_account or action not in ("expire", "restore", "sign_out"):
        raise Rejected(404, "Only expire, restore and sign_out, and only for our accounts.")
    gate.society.record(action, account.id)
    return _account(gate, account)


def _people(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Who people really are, paged; ``after`` counts those already known."""
    after = int(request.query_params.get("after", 0))
    people = [one for one in gate.society.state.members.values() if one.truth]
    shown = [_person(one) for one in people[after : after + PAGE]]
    return {"people": shown, "after": after + len(shown), "more": after + PAGE < len(people)}


def _person(member: Member) -> dict[str, Any]:
    truth = member.truth
    return {
        "id": member.id,
        "handle": member.handle,
        "name": member.name,
        "language": member.language,
        "niche": truth.niche if truth else "",
        "persona": truth.persona if truth else "",
        "fit": bool(truth and truth.fit),
        "temper": truth.temper if truth else "",
        "opted_out_at": iso(member.opted_out_at) if member.opted_out_at is not None else None,
    }


def _person_of(gate: Gate, request: Request) -> Member:
    member = gate.society.profile(request.path_params["key"])
    if member.is_account:
        raise Rejected(422, "This is an account of ours, not a person.")
    return member


def _say(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Have a person write to an account: a message, or with ``post_id`` a comment."""
    person, automatic = _person_of(gate, request), bool(given.get("automatic", False))
    if given.get("post_id"):
        target = gate.society.post(str(given["post_id"])).id
        return gate.society.record("reply", person.id, target=target, text=str(given["text"])).as_dict()
    target = gate.society.profile(str(given["account"])).id
    event = gate.society.record("dm", person.id, target=target, text=str(given["text"]), automatic=automatic)
    return event.as_dict()


def _opt_out(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """A person says no now: to ``account`` with ``text``, or without them by pressing a button somewhere."""
    person = _person_of(gate, request)
    account = gate.society.profile(str(given["account"])).id if given.get("account") else ""
    text = str(given.get("text", "Please stop, don't write to me again.")) if account else ""
    gate.society.record("opt_out", person.id, target=account, text=text)
    return _person(person)


def _write(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Have a person post something now."""
    return gate.society.record("post", _person_of(gate, request).id, text=str(given["text"])).as_dict()


def _delete_post(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    post = gate.society.post(request.path_params["key"])
    gate.society.record("delete", post.author, target=post.id)
    return {"id": post.id, "gone": True}


def _run_reactions(gate: Gate, request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Have everybody react now instead of in a few seconds."""
    return {"carried_out": gate.society.live(at_once=True)}
