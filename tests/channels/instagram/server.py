"""Meta's Graph API for Instagram as its documentation describes it: nodes, edges, containers, tokens, errors."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from tests.channels.consent import asked
from tests.channels.instagram.shapes import Comment, Media, Member, problem, stamp
from tests.channels.loopback import Loopback, Reply, Request

DAY = 86_400.0


class GraphServer(Loopback):
    """``roast`` and ``brew`` have accounts, by ``roast-token`` and ``brew-token``; ``guest`` only writes to them."""

    def __init__(self) -> None:
        super().__init__()
        self.roast = Member("17841400000000001", "roast", "Roast")
        self.brew = Member("17841400000000002", "brew", "Brew")
        self.guest = Member("990000000000003", "guest.of_honour", "Guest")
        self.members = {one.user_id: one for one in (self.roast, self.brew, self.guest)}
        self.tokens = {"roast-token": self.roast, "brew-token": self.brew, "facebook-token": self.roast}
        self.containers: dict[str, dict[str, Any]] = {}
        self.media: dict[str, Media] = {}
        self.messages: list[dict[str, Any]] = []
        self.codes: set[str] = set()
        self.answered: set[str] = set()  # comments that had their one private reply
        self.refreshes = 0
        self.fetching = 0  # how often a new container still says IN_PROGRESS
        self._numbers = count(1)
        self._routes: list[tuple[str, str, Callable[..., Reply]]] = [
            ("GET", r"/v24.0/me", self._me),
            ("GET", r"/v24.0/me/media", self._own_media),
            ("POST", r"/v24.0/me/media", self._contain),
            ("POST", r"/v24.0/me/media_publish", self._publish),
            ("POST", r"/v24.0/me/messages", self._message),
            ("GET", r"/v24.0/me/conversations", self._conversations),
            ("POST", r"/v24.0/(\d+)/replies", self._reply),
            ("GET", r"/v24.0/(\d+)/replies", self._replies),
            ("GET", r"/v24.0/(\d+)", self._node),
        ]

    # --- Plumbing ----------------------------------------------------------------------------------------------------
    def answer(self, request: Request) -> Reply:
        if request.path in ("/oauth/access_token", "/access_token", "/refresh_access_token"):
            return self._token(request)
        if request.path == "/oauth/authorize":
            code = f"code-{self.new_id()}"
            self.codes.add(code)
            return asked(request, code)
        token = str(request.headers.get("Authorization", "")).removeprefix("Bearer ")
        if token not in self.tokens:
            return problem(190, "Invalid OAuth access token - Cannot parse access token", 400)
        for method, pattern, handler in self._routes:
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                return handler(request, self.tokens[token], *found.groups())
        return problem(100, "Unsupported request", error_subcode=33)

    def new_id(self) -> str:
        return f"1790000000{next(self._numbers):07d}"

    # --- Nodes -------------------------------------------------------------------------------------------------------
    def _me(self, request: Request, us: Member) -> Reply:
        return Reply(
            200, {"user_id": us.user_id, "username": us.username, "name": us.name, "id": f"9{us.user_id}"}
        )

    def _node(self, request: Request, us: Member, number: str) -> Reply:
        fields = request.query.get("fields", "")
        if number in self.containers:
            container = self.containers[number]
            if container["state"] == "IN_PROGRESS":
                container["left"] -= 1
                if container["left"] < 0:
                    container["state"] = "FINISHED"
            return Reply(
                200, {"status_code": container["state"], "status": container.get("said", ""), "id": number}
            )
        if "business_discovery" in fields:
            return self._discover(request, us, fields)
        media = self.media.get(number)
        if media is None or media.owner is not us:
            said = f"Unsupported get request. Object with ID '{number}' does not exist"
            return problem(100, said, error_subcode=33)
        return Reply(200, {**self._shown(media), "like_count": 3, "insights": {"data": [
            {"name": "views", "period": "lifetime", "values": [{"value": 41}], "id": f"{number}/insights/views/lifetime"},
            {"name": "shares", "period": "lifetime", "values": [{"value": 2}], "id": f"{number}/insights/shares/lifetime"},
        ]}})  # fmt: skip

    def _shown(self, media: Media) -> dict[str, Any]:
        return {
            "id": media.id, "caption": media.caption, "permalink": f"https://www.instagram.com/p/{media.id}/",
            "timestamp": stamp(media.at), "comments_count": len(media.comments),
        }  # fmt: skip

    def _discover(self, request: Request, us: Member, fields: str) -> Reply:
        if "facebook-token" not in str(request.headers["Authorization"]):
            return problem(100, "Tried accessing nonexisting field (business_discovery)")
        name = re.findall(r"username\(([\w.]+)\)", fields)[0]
        for one in (self.roast, self.brew):
            if one.username == name:
                own = [self._shown(media) for media in self.media.values() if media.owner is one]
                found = {
                    "id": one.user_id, "username": name, "name": one.name, "biography": "We roast", "followers_count": 7,
                    "follows_count": 5, "media_count": len(own), "media": {"data": own},
                }  # fmt: skip
                return Reply(200, {"business_discovery": found, "id": us.user_id})
        more = {
            "error_subcode": 2207013,
            "error_user_msg": f"The user with username: {name} cannot be found.",
        }
        return problem(110, "Invalid user id", **more)

    # --- Publishing --------------------------------------------------------------------------------------------------
    def _contain(self, request: Request, us: Member) -> Reply:
        if not request.form.get("image_url", "").endswith(".jpg"):
            return problem(9004, "Only photo or video can be accepted as media type.", error_subcode=2207052)
        number = self.new_id()
        self.containers[number] = {
            "state": "IN_PROGRESS", "left": self.fetching, "owner": us, "caption": request.form.get("caption", ""),
        }  # fmt: skip
        return Reply(200, {"id": number})

    def _publish(self, request: Request, us: Member) -> Reply:
        container = self.containers[request.form["creation_id"]]
        if container["state"] != "FINISHED":
            return problem(9007, "Media ID is not available", error_subcode=2207027)
        container["state"] = "PUBLISHED"
        return Reply(200, {"id": self.add_media(us, container["caption"]).id})

    def add_media(self, owner: Member, caption: str) -> Media:
        found = Media(self.new_id(), owner, caption, time.time())
        self.media[found.id] = found
        return found

    def _own_media(self, request: Request, us: Member) -> Reply:
        fields = request.query["fields"]
        found = sorted(
            (one for one in self.media.values() if one.owner is us), key=lambda one: one.id, reverse=True
        )
        limit, start = int(request.query.get("limit", 25)), int(request.query.get("after") or 0)
        rows = []
        for media in found[start : start + limit]:
            row: dict[str, Any] = self._shown(media) if "caption" in fields else {"id": media.id}
            if "comments_count" in fields:
                row["comments_count"] = len(media.comments)
            if "comments" in fields.replace("comments_count", "") and media.comments:
                row["comments"] = {
                    "data": [self._told(one, "replies" in fields) for one in reversed(media.comments)]
                }
            rows.append(row)
        paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(start + limit)}}
        if start + limit < len(found):
            paging["next"] = "https://graph.instagram.com/next"
        return Reply(200, {"data": rows, "paging": paging})

    # --- Comments and messages ---------------------------------------------------------------------------------------
    def _told(self, one: Comment, deep: bool = False) -> dict[str, Any]:
        author = {"id": one.author.user_id, "username": one.author.username}
        row = {
            "id": one.id,
            "text": one.text,
            "timestamp": stamp(one.at),
            "username": one.author.username,
            "from": author,
        }
        if deep and one.replies:
            row["replies"] = {"data": [self._told(reply) for reply in one.replies]}
        return row

    def comment(self, media: Media, author: Member, text: str) -> Comment:
        found = Comment(self.new_id(), author, text, time.time())
        media.comments.append(found)
        return found

    def _comment(self, number: str) -> Comment | None:
        every = (one for media in self.media.values() for one in media.comments)
        return next((one for one in every if one.id == number), None)

    def _reply(self, request: Request, us: Member, number: str) -> Reply:
        parent = self._comment(number)
        if parent is None:
            return problem(100, f"Object with ID '{number}' does not exist", error_subcode=33)
        made = Comment(self.new_id(), us, request.form["message"], time.time())
        parent.replies.append(made)
        return Reply(200, {"id": made.id})

    def _replies(self, request: Request, us: Member, number: str) -> Reply:
        parent = self._comment(number)
        if parent is None:
            return problem(100, f"Object with ID '{number}' does not exist", error_subcode=33)
        return Reply(200, {"data": [self._told(one) for one in parent.replies]})

    def write(self, sender: Member, receiver: Member, text: str, at: float | None = None) -> dict[str, Any]:
        made = {
            "id": f"aWdfZAG1f{self.new_id()}ZD",
            "by": sender,
            "to": receiver,
            "text": text,
            "at": at or time.time(),
        }
        self.messages.append(made)
        return made

    def _message(self, request: Request, us: Member) -> Reply:
        wanted = json.loads(request.form["recipient"])
        if "comment_id" in wanted:
            return self._private_reply(request, us, str(wanted["comment_id"]))
        target = wanted["id"]
        heard = [one["at"] for one in self.messages if one["by"].user_id == target and one["to"] is us]
        if target not in self.members or not heard:
            return problem(100, "No matching user found", error_subcode=2018001)
        if max(heard) < time.time() - DAY:
            return problem(10, "This message is sent outside of allowed window.", error_subcode=2534022)
        made = self.write(us, self.members[target], json.loads(request.form["message"])["text"])
        return Reply(200, {"recipient_id": target, "message_id": made["id"]})

    def _private_reply(self, request: Request, us: Member, number: str) -> Reply:
        """One message to whoever wrote a comment on a post of ours, within 7 days."""
        own = (media for media in self.media.values() if media.owner is us)
        comment = next((one for media in own for one in media.comments if one.id == number), None)
        if comment is None:
            return problem(100, "Invalid parameter", error_subcode=33)
        if comment.at < time.time() - 7 * DAY:
            return problem(10, "This message is sent outside of allowed window.", error_subcode=2534022)
        if number in self.answered:
            return problem(10900, "Activity already replied to")
        self.answered.add(number)
        made = self.write(us, comment.author, json.loads(request.form["message"])["text"])
        return Reply(200, {"recipient_id": comment.author.user_id, "message_id": made["id"]})

    def _conversations(self, request: Request, us: Member) -> Reply:
        others: dict[str, list[dict[str, Any]]] = {}
        for one in reversed(self.messages):
            if us in (one["by"], one["to"]):
                other = one["to"] if one["by"] is us else one["by"]
                others.setdefault(other.user_id, []).append(one)
        wanted = request.query.get("user_id")
        rows = [self._conversation(us, who, found) for who, found in others.items() if wanted in (None, who)]
        return Reply(200, {"data": rows})

    def _conversation(self, us: Member, who: str, found: list[dict[str, Any]]) -> dict[str, Any]:
        both = [{"id": one.user_id, "username": one.username} for one in (us, self.members[who])]
        messages = [
            {
                "id": one["id"], "created_time": stamp(one["at"]), "message": one["text"],
                "from": {"id": one["by"].user_id, "username": one["by"].username},
            }
            for one in found[:20]
        ]  # fmt: skip
        return {"id": f"aWdfZAG06{who}", "participants": {"data": both}, "messages": {"data": messages}}

    # --- Tokens ------------------------------------------------------------------------------------------------------
    def _token(self, request: Request) -> Reply:
        given = request.form if request.method == "POST" else request.query
        match given.get("grant_type"):
            case "authorization_code" if given.get("code") in self.codes:
                self.tokens["short"] = self.roast
                row = {
                    "access_token": "short",
                    "user_id": self.roast.user_id,
                    "permissions": "instagram_business_basic",
                }
                return Reply(200, {"data": [row]})
            case "ig_exchange_token" | "ig_refresh_token" if given.get("access_token") in self.tokens:
                self.refreshes += 1
                token = f"long-{self.new_id()}"
                self.tokens[token] = self.tokens[given["access_token"]]
                return Reply(200, {"access_token": token, "token_type": "bearer", "expires_in": 5_183_944})
        return problem(190, "Error validating access token")
