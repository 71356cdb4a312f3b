"""How synthetic people react to what our accounts do: decided by the seed, carried out a few seconds later."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from random import Random

from automation.channels.sandbox.network.answers import ANSWERS
from automation.channels.sandbox.network.phrases import LANGUAGES
from automation.channels.sandbox.network.state import Event, Member, State

FOLLOW_BACK = 0.4  # part of the people who follow back
THANKS_FOR_REPLY = 0.3  # part of the authors who answer a comment of ours
FLAGGED_AUTOMATIC = 0.5  # part of the out-of-office answers that the network marks as automatic
MAX_AUDIENCE = 30  # people who see one post of ours


@dataclass(frozen=True, slots=True, order=True)
class Reaction:
    """Something ``by`` will do at ``due`` (microseconds). ``cause`` names it once and for all."""

    due: int
    cause: str
    what: str = field(compare=False)
    by: str = field(compare=False)
    target: str = field(compare=False)
    text: str = field(default="", compare=False)
    automatic: bool = field(default=False, compare=False)


class Behaviour:
    """What is still to happen. The same seed and the same acts always make the same reactions."""

    def __init__(self, state: State, seed: int, reply_delay: float) -> None:
        self._state = state
        self._seed = seed
        self._delay = reply_delay * 1_000_000
        self._waiting: list[Reaction] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def next_due(self) -> int | None:
        """When the earliest reaction is due, in microseconds since 1970; ``None`` if nothing waits."""
        return self._waiting[0].due if self._waiting else None

    def take_due(self, now: int | None) -> list[Reaction]:
        """The reactions due at ``now`` (``None``: all of them), earliest first; they wait no longer."""
        due: list[Reaction] = []
        while self._waiting and (now is None or self._waiting[0].due <= now):
            due.append(heapq.heappop(self._waiting))
        return due

    def put_back(self, reaction: Reaction) -> None:
        """Let a reaction that could not be carried out wait again."""
        heapq.heappush(self._waiting, reaction)

    def drop_done(self) -> None:
        """Forget reactions that the journal says were carried out; called once after a replay."""
        self._waiting = [one for one in self._waiting if one.cause not in self._state.causes]
        heapq.heapify(self._waiting)

    def notice(self, event: Event) -> None:
        """Have people decide how to react to an act of one of our accounts that just took effect."""
        if not self._state.members[event.by].is_account:
            return
        react = {
            "dm": self._to_message,
            "follow": self._to_follow,
            "reply": self._to_reply,
            "post": self._to_post,
        }
        if event.what in react:
            react[event.what](event, Random(f"{self._seed}:{event.what}:{event.seq}"))

    def _add(
        self, event: Event, random: Random, what: str, by: str, target: str, text: str = "", **more: bool
    ) -> None:
        due = event.at + int(self._delay * random.uniform(0.5, 1.5))
        cause = f"{event.seq}:{what}:{by}"
        heapq.heappush(self._waiting, Reaction(due, cause, what, by, target, text, **more))

    def _to_message(self, event: Event, random: Random) -> None:
        person = self._state.members[event.target]
        if person.truth is None:
            return
        answers, temper = ANSWERS[person.language], person.truth.temper
        often = self._state.messaged[event.by, person.id]
        if temper == "out_of_office":
            flagged = random.random() < FLAGGED_AUTOMATIC
            self._add(event, random, "dm", person.id, event.by, answers[temper][0], automatic=flagged)
        elif temper == "opt_out" and person.opted_out_at is None:
            self._add(event, random, "opt_out", person.id, event.by, random.choice(answers[temper]))
        elif temper in ("yes", "neutral") and often == 1:
            self._add(event, random, "dm", person.id, event.by, random.choice(answers[temper]))
        elif temper == "yes" and often == 2:
            self._add(event, random, "dm", person.id, event.by, random.choice(answers["follow_up"]))

    def _to_follow(self, event: Event, random: Random) -> None:
        person = self._state.members[event.target]
        likes_us = Random(f"{self._seed}:follow-back:{person.id}").random() < FOLLOW_BACK
        if person.truth and likes_us and person.id not in self._state.members[event.by].followers:
            self._add(event, random, "follow", person.id, event.by)

    def _to_reply(self, event: Event, random: Random) -> None:
        author = self._state.members[self._state.posts[event.target].author]
        if author.truth and author.opted_out_at is None and random.random() < THANKS_FOR_REPLY:
            text = random.choice(LANGUAGES[author.language].comments)
            self._add(event, random, "reply", author.id, event.result, text)

    def _to_post(self, event: Event, random: Random) -> None:
        audience = self._audience(self._state.members[event.by], random)
        if audience:
            self._add(event, random, "view", audience[0].id, event.result, str(len(audience)))
        for person in audience:
            if random.random() < 0.35:
                self._add(event, random, "like", person.id, event.result)
            if random.random() < 0.15:
                text = random.choice(LANGUAGES[person.language].comments)
                self._add(event, random, "reply", person.id, event.result, text)

    def _audience(self, account: Member, random: Random) -> list[Member]:
        """Followers, and a few who come by; nobody who asked to be left alone."""
        fans = list(account.followers)
        strangers = [f"u{random.randint(1, self._people())}" for _ in range(5)]
        seen = dict.fromkeys([*random.sample(fans, min(len(fans), MAX_AUDIENCE - 5)), *strangers])
        found = (self._state.members[one] for one in seen)
        return [person for person in found if person.truth and person.opted_out_at is None]

    def _people(self) -> int:
        return len(self._state.members) - len(self._state.account_ids)
