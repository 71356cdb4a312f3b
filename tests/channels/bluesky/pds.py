"""A small account server with an app view, answering as the protocol's lexicons say; it can be told to fail.

Stands in where Bluesky's own software is not installed, and where faults are needed that this software cannot be asked
for. It is stricter in one way: a refresh token works once, without a time of grace.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from itertools import count
from typing import Any

from tests.channels.bluesky.serving import Fault, Json, No, handler_of

POST, FOLLOW, LIKE = "app.bsky.feed.post", "app.bsky.graph.follow", "app.bsky.feed.like"


class Pds:
    """The server and everything it holds. ``calls`` counts requests by method; times are what clients say."""

    def __init__(self) -> None:
        self.people: dict[str, str] = {}  # did by handle
        self.passwords: dict[str, str] = {}
        self.tokens: dict[str, tuple[str, str]] = {}  # token -> (kind, did)
        self.records: dict[str, Json] = {}  # by address, in the order they came
        self.notified: dict[str, list[Json]] = {}
        self.calls: Counter[str] = Counter()
        self.moments: list[tuple[float, str]] = []
        self.faults: list[Fault] = []
        self._numbers = count(1)
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def join(self, name: str) -> tuple[str, str]:
        """A new account: handle and app password."""
        handle, password = f"{name}.test", f"pass-{name}-{next(self._numbers)}"
        self.people[handle] = f"did:plc:{name:a<24}"[:32]
        self.passwords[self.people[handle]] = password
        return handle, password

    def expire(self) -> None:
        """Every access token ends; refresh tokens live."""
        self.tokens = {token: (kind, did) for token, (kind, did) in self.tokens.items() if kind != "access"}

    def fail(self, name: str, **details: Any) -> None:
        self.faults.append(Fault(name, **details))

    def of(self, handle: str, collection: str) -> list[Json]:
        """The records of one kind in an account's repository."""
        prefix = f"at://{self.people[handle]}/{collection}/"
        return [value for uri, value in self.records.items() if uri.startswith(prefix)]

    # --- Answering -------------------------------------------------------------------------------------------------

    def take_fault(self, name: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if name.endswith(fault.name) and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def answer(self, name: str, token: str, given: Json, blob: bytes) -> Json:
        with self._lock:
            self.calls[name] += 1
            self.moments.append((time.time(), name))
            short = name.rsplit(".", 1)[-1]
            if short == "refreshSession":
                return self._refresh(token)
            method: Callable[..., Json] | None = getattr(self, f"do_{short}", None)
            if method is None:
                raise No(501, "MethodNotImplemented")
            if short in ("createSession", "resolveHandle", "getRecord", "listRecords"):
                return method(given)
            kind, did = self.tokens.get(token, ("", ""))
            if kind != "access":
                known = token.startswith("token-")
                raise No(
                    400, "ExpiredToken" if known else "InvalidToken", "Token has expired" if known else ""
                )
            return method({**given, "_did": did, "_blob": blob})

    def do_createSession(self, given: Json) -> Json:
        did = self.people.get(given["identifier"], given["identifier"])
        if not did or self.passwords.get(did) != given["password"]:
            raise No(401, "AuthenticationRequired", "Invalid identifier or password")
        return self._session(did)

    def _refresh(self, token: str) -> Json:
        kind, did = self.tokens.pop(token, ("", ""))
        if kind != "refresh":
            raise No(400, "ExpiredToken", "Token has been revoked")
        return self._session(did)

    def _session(self, did: str) -> Json:
        number = next(self._numbers)
        tokens = {kind: f"token-{kind}-{number}-canary" for kind in ("access", "refresh")}
        self.tokens |= {token: (kind, did) for kind, token in tokens.items()}
        handle = self._handle(did)
        return {
            "did": did,
            "handle": handle,
            "accessJwt": tokens["access"],
            "refreshJwt": tokens["refresh"],
            "active": True,
        }

    def _handle(self, did: str) -> str:
        return next((handle for handle, known in self.people.items() if known == did), "handle.invalid")

    def do_getSession(self, given: Json) -> Json:
        return {"did": given["_did"], "handle": self._handle(given["_did"]), "active": True}

    def do_resolveHandle(self, given: Json) -> Json:
        if given["handle"] not in self.people:
            raise No(400, "HandleNotFound", "Unable to resolve handle")
        return {"did": self.people[given["handle"]]}

    def do_uploadBlob(self, given: Json) -> Json:
        size = len(given["_blob"])
        ref = "bafkreibme22gw2h7y2h7tg2fhqotaqjucnbc24deqo72b6mkl2egezxhvy"
        return {"blob": {"$type": "blob", "ref": {"$link": ref}, "mimeType": "image/jpeg", "size": size}}

    def do_createRecord(self, given: Json) -> Json:
        uri = f"at://{given['_did']}/{given['collection']}/{given['rkey']}"
        if uri in self.records:
            raise No(500, "InternalServerError", "Internal Server Error")
        self.records[uri] = given["record"]
        self._notify(given["_did"], uri, given["record"])
        return {"uri": uri, "cid": _cid(uri), "validationStatus": "valid"}

    def _notify(self, did: str, uri: str, record: Json) -> None:
        parent = record.get("reply", {}).get("parent", {}).get("uri", "")
        reached = {parent.split("/")[2]: "reply"} if parent else {}
        for facet in record.get("facets", []):
            for feature in facet["features"]:
                if "did" in feature:
                    reached.setdefault(feature["did"], "mention")
        for whom, reason in reached.items():
            if whom != did:
                entry = {
                    "uri": uri, "cid": _cid(uri), "author": self._author(did), "reason": reason, "record": record,
                    "isRead": False, "indexedAt": record["createdAt"], "labels": [],
                }  # fmt: skip
                self.notified.setdefault(whom, []).append(entry)

    def do_deleteRecord(self, given: Json) -> Json:
        self.records.pop(f"at://{given['_did']}/{given['collection']}/{given['rkey']}", None)
        return {}

    def do_getRecord(self, given: Json) -> Json:
        uri = f"at://{given['repo']}/{given['collection']}/{given['rkey']}"
        if uri not in self.records:
            raise No(400, "RecordNotFound", f"Could not locate record: {uri}")
        return {"uri": uri, "cid": _cid(uri), "value": self.records[uri]}

    def do_getProfile(self, given: Json) -> Json:
        did = self.people.get(given["actor"], given["actor"])
        if did not in self.people.values():
            raise No(400, "InvalidRequest", "Profile not found")
        following = self._first(given["_did"], FOLLOW, lambda one: one["subject"] == did)
        viewer = {"blockedBy": False, **({"following": following} if following else {})}
        posts = len([uri for uri in self.records if uri.startswith(f"at://{did}/{POST}/")])
        return {
            **self._author(did),
            "viewer": viewer,
            "followersCount": len(self._followers(did)),
            "postsCount": posts,
        }

    def _first(self, did: str, collection: str, wanted: Callable[[Json], bool]) -> str:
        prefix = f"at://{did}/{collection}/"
        return next((uri for uri, one in self.records.items() if uri.startswith(prefix) and wanted(one)), "")

    def _author(self, did: str) -> Json:
        handle = self._handle(did)
        return {"did": did, "handle": handle, "displayName": handle.split(".")[0].title()}

    def _followers(self, did: str) -> list[str]:
        return [
            uri.split("/")[2]
            for uri, one in self.records.items()
            if f"/{FOLLOW}/" in uri and one["subject"] == did
        ]

    def do_getFollowers(self, given: Json) -> Json:
        return {"followers": [self._author(did) for did in self._followers(given["actor"])]}

    def do_searchActors(self, given: Json) -> Json:
        start = int(given.get("cursor", 0))
        found = [self._author(did) for handle, did in self.people.items() if given["q"] in handle]
        more = {"cursor": str(start + 1)} if start + 1 < len(found) else {}
        return {"actors": found[start : start + 1], **more}

    def _post(self, uri: str) -> Json:
        likes = sum(
            f"/{LIKE}/" in one and value["subject"]["uri"] == uri for one, value in self.records.items()
        )
        replies = [
            one
            for one, value in self.records.items()
            if value.get("reply", {}).get("parent", {}).get("uri") == uri
        ]
        return {
            "uri": uri, "cid": _cid(uri), "author": self._author(uri.split("/")[2]), "record": self.records[uri],
            "likeCount": likes, "replyCount": len(replies), "repostCount": 0, "quoteCount": 0,
            "indexedAt": self.records[uri]["createdAt"],
        }  # fmt: skip

    def do_getPosts(self, given: Json) -> Json:
        uris = given["uris"] if isinstance(given["uris"], list) else [given["uris"]]
        found = []
        for uri in uris:
            if uri in self.records:
                like = self._first(given["_did"], LIKE, lambda one, uri=uri: one["subject"]["uri"] == uri)  # type: ignore[misc]
                found.append({**self._post(uri), "viewer": {"like": like} if like else {}})
        return {"posts": found}

    def do_getAuthorFeed(self, given: Json) -> Json:
        prefix = f"at://{given['actor']}/{POST}/"
        own = [uri for uri, one in self.records.items() if uri.startswith(prefix) and "reply" not in one]
        start, limit = int(given.get("cursor", 0)), int(given["limit"])
        page = list(reversed(own))[start : start + limit]
        more = {"cursor": str(start + limit)} if start + limit < len(own) else {}
        return {"feed": [{"post": self._post(uri)} for uri in page], **more}

    def do_getPostThread(self, given: Json) -> Json:
        uri = given["uri"]
        replies = [
            one
            for one, value in self.records.items()
            if value.get("reply", {}).get("parent", {}).get("uri") == uri
        ]
        return {
            "thread": {"post": self._post(uri), "replies": [{"post": self._post(one)} for one in replies]}
        }

    def do_listNotifications(self, given: Json) -> Json:
        listed = sorted(self.notified.get(given["_did"], []), key=lambda one: one["indexedAt"], reverse=True)
        before, limit = given.get("cursor", "9999"), int(given["limit"])
        older = [one for one in listed if one["indexedAt"] < before and one["reason"] in given["reasons"]]
        more = {"cursor": older[limit - 1]["indexedAt"]} if len(older) > limit else {}
        return {"notifications": older[:limit], **more}


def _cid(uri: str) -> str:
    return "bafyreibme22gw2h7y2h7tg2fhqotaqjucnbc24deqo72b6mkl2egezxhvy"
