"""The sandbox's people as leads with a known truth, a model that errs as told, and the rules of an operator."""

from __future__ import annotations

import random
from argparse import Namespace
from decimal import Decimal
from typing import Any

from automation.asking import configuration
from automation.channels.sandbox.network.options import WorldOptions
from automation.channels.sandbox.network.world import generate
from automation.discovery.qualification import waiting
from automation.enums import Verdict
from automation.models import QualificationRule, TargetGroup
from leads.models import Person, Profile

Truth = dict[tuple[str, str], bool]
GROUP = (
    "Makers", "People who roast coffee, ride, throw pots, garden, photograph or bake themselves and show it in their posts. Not "
    "shops, not people who only hear of it, not profiles without posts.",
)  # fmt: skip
SHOPS = [
    "official shop",
    "free shipping",
    "versand",
    "livraison offerte",
    "boutique officielle",
    "tienda oficial",
    "envío gratis",
]
TAGS = [
    "#coffee",
    "#kaffee",
    "#café",
    "#cycling",
    "#radfahren",
    "#vélo",
    "#ciclismo",
    "#ceramics",
    "#keramik",
    "#céramique",
]


def people(count: int, seed: int) -> tuple[Truth, dict[int, bool]]:
    """Write the sandbox's people as leads that have been read; who fits, by what a prompt shows of them and by person."""
    state = generate(WorldOptions(people=count, accounts=1, seed=seed))
    members = [member for member in state.members.values() if member.truth is not None]
    Person.objects.bulk_create([Person(display_name=member.name) for member in members])
    rows = []
    for person, member in zip(Person.objects.order_by("pk"), members, strict=True):
        posts = [{"text": state.posts[key].text} for key in reversed(member.posts)]
        rows.append(
            Profile(
                person=person, network="sandbox", handle=member.handle, display_name=member.name, bio=member.bio,
                language=member.language, followers_count=len(member.followers), posts_count=len(posts),
                recent_posts=posts[:10],
            )
        )  # fmt: skip
    Profile.objects.bulk_create(rows)
    written = Person.objects.order_by("pk").prefetch_related("profiles")
    shown, fits = {}, {}
    for person, member in zip(written, members, strict=True):
        words = waiting.words_of(0, person)
        fits[person.pk] = shown[words.text, str(words.followers)] = bool(member.truth and member.truth.fit)
    return shown, fits


def script(truth: Truth, options: Namespace) -> Any:
    """The model: right but for ``errs`` of the leads, always the same ones; in company it slips on ``slips`` of them."""

    def judge(_system: str, leads: list[dict[str, Any]]) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = []
        for lead in leads:
            text = "\n".join((lead.get("name", ""), lead.get("bio", ""), *lead.get("posts", ())))
            errs = random.Random(f"{options.seed}:errs:{text}").random() < options.errs
            fit = truth[text, str(lead.get("followers"))] != errs
            evidence = " ".join(lead.get("bio", "").split()[:6]) if fit else ""
            reason = (
                "Shows in bio and posts that they do it themselves."
                if fit
                else "Nothing shows that they do it themselves."
            )
            one = {
                "lead": lead["lead"],
                "fit": fit,
                "group": int(fit),
                "evidence": evidence,
                "reason": reason,
            }
            said += slipped(
                one,
                random.Random(f"{len(leads)}:{lead['lead']}:{text}"),
                options.slips if len(leads) > 1 else 0,
            )
        return said

    return judge


def slipped(one: dict[str, Any], chance: random.Random, share: float) -> list[dict[str, Any]]:
    """The judgement, or what a model makes of it in company: nothing, two of it, or words that nobody wrote."""
    if chance.random() >= share:
        return [one]
    misquoted = {**one, "evidence": "a passion for excellence"}
    return chance.choice([[], [one, {**one, "fit": not one["fit"]}], [misquoted]])


def set_up(url: str, at_once: int) -> None:
    """A model at this address with a budget nobody reaches, a group to look for, and the rules of an operator."""
    configuration.set_price(
        model="small", input_price=Decimal("0.15"), output_price=Decimal("0.6"), by="benchmark"
    )
    configuration.change(
        by="benchmark", url=url, small_model="small", budget=Decimal(1000), calls_at_once=at_once
    )
    TargetGroup.objects.create(name=GROUP[0], description=GROUP[1])


def add_rules() -> None:
    """What an operator would write down first: no shops, nobody silent, and whoever shows a hashtag of some niches."""
    QualificationRule.objects.bulk_create(
        [
            QualificationRule(
                name="Shops", position=1, verdict=Verdict.DISQUALIFIED, keywords=SHOPS, score=5
            ),
            QualificationRule(
                name="Hashtags", position=2, keywords=[f"{tag}" for tag in TAGS], min_posts=2, score=70
            ),
        ]
    )
