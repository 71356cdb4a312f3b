"""Waiting for mail in all mailboxes at once: what arrives is read at once instead of at the next reading.

Only a convenience. Reading goes on by the clock whether or not anybody waits, so a mailbox that cannot be waited for, or a
watcher that is down, delays answers by one interval and loses none.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog
from django.db import InterfaceError, OperationalError, connection
from django.db.models import QuerySet

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels import registry
from automation.channels.base import AuthFailed, ChannelError
from automation.channels.email.idle import RENEW_SECONDS, CannotWait, Idle
from automation.conversations import attention, inbox
from automation.engine.logins import login_of
from outreach.lib import processes
from outreach.lib.crypto import WrongKey

log = structlog.get_logger(__name__)
LOOK_SECONDS = 10.0  # between two looks at which accounts there are
TURN_SECONDS = 1.0
OPENED_AT_ONCE = 4
FIRST_RETRY, LAST_RETRY = 15.0, 900.0
UNABLE_SECONDS = 6 * 3600.0  # until a server that does not offer IDLE is asked again
DATABASE_AWAY = (OperationalError, InterfaceError)


def mailboxes() -> QuerySet[Account]:
    """The working accounts whose mail can be waited for."""
    named = [name for name in registry.load() if ActionKind.EMAIL in registry.capabilities(name)]
    return Account.objects.working().filter(network__in=named).select_related("credential").order_by("pk")


@dataclass(slots=True)
class Place:
    """One mailbox: its connection or the attempt to open one, and when to try again."""

    idle: Idle | None = None
    opening: Future[Idle] | None = None
    opened_at: float = 0.0
    retry_at: float = 0.0
    failures: int = 0


@dataclass
class Watcher:
    """Holds a connection to every mailbox and has those read in which something arrived."""

    places: dict[int, Place] = field(default_factory=dict)
    unread: set[int] = field(default_factory=set)
    looked_at: float = float("-inf")

    def __post_init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._pool = ThreadPoolExecutor(OPENED_AT_ONCE, thread_name_prefix="mailbox")

    def turn(self, seconds: float = TURN_SECONDS) -> None:
        """Wait for mail for at most ``seconds``, and see to what is due."""
        now = time.monotonic()
        if now - self.looked_at > LOOK_SECONDS:
            self.looked_at = now
            self._look(now)
        self._take_opened(now)
        for key, _ in self._selector.select(seconds) if self._selector.get_map() else self._rest(seconds):
            self._hear(key.data)
        # One that is being read at this moment may have been read past already: asked again until a reading waits.
        self.unread -= {account_id for account_id in self.unread if inbox.read_soon(account_id)}

    def close(self) -> None:
        """Hang up everywhere."""
        for account_id in list(self.places):
            self._leave(account_id)
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._selector.close()

    def _rest(self, seconds: float) -> list[tuple[selectors.SelectorKey, int]]:
        time.sleep(min(seconds, 0.2))
        return []

    def _look(self, now: float) -> None:
        """Open what is missing or old, leave what is no longer ours to watch."""
        accounts = {account.pk: account for account in mailboxes()}
        for account_id in set(self.places) - set(accounts):
            self._leave(account_id)
        for account_id, account in accounts.items():
            place = self.places.setdefault(account_id, Place())
            if place.idle is not None and now - place.opened_at > RENEW_SECONDS:
                self._hang_up(place)
            if place.idle is None and place.opening is None and now >= place.retry_at:
                try:
                    place.opening = self._pool.submit(Idle, login_of(account))
                except WrongKey:
                    place.retry_at = now + LAST_RETRY

    def _take_opened(self, now: float) -> None:
        for account_id, place in self.places.items():
            if place.opening is None or not place.opening.done():
                continue
            opening, place.opening = place.opening, None
            try:
                place.idle = opening.result()
            except CannotWait as reason:
                log.info("mailbox_not_watched", account=account_id, detail=str(reason))
                place.retry_at = now + UNABLE_SECONDS
            except ChannelError as error:
                self._put_off(place, now, error)
            else:
                place.opened_at, place.failures = now, 0
                self._selector.register(place.idle, selectors.EVENT_READ, account_id)
                self.unread.add(account_id)  # what came while nobody waited

    def _hear(self, account_id: int) -> None:
        place = self.places[account_id]
        try:
            if place.idle is not None and place.idle.heard():
                self.unread.add(account_id)
        except ChannelError as error:
            self._hang_up(place)
            self._put_off(place, time.monotonic(), error)

    def _put_off(self, place: Place, now: float, error: ChannelError) -> None:
        place.failures += 1
        wait = min(FIRST_RETRY * 2.0 ** min(place.failures - 1, 10), LAST_RETRY)
        place.retry_at = now + (LAST_RETRY if isinstance(error, AuthFailed) else wait)

    def _hang_up(self, place: Place) -> None:
        if place.idle is not None:
            self._selector.unregister(place.idle)
            place.idle.close()
            place.idle = None

    def _leave(self, account_id: int) -> None:
        place = self.places.pop(account_id)
        self._hang_up(place)
        if place.opening is not None and not place.opening.cancel():
            place.opening.add_done_callback(_close_late)
        self.unread.discard(account_id)


def _close_late(opening: Future[Idle]) -> None:
    """A connection that came after nobody wanted it any more."""
    if opening.exception() is None:
        opening.result().close()


def watch(go_on: Callable[[], bool]) -> None:
    """Wait for mail while ``go_on()`` and mailboxes are read here; a database that goes away is waited for."""
    watcher = Watcher()
    try:
        while go_on() and attention.is_wanted():
            processes.beat(kind="mailboxes")
            try:
                watcher.turn()
            except DATABASE_AWAY as error:
                log.warning("database_away", error=str(error))
                connection.close()
                time.sleep(TURN_SECONDS)
    finally:
        watcher.close()
