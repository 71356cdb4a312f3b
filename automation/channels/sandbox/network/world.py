"""The generated world: people, their bios and posts, who follows whom; the same for the same options."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from random import Random

from automation.channels.sandbox.network.options import WorldOptions
from automation.channels.sandbox.network.phrases import LANGUAGES, NICHES, TOPICS, Language, Topic
from automation.channels.sandbox.network.state import Member, Post, State, Truth

EPOCH = 1_735_689_600_000_000  # 1 January 2025: the world's own history lies in the month before
DAY = 86_400_000_000
# Who people really are, by share. Only people who do the thing themselves, and show it, are a fit.
PERSONAS = (("enthusiast", 0.4), ("professional", 0.2), ("passing", 0.15), ("shop", 0.15), ("dormant", 0.1))
FIT = frozenset({"enthusiast", "professional"})


def secret_of(seed: int, member_id: str, purpose: str, generation: int = 0) -> str:
    """A token or password that is always the same for the same world and account. For a network on loopback
    only.
    """
    text = f"{purpose}:{member_id}:{generation}"
    return hmac.new(f"sandbox:{seed}".encode(), text.encode(), hashlib.sha256).hexdigest()[:40]


def generate(options: WorldOptions) -> State:
    """The world of these options, before anything happened in it."""
    state = State()
    people = [_person(options, number) for number in range(options.people)]
    _make_handles_unique(people)
    accounts = [_account(options.seed, number) for number in range(options.accounts)]
    for member in (*people, *accounts):
        member.handle += f"_{options.tag}" if options.tag else ""
        state.add_member(member)
    _add_follows(state, people, options.seed)
    _add_posts(state, people, options.seed)
    _add_comments(state, people, options.seed)
    return state


def _choose(random: Random, shares: list[tuple[str, float]], otherwise: str) -> str:
    mark = random.random()
    for name, share in shares:
        mark -= share
        if mark < 0:
            return name
    return otherwise


def _person(options: WorldOptions, number: int) -> Member:
    random = Random(f"{options.seed}:person:{number}")
    code = random.choices(list(LANGUAGES), weights=(5, 2, 2, 2))[0]
    language = LANGUAGES[code]
    niche = random.choice(NICHES)
    persona = _choose(random, list(PERSONAS), "enthusiast")
    temper = _choose(random, list(options.shares.items()), "silent")
    name = f"{random.choice(language.first)} {random.choice(language.last)}"
    return Member(
        id=f"u{number + 1}",
        handle=_ascii(name),
        name=name,
        bio=_bio(random, language, TOPICS[code][niche], persona),
        language=code,
        truth=Truth(niche=niche, persona=persona, fit=persona in FIT, temper=temper),
    )


def _bio(random: Random, language: Language, topic: Topic, persona: str) -> str:
    templates = {"shop": language.shop_bio, "passing": language.passing_bio}
    template = templates.get(persona) or random.choice(language.bios)
    thing, other = random.sample(topic.things, 2)
    return template.format(thing=thing, other=other, city=random.choice(language.cities), tag=topic.tag)


def _ascii(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return folded.lower().replace("'", "").replace(" ", "_")


def _make_handles_unique(people: list[Member]) -> None:
    seen: dict[str, int] = {}
    for member in people:
        count = seen[member.handle] = seen.get(member.handle, 0) + 1
        if count > 1:
            member.handle = f"{member.handle}{count}"


def _account(seed: int, number: int) -> Member:
    random = Random(f"{seed}:account:{number}")
    niche = NICHES[number % len(NICHES)]
    topic = TOPICS["en"][niche]
    return Member(
        id=f"a{number + 1}",
        handle=f"studio_{niche}_{number + 1}",
        name=f"{niche.capitalize()} Studio {number + 1}",
        bio=f"We care about {random.choice(topic.things)}. #{topic.tag}",
        language="en",
    )


def _add_follows(state: State, people: list[Member], seed: int) -> None:
    """People follow mostly their own niche; each of our accounts starts with a few followers."""
    by_niche: dict[str, list[Member]] = {niche: [] for niche in NICHES}
    for member in people:
        assert member.truth is not None  # noqa: S101 - people have one by construction
        by_niche[member.truth.niche].append(member)
    for member in people:
        assert member.truth is not None  # noqa: S101
        random = Random(f"{seed}:follows:{member.id}")
        for _ in range(random.randint(3, 15)):
            circle = by_niche[member.truth.niche] if random.random() < 0.75 else people
            other = random.choice(circle)
            if other is not member:
                state.add_follow(member.id, other.id)
    for account in state.accounts():
        random = Random(f"{seed}:fans:{account.id}")
        for fan in random.sample(people, min(len(people), random.randint(3, 12))):
            state.add_follow(fan.id, account.id)


def _add_posts(state: State, people: list[Member], seed: int) -> None:
    for member in people:
        truth = member.truth
        if truth is None or truth.persona == "dormant":
            continue
        random = Random(f"{seed}:posts:{member.id}")
        language, topic = LANGUAGES[member.language], TOPICS[member.language][truth.niche]
        count = random.randint(2, 6)
        times = sorted(EPOCH - random.randint(DAY // 24, 30 * DAY) for _ in range(count))
        for number, at in enumerate(times):
            template = random.choice(language.small_talk if truth.persona == "passing" else language.posts)
            thing, other = random.sample(topic.things, 2)
            text = template.format(thing=thing, other=other, tag=topic.tag)
            post = Post(
                f"w{member.id[1:]}-{number + 1}", member.id, text, at, views=len(member.followers) * 3
            )
            state.add_post(post)


def _add_comments(state: State, people: list[Member], seed: int) -> None:
    """Followers comment on and like the posts of those they follow."""
    for member in people:
        random = Random(f"{seed}:comments:{member.id}")
        language = LANGUAGES[member.language]
        for followed in list(member.following):
            posts = state.members[followed].posts
            if not posts or random.random() < 0.5:
                continue
            post = state.posts[random.choice(posts)]
            post.likes.add(member.id)
            if random.random() < 0.6:
                at = post.at + random.randint(60_000_000, 3_000_000_000)
                text = random.choice(language.comments)
                state.add_post(Post(f"c{member.id[1:]}-{followed}", member.id, text, at, parent=post.id))
