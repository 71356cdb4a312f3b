"""X's API v2 as docs.x.com describes it: users, posts, follows, likes, direct messages, tokens.

Shapes, names of fields, statuses and the wording of problems are those of the documentation (fields are given only when
asked for; what is missing is told in ``errors`` beside a 200; ids are snowflakes).
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.channels.loopback import Loopback, Reply, Request
from tests.channels.x.tokens import Tokens

EPOCH = 1_288_834_974_657
PROBLEMS = "https://api.twitter.com/2/problems/"


@dataclass
class Member:
    id: str
    username: str
    name: str
    description: str = ""
    following: list[str] = field(default_factory=list)
    likes: list[str] = field(default_factory=list)


@dataclass
class Post:
    id: str
    author: str
    text: str
    parent: str = ""
    media: list[str] = field(default_factory=list)

    @property
    def stored(self) -> str:
        """As X stores it: escaped, links shortened."""
        return html.escape(re.sub(r"https?://\S+", "https://t.co/abc123", self.text), quote=False)


class XServer(Tokens, Loopback):
    """``ada`` and ``grace`` have accounts, by the tokens ``ada-token`` and ``grace-token``."""

    def __init__(self) -> None:
        Loopback.__init__(self)
        Tokens.__init__(self)
        self.members = {m.id: m for m in (Member("1001", "ada", "Ada"), Member("1002", "grace_h", "Grace"))}
        self.tokens |= {"ada-token": "1001", "grace-token": "1002"}
        self.refresh_tokens |= {"ada-refresh": "1001"}
        self.posts: dict[str, Post] = {}
        self.messages: list[dict[str, Any]] = []
        self.media: dict[str, dict[str, Any]] = {}
        self.page_size = 100
        self.skew = 0.0
        self._last = 0
        self._routes: list[tuple[str, str, Callable[..., Reply]]] = [
            ("GET", r"/2/users/me", self._me),
            ("GET", r"/2/users/by/username/(\w+)", self._by_name),
            ("GET", r"/2/users/(\d+)", self._by_id),
            ("GET", r"/2/users/(\d+)/tweets", self._tweets_of),
            ("GET", r"/2/users/(\d+)/mentions", self._mentions),
            ("GET", r"/2/users/(\d+)/followers", self._followers),
            ("GET", r"/2/users/(\d+)/liked_tweets", self._liked),
            ("POST", r"/2/users/(\d+)/following", self._follow),
            ("DELETE", r"/2/users/(\d+)/following/(\d+)", self._unfollow),
            ("POST", r"/2/users/(\d+)/likes", self._like),
            ("POST", r"/2/tweets", self._tweet),
            ("GET", r"/2/tweets", self._tweets),
            ("GET", r"/2/tweets/search/recent", self._search),
            ("POST", r"/2/dm_conversations/with/(\d+)/messages", self._message),
            ("GET", r"/2/dm_conversations/with/(\d+)/dm_events", self._events_with),
            ("GET", r"/2/dm_events", self._events),
            ("POST", r"/2/media/upload", self._upload),
            ("POST", r"/2/media/metadata", self._metadata),
        ]

    # --- Plumbing ----------------------------------------------------------------------------------------------------
    def answer(self, request: Request) -> Reply:
        if request.path == "/2/oauth2/token":
            return self._token(request)
        if request.path == "/i/oauth2/authorize":
            return self._authorize(request)
        token = str(request.headers.get("Authorization", "")).removeprefix("Bearer ")
        if token not in self.tokens:
            return Reply(
                401, {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}
            )
        for method, pattern, handler in self._routes:
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                return handler(request, self.members[self.tokens[token]], *found.groups())
        return Reply(404, {"title": "Not Found", "status": 404, "detail": "Not Found", "type": "about:blank"})

    def new_id(self) -> str:
        """A snowflake of now, on the server's own clock."""
        moment = int((time.time() + self.skew) * 1000) - EPOCH
        self._last = max(moment << 22, self._last + 1)
        return str(self._last)

    def _stamp(self, number: str) -> str:
        at = ((int(number) >> 22) + EPOCH) // 1000
        return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))

    def _page(self, request: Request, items: list[dict[str, Any]], **more: Any) -> Reply:
        token = request.query.get("pagination_token") or request.query.get("next_token") or "t0"
        start, size = int(token[1:]), min(self.page_size, int(request.query.get("max_results", 100)))
        part = items[start : start + size]
        meta: dict[str, Any] = {"result_count": len(part)}
        if start + size < len(items):
            meta["next_token"] = f"t{start + size}"
        return Reply(200, {**({"data": part} if part else {}), **(more if part else {}), "meta": meta})

    def _no_user(self, value: str, parameter: str) -> Reply:
        problem = {
            "value": value, "detail": f"Could not find user with {parameter}: [{value}].", "title": "Not Found Error",
            "resource_type": "user", "parameter": parameter, "resource_id": value, "type": f"{PROBLEMS}resource-not-found",
        }  # fmt: skip
        return Reply(200, {"errors": [problem]})

    # --- Users -------------------------------------------------------------------------------------------------------
    def _user(self, request: Request, member: Member, us: Member) -> dict[str, Any]:
        found: dict[str, Any] = {"id": member.id, "name": member.name, "username": member.username}
        fields = request.query.get("user.fields", "").split(",")
        if "description" in fields:
            found["description"] = member.description
        if "public_metrics" in fields:
            followers = sum(member.id in one.following for one in self.members.values())
            own = sum(post.author == member.id for post in self.posts.values())
            found["public_metrics"] = {
                "followers_count": followers, "following_count": len(member.following), "tweet_count": own, "listed_count": 0,
            }  # fmt: skip
        if "connection_status" in fields and member.id in us.following:
            found["connection_status"] = ["following"]
        return found

    def _me(self, request: Request, us: Member) -> Reply:
        return Reply(200, {"data": self._user(request, us, us)})

    def _by_name(self, request: Request, us: Member, name: str) -> Reply:
        for member in self.members.values():
            if member.username.casefold() == name.casefold():
                return Reply(200, {"data": self._user(request, member, us)})
        return self._no_user(name, "username")

    def _by_id(self, request: Request, us: Member, number: str) -> Reply:
        if number not in self.members:
            return self._no_user(number, "id")
        return Reply(200, {"data": self._user(request, self.members[number], us)})

    def _followers(self, request: Request, us: Member, number: str) -> Reply:
        found = [one for one in self.members.values() if number in one.following]
        return self._page(request, [self._user(request, one, us) for one in found])

    def _follow(self, request: Request, us: Member, number: str) -> Reply:
        target = str(request.json["target_user_id"])
        if target not in self.members:
            return self._no_user(target, "target_user_id")
        us.following.append(target)
        return Reply(200, {"data": {"following": True, "pending_follow": False}})

    def _unfollow(self, request: Request, us: Member, number: str, target: str) -> Reply:
        us.following[:] = [one for one in us.following if one != target]
        return Reply(200, {"data": {"following": False}})

    # --- Posts -------------------------------------------------------------------------------------------------------
    def _post(self, request: Request, post: Post) -> dict[str, Any]:
        found: dict[str, Any] = {"id": post.id, "text": post.stored, "edit_history_tweet_ids": [post.id]}
        fields = request.query.get("tweet.fields", "").split(",")
        if "created_at" in fields:
            found["created_at"] = self._stamp(post.id)
        if "author_id" in fields or "author_id" in request.query.get("expansions", ""):
            found["author_id"] = post.author
        if "lang" in fields:
            found["lang"] = "en"
        if "referenced_tweets" in fields and post.parent:
            found["referenced_tweets"] = [{"type": "replied_to", "id": post.parent}]
        links = re.findall(r"https?://\S+", post.text)
        if "entities" in fields and links:
            found["entities"] = {
                "urls": [{"url": "https://t.co/abc123", "expanded_url": one} for one in links]
            }
        if "public_metrics" in fields:
            found["public_metrics"] = {
                "retweet_count": 0, "quote_count": 0, "bookmark_count": 0, "impression_count": 7,
                "reply_count": sum(one.parent == post.id for one in self.posts.values()),
                "like_count": sum(post.id in one.likes for one in self.members.values()),
            }  # fmt: skip
        return found

    def _listed(self, request: Request, us: Member, posts: list[Post]) -> Reply:
        posts = sorted(posts, key=lambda post: -int(post.id))
        if request.query.get("since_id"):
            posts = [post for post in posts if int(post.id) > int(request.query["since_id"])]
        authors = dict.fromkeys(post.author for post in posts)
        users = [self._user(request, self.members[one], us) for one in authors]
        wanted = request.query.get("expansions", "").split(",")
        includes: dict[str, Any] = {"users": users} if "author_id" in wanted else {}
        if "referenced_tweets.id" in wanted:
            parents = dict.fromkeys(post.parent for post in posts if post.parent in self.posts)
            includes["tweets"] = [self._post(request, self.posts[one]) for one in parents]
        more = {"includes": includes} if includes else {}
        return self._page(request, [self._post(request, post) for post in posts], **more)

    def _tweets_of(self, request: Request, us: Member, number: str) -> Reply:
        posts = [post for post in self.posts.values() if post.author == number]
        if "replies" in request.query.get("exclude", ""):
            posts = [post for post in posts if not post.parent]
        return self._listed(request, us, posts)

    def _mentions(self, request: Request, us: Member, number: str) -> Reply:
        name = f"@{self.members[number].username}".casefold()
        return self._listed(
            request,
            us,
            [post for post in self.posts.values() if name in post.text.casefold() and post.author != number],
        )

    def _search(self, request: Request, us: Member) -> Reply:
        words = request.query["query"].split()
        to = next((word[3:] for word in words if word.startswith("to:")), "")
        plain = [word.casefold() for word in words if ":" not in word]
        found = []
        for post in self.posts.values():
            parent = self.posts.get(post.parent)
            answers = parent is not None and self.members[parent.author].username == to
            if (
                (answers and self.members[post.author].username != to)
                if to
                else all(w in post.text.casefold() for w in plain)
            ):
                found.append(post)
        return self._listed(request, us, found)

    def _tweets(self, request: Request, us: Member) -> Reply:
        ids = request.query["ids"].split(",")
        found = [self._post(request, self.posts[one]) for one in ids if one in self.posts]
        errors = [
            {
                "value": one, "detail": f"Could not find tweet with ids: [{one}].", "title": "Not Found Error",
                "type": f"{PROBLEMS}resource-not-found",
            }
            for one in ids if one not in self.posts
        ]  # fmt: skip
        return Reply(200, {**({"data": found} if found else {}), **({"errors": errors} if errors else {})})

    def _tweet(self, request: Request, us: Member) -> Reply:
        text, parent = (
            str(request.json.get("text", "")),
            request.json.get("reply", {}).get("in_reply_to_tweet_id", ""),
        )
        if any((one.author, one.text, one.parent) == (us.id, text, parent) for one in self.posts.values()):
            detail = "You are not allowed to create a Tweet with duplicate content."
            return Reply(403, {"detail": detail, "type": "about:blank", "title": "Forbidden", "status": 403})
        if parent and parent in self.posts:
            name = self.members[self.posts[parent].author].username
            shown = text if f"@{name}" in text else f"@{name} {text}"
        else:
            shown = text
        post = Post(
            self.new_id(), us.id, shown, str(parent), request.json.get("media", {}).get("media_ids", [])
        )
        self.posts[post.id] = post
        return Reply(201, {"data": {"id": post.id, "text": post.stored, "edit_history_tweet_ids": [post.id]}})

    def _like(self, request: Request, us: Member, number: str) -> Reply:
        us.likes.append(str(request.json["tweet_id"]))
        return Reply(200, {"data": {"liked": True}})

    def _liked(self, request: Request, us: Member, number: str) -> Reply:
        return self._page(request, [self._post(request, self.posts[one]) for one in reversed(us.likes)])

    def _upload(self, request: Request, us: Member) -> Reply:
        found = self.new_id()
        self.media[found] = {"body": request.body}
        return Reply(
            200,
            {
                "data": {
                    "id": found,
                    "media_key": f"3_{found}",
                    "size": len(request.body),
                    "expires_after_secs": 86400,
                }
            },
        )

    def _metadata(self, request: Request, us: Member) -> Reply:
        self.media[request.json["id"]]["alt"] = request.json["metadata"]["alt_text"]["text"]
        return Reply(200, {"data": {"id": request.json["id"]}})

    # --- Messages ----------------------------------------------------------------------------------------------------
    def _message(self, request: Request, us: Member, number: str) -> Reply:
        if number not in self.members:
            detail = "One or more parameters to your request was invalid."
            return Reply(
                400, {"title": "Invalid Request", "detail": detail, "type": f"{PROBLEMS}invalid-request"}
            )
        both = "-".join(sorted((us.id, number)))
        event = {
            "id": self.new_id(),
            "sender": us.id,
            "to": number,
            "text": request.json["text"],
            "conversation": both,
        }
        self.messages.append(event)
        return Reply(201, {"data": {"dm_conversation_id": both, "dm_event_id": event["id"]}})

    def _events(self, request: Request, us: Member) -> Reply:
        return self._told(request, us, [one for one in self.messages if us.id in (one["sender"], one["to"])])

    def _events_with(self, request: Request, us: Member, number: str) -> Reply:
        both = "-".join(sorted((us.id, number)))
        return self._told(request, us, [one for one in self.messages if one["conversation"] == both])

    def _told(self, request: Request, us: Member, events: list[dict[str, Any]]) -> Reply:
        items = [
            {
                "id": one["id"], "event_type": "MessageCreate", "text": html.escape(one["text"], quote=False),
                "sender_id": one["sender"], "dm_conversation_id": one["conversation"], "created_at": self._stamp(one["id"]),
            }
            for one in reversed(events)
        ]  # fmt: skip
        users = [
            self._user(request, self.members[one], us)
            for one in dict.fromkeys(item["sender_id"] for item in items)
        ]
        return self._page(
            request, items, **({"includes": {"users": users}} if request.query.get("expansions") else {})
        )
