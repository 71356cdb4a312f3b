"""The driver of every site that has a file: the protocol's calls as jobs for a browser."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from automation.browser import work
from automation.browser.work import Broken, BrowserDown, Job, Urgency
from automation.channels import evidence
from automation.channels.base import (
    AccountInfo,
    Act,
    AuthFailed,
    Channel,
    Done,
    Finding,
    InboxPage,
    Login,
    Page,
    PostMetrics,
    ProfileInfo,
    Proof,
    Refused,
    TryLater,
)
from automation.channels.web import NETWORK, proving, shapes, sites
from automation.channels.web.errors import NoSession, meaning
from automation.channels.web.parsing import SiteError
from automation.channels.web.site import Site
from automation.channels.web.values import link, squash

ACTIONS = "automation.channels.web.actions"
NOBODY: dict[str, Any] = {"cookies": [], "origins": []}


class Quiet(dict[str, Any]):
    """Values that no log and no error report shows."""

    def __repr__(self) -> str:
        return "{...}"


def connect(login: Login) -> Channel:
    """The driver for one account; :class:`AuthFailed` or :class:`Refused` for a login that cannot work,
    :class:`TryLater` while its site file is being mended.
    """
    parts = urlsplit(login.server)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise Refused("The server must be an address like https://example.org.")
    try:
        site = sites.of(login.server, str(login.secret.get("site") or ""))
    except sites.SiteBroken as error:
        raise TryLater(str(error)) from None
    except SiteError as error:
        raise AuthFailed(str(error)) from None
    return WebChannel(site, f"{parts.scheme}://{parts.netloc}", login)


class WebChannel:
    """Works one site for one account."""

    network = NETWORK.name
    proves = False  # a page is no match for a second's batch: acts go one by one

    def __init__(self, site: Site, server: str, login: Login) -> None:
        self.site = site
        self.capabilities = site.capabilities
        self.deadline = site.seconds
        self.lag = site.lag
        self._server = server
        self._login = login
        self._place = work.place(login.account_id)

    def __repr__(self) -> str:
        return f"WebChannel({self.site.name} at {self._server})"

    # --- Reading -------------------------------------------------------------------------------------------
    def verify(self) -> AccountInfo:
        """Who the login is. A password is tried anew: an old session proves nothing of it."""
        if self._has_password():
            self._sign_in(time.monotonic() + self.deadline)
        if "profile" not in self.site.reads:
            viewer = str(self._do("whoami", Urgency.HIGH)["viewer"])
            return AccountInfo(handle=viewer, remote_id=viewer)
        own = self.profile(self._login.handle)
        return AccountInfo(own.handle, own.remote_id, own.display_name)

    def profile(self, handle: str, remote_id: str = "") -> ProfileInfo:
        """One profile, with the posts its page shows."""
        body = self._read("profile", handle=handle or remote_id)
        return shapes.profile(body, self.site)

    def search(self, query: str, cursor: str = "") -> Page:
        """People by the site's own search."""
        return shapes.people(self._read("search", cursor, query=query))

    def related(self, handle: str, remote_id: str = "", cursor: str = "") -> Page:
        """The followers of a profile."""
        return shapes.people(self._read("related", cursor, handle=handle or remote_id))

    def commenters(self, handle: str, remote_id: str = "", cursor: str = "", *, over: int = 0) -> Page:
        """Who commented on a profile's posts; a site whose address has no ``{over}`` shows those of every post."""
        return shapes.people(self._read("commenters", cursor, handle=handle or remote_id, over=str(over)))

    def metrics(self, remote_ids: Sequence[str]) -> list[PostMetrics]:
        """The figures of posts, as many as one deadline allows."""
        body = self._do("figures", Urgency.HIGH, ids=list(remote_ids))
        return [shapes.metrics(one, found) for one, found in body["figures"].items()]

    def inbox(self, since: str) -> InboxPage:
        """Messages and comments newer than a cursor, oldest first.

        Sites show the newest first. What one call cannot read back to is left for the next, by the cursor.
        """
        mark = shapes.Bookmark.read(since)
        body = self._read("inbox", mark.resume, stop=mark.stop)
        return shapes.inbox(body, mark, self.site)

    # --- Acting --------------------------------------------------------------------------------------------
    def publish(self, act: Act) -> Done:
        """A post of our own."""
        return self._write(act)

    def reply(self, act: Act) -> Done:
        """A comment on a post."""
        return self._write(act)

    def message(self, act: Act) -> Done:
        """A direct message."""
        return self._write(act)

    def follow(self, act: Act) -> Done:
        """Follow a profile; one already followed is left so."""
        return self._put(act)

    def unfollow(self, act: Act) -> Done:
        """Stop following a profile."""
        return self._put(act)

    def like(self, act: Act) -> Done:
        """Like a post."""
        return self._put(act)

    def reconcile(self, act: Act) -> Finding:
        """Read the page back: presence proves it; absence only where the site file calls the page authoritative."""
        if act.kind in self.site.states:
            body = self._do("state", Urgency.HIGH, values=_values(act), kind=act.kind)
            if body["done"]:
                return Finding(Proof.PRESENT, Done(act.remote_id, body["url"]))
            sure = body["done"] is False and self.site.states[act.kind].authoritative
            return Finding(Proof.ABSENT) if sure else proving.NO_PROOF
        if act.kind not in self.site.writes or act.started_at is None:
            return proving.NO_PROOF
        back_to = proving.since(act.started_at, self.site.clock).isoformat()
        body = self._do("written", Urgency.HIGH, values=_values(act), kind=act.kind, since=back_to)
        return proving.judge(
            self.site.writes[act.kind], body["items"], texts=_shown(act), started_at=act.started_at,
            clock=self.site.clock, complete=body["complete"], page=body["url"],
        )  # fmt: skip

    def close(self) -> None:
        """Give the place at the browser back."""
        self._place.close()

    # --- Jobs ----------------------------------------------------------------------------------------------
    def _read(self, part: str, at: str = "", stop: str = "", **values: str) -> dict[str, Any]:
        return self._do("read", Urgency.HIGH, values=values, part=part, at=at, stop=stop)

    def _put(self, act: Act) -> Done:
        body = self._do("put", work.urgency_of(act.kind), act, values=_values(act), kind=act.kind)
        return Done(act.remote_id, body["url"])

    def _write(self, act: Act) -> Done:
        if act.images or act.content_warning or act.visibility:
            raise Refused(
                f"{self.site.title} is given texts and links only: no pictures, warnings or audiences."
            )
        body = self._do(
            "write", work.urgency_of(act.kind), act,
            values=_values(act), kind=act.kind, fields=self._fields(act), shown=_shown(act),
        )  # fmt: skip
        return Done(str(body.get("id", "")), link(body["page"], str(body.get("url", ""))) or body["page"])

    def _fields(self, act: Act) -> dict[str, str]:
        """What goes into which field; a link or subject without a field of its own goes into the text."""
        known = self.site.writes[act.kind].fill
        text = act.text
        if act.subject and "subject" not in known:
            text = f"{act.subject}\n\n{text}"
        if act.link and "link" not in known and act.link not in text:
            text = f"{text}\n\n{act.link}".strip()
        fields = {"text": text, "link": act.link, "subject": act.subject}
        return {name: value for name, value in fields.items() if name in known and value}

    def _do(
        self,
        action: str,
        urgency: Urgency,
        act: Act | None = None,
        *,
        values: Mapping[str, str] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """One job; signs in and does it once more when nobody was signed in. All of it within the deadline."""
        ends = time.monotonic() + self.deadline
        given = {"values": {**(values or {}), "me": self._login.handle}, **more}
        try:
            return self._perform(action, urgency, given, ends, act)
        except NoSession as gone:
            if not self._has_password():
                raise AuthFailed(f"{gone} Sign in: manage.py login {self._login.account_id}") from None
        self._sign_in(ends, urgency)
        return self._perform(action, urgency, given, ends, act)

    def _has_password(self) -> bool:
        return bool(self.site.login.fill) and bool(self._login.secret.get("password"))

    def _sign_in(self, ends: float, urgency: Urgency = Urgency.HIGH) -> None:
        """A new session from the password. Nothing of it is kept as proof: it would hold the password."""
        fields = {name: self._login.secret.get(name) for name in self.site.login.fill}
        secret = {name: value for name, value in fields.items() if value}
        given = {"values": {"me": self._login.handle}, "secret": secret}
        self._perform("sign_in", urgency, given, ends, None, state=NOBODY)

    def _perform(
        self,
        action: str,
        urgency: Urgency,
        given: Mapping[str, Any],
        ends: float,
        act: Act | None,
        **more: Any,
    ) -> dict[str, Any]:
        seconds = ends - time.monotonic()
        if seconds < 1:
            raise TryLater(f"{self.site.title} was too slow.")
        arguments = Quiet(site=dict(self.site.raw), server=self._server, seconds=seconds, **given)
        job = Job(
            f"{ACTIONS}:{action}", arguments, account=self._login.account_id, seconds=seconds, urgency=urgency,
            allowed_hosts=(urlsplit(self._server).hostname or "", *self.site.also),
            proxy=self._login.proxy, keep_proof=act is not None, announces=True, **more,
        )  # fmt: skip
        try:
            answer = work.perform(job)
        except (BrowserDown, Broken) as error:
            failure = meaning(error, acts=act is not None)
            if not isinstance(failure, NoSession):  # a session that has ended is no failure of the act
                _keep(act, getattr(error, "proofs", ()), f"{type(failure).__name__}: {failure}")
            raise failure from None
        _keep(act, answer.proofs, "")
        return answer.result


def _keep(act: Act | None, proofs: Sequence[work.Proof], note: str) -> None:
    if act is not None:
        found = [evidence.Evidence(proof.name, proof.content, note) for proof in proofs]
        evidence.keep(act.send_id, found)


def _values(act: Act) -> dict[str, str]:
    return {"handle": act.handle or act.remote_id, "post_id": act.post_id}


def _shown(act: Act) -> list[str]:
    """How the text may read on the page: with the link in it, or with the link shown as something else."""
    whole = [squash(f"{act.text} {act.link}")] if act.link and act.link not in act.text else []
    subject = [squash(f"{act.subject} {act.text} {act.link}")] if act.subject else []
    return [*subject, *whole, squash(act.text)]


__all__ = ["WebChannel", "connect"]
