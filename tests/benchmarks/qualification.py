"""What judging leads costs: rules first and many leads in a prompt, beside one call for each lead; and how often it is right.

The leads are the sandbox's people, whose truth its generator knows. The model is scripted: it knows the truth and errs as
told, by lead, and in company it slips as well (forgets a lead, names it twice, misquotes it), which has to be made good.
"""

from __future__ import annotations

import threading
from argparse import Namespace
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tests.benchmarks import environment, report

# isort: split
from django.db import connection
from django.db.models import Sum

from automation.asking import budget, configuration
from automation.asking.gateway import Asked, ask
from automation.discovery.qualification import judging, qualify
from automation.enums import FailureKind, Judge, Verdict
from automation.llm.purposes.qualification import PURPOSE, Verdicts
from automation.models import Decision, LlmBudget, LlmCall, LlmText, OpenLead, QualificationRule, TargetGroup
from automation.models.asking import MICRO
from leads.enums import Stage
from leads.models import Person
from tests.benchmarks import judged
from tests.scripted_model import ScriptedModel

SUMMARY = (
    "Tokens and agreement with the truth for the same leads: `single` asks the model about each lead by itself, `batched` "
    "has rules judge first and asks about the rest, 20 in a prompt. `token_saving` is over all leads, `model_token_saving` "
    "among those that reached the model. `overspend` (millionths) and `dead_stops` come from 8 threads crossing every tier "
    "of a small budget."
)
LEAST_SAVING, LEAST_MODEL_SAVING = 0.75, 0.5
THREADS, ROUNDS = 8, 12


def main() -> None:
    options = arguments()
    with environment.installation():
        truth, fits = judged.people(options.leads, options.seed)
        with ScriptedModel(judged.script(truth, options)) as model:
            judged.set_up(model.url, THREADS)
            single, each = judged_singly(fits)
            start_over()
            batched, saved = judged_in_batches(each, fits)
            start_over()
            spent = crossed_tiers()
    found = {**figures(options.leads, single, batched), **saved, **spent}
    report.publish("qualification", SUMMARY, found, options)
    if missed := misses(found):
        report.say("Missed: " + "; ".join(missed))
        raise SystemExit(1)


def arguments() -> Namespace:
    parser = report.parser(
        "What judging leads costs, one by one and in batches after rules; and how often it is right."
    )
    parser.add_argument("--leads", type=int, default=1000, help="How many (default 1000).")
    parser.add_argument(
        "--seed", type=int, default=1, help="Of the world and of the model's errors (default 1)."
    )
    parser.add_argument(
        "--errs", type=float, default=0.06, help="Share of leads the model misjudges (default 0.06)."
    )
    parser.add_argument(
        "--slips", type=float, default=0.04, help="Share of leads it slips on in company (default 0.04)."
    )
    return parser.parse_args()


def judge_all(size: int) -> None:
    """Have everybody judged, rules first where there are any, until nobody waits for the model."""
    configuration.change(by="benchmark", judge_batch=size)
    ids = list(Person.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), 200):
        qualify(ids[start : start + 200], by="benchmark")
    # A prompt that is not full goes after a while; nobody waits for the clock here.
    while OpenLead.objects.exists():
        OpenLead.objects.update(held_until=None, since=environment.value("SELECT now() - interval '1 day'"))
        before = OpenLead.objects.count(), Decision.objects.count(), LlmCall.objects.count()
        judging.run(seconds=600)
        if before == (OpenLead.objects.count(), Decision.objects.count(), LlmCall.objects.count()):
            raise SystemExit("The model judges nobody any more though leads wait.")


def judged_singly(fits: dict[int, bool]) -> tuple[dict[str, Any], dict[int, int]]:
    """No rules, one lead in a prompt; what came out, and the tokens of each lead."""
    judge_all(size=1)
    report.say(f"one by one: {LlmCall.objects.count()} calls")
    return outcome(fits), dict(Decision.objects.filter(judge=Judge.MODEL).values_list("person_id", "tokens"))


def judged_in_batches(each: dict[int, int], fits: dict[int, bool]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rules first, 20 leads in a prompt; what came out, and what it saved among those that reached the model."""
    judged.add_rules()
    judge_all(size=20)
    report.say(f"in batches: {LlmCall.objects.count()} calls")
    found = outcome(fits)
    reached = set(Decision.objects.filter(judge=Judge.MODEL).values_list("person_id", flat=True))
    alone = sum(each[person] for person in reached)
    return found, {"model_token_saving": saving(found["tokens"], alone)}


def outcome(fits: dict[int, bool]) -> dict[str, Any]:
    """Who judged how many, the tokens the endpoint counted, and the share that came out as the truth has it."""
    spent = LlmCall.objects.aggregate(read=Sum("tokens_in"), written=Sum("tokens_out"))
    last = dict(Decision.objects.order_by("id").values_list("person_id", "verdict"))
    right = sum(
        last.get(person) == (Verdict.QUALIFIED if fit else Verdict.DISQUALIFIED)
        for person, fit in fits.items()
    )
    judges = [
        Decision.objects.filter(judge=judge).values("person").distinct().count()
        for judge in (Judge.RULES, Judge.MODEL)
    ]
    return {
        "by_rules": judges[0],
        "by_model": judges[1],
        "tokens": (spent["read"] or 0) + (spent["written"] or 0),
        "agreement": round(right / len(fits), 4),
        "agreement_rules": agreement_of_rules(fits),
    }


def agreement_of_rules(fits: dict[int, bool]) -> float:
    """The share of those whom rules judged that came out as the truth has it; 0 where they judged nobody."""
    said = dict(Decision.objects.filter(judge=Judge.RULES).order_by("id").values_list("person_id", "verdict"))
    right = sum(
        verdict == (Verdict.QUALIFIED if fits[person] else Verdict.DISQUALIFIED)
        for person, verdict in said.items()
    )
    return round(right / len(said), 4) if said else 0.0


def start_over() -> None:
    """As if nobody had been judged and nothing asked."""
    for model in (Decision, OpenLead, LlmText, LlmCall, LlmBudget, QualificationRule):
        model.objects.all().delete()
    Person.objects.update(stage=Stage.NEW, score=None, stage_reason="")


def crossed_tiers() -> dict[str, Any]:
    """Eight threads ask until the budget is gone and beyond: what was spent too much, and who got no answer at all."""
    found = list(Person.objects.order_by("pk").prefetch_related("profiles"))
    groups = list(TargetGroup.objects.all())
    materials = [judging.material_of([person], groups) for person in found[: THREADS * ROUNDS * 4]]
    price = configuration.price_of("small")
    assert price is not None
    most = max(price.most(PURPOSE.versions["1"](material)) for material in materials)
    configuration.change(
        by="benchmark",
        budget=(Decimal(most) * THREADS * 3 / MICRO).quantize(Decimal("0.01")) or Decimal("0.01"),
    )
    tiers: list[str] = []
    answers: list[Asked[Verdicts]] = []
    highest: list[int] = [0]
    asked_for = threads_ask(materials, tiers, answers, highest)
    limit = budget.limit_of(configuration.current())
    silent = asked_for - sum(bool(one.answer.usable or one.answer.unusable) for one in answers)
    report.say(f"tiers crossed: {', '.join(dict.fromkeys(tiers))}; answers {len(answers)}")
    beyond = sum(one.failure == FailureKind.BUDGET for one in answers)
    uncrossed = {tier.name for tier in budget.TIERS} - set(tiers)
    return {
        "overspend": max(0, max(highest) - limit),
        "dead_stops": silent + len(uncrossed) + (0 if beyond else 1),
        "tiers": list(dict.fromkeys(tiers)),
        "answered_by_model": sum(one.by_model for one in answers),
        "answered_without": beyond,
    }


def threads_ask(
    materials: Sequence[Any], tiers: list[str], answers: list[Asked[Verdicts]], highest: list[int]
) -> int:
    """Ask about each of ``materials`` from eight threads; how many were asked about."""

    def work(number: int) -> None:
        try:
            for material in materials[number::THREADS]:
                answers.append(ask(PURPOSE, material, patience=60.0))
                standing = budget.standing()
                tiers.append(standing.tier.name)
                highest[0] = max(highest[0], standing.used)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(materials)


def figures(leads: int, single: dict[str, Any], batched: dict[str, Any]) -> dict[str, Any]:
    """The figures under the names they are reported by."""
    return {
        "leads": leads,
        "by_rules": batched["by_rules"],
        "by_model": batched["by_model"],
        "tokens_single": single["tokens"],
        "tokens_batched": batched["tokens"],
        "token_saving": saving(batched["tokens"], single["tokens"]),
        "agreement_single": single["agreement"],
        "agreement_batched": batched["agreement"],
        "agreement_rules": batched["agreement_rules"],
    }


def saving(now: int, before: int) -> float:
    """The share that is saved, from 0 to 1."""
    return round(1 - now / before, 4) if before else 0.0


def misses(found: dict[str, Any]) -> list[str]:
    """What does not hold that must."""
    wanted = {
        f"token_saving is under {LEAST_SAVING}": found["token_saving"] < LEAST_SAVING,
        f"model_token_saving is under {LEAST_MODEL_SAVING}": found["model_token_saving"] < LEAST_MODEL_SAVING,
        "batches agree with the truth less than single calls": found["agreement_batched"]
        < found["agreement_single"],
        "leads are left without a judgement": found["by_rules"] + found["by_model"] < found["leads"],
        "more was spent than the budget": found["overspend"] > 0,
        "somebody got no answer, or not every tier was crossed": found["dead_stops"] > 0,
    }
    return [sentence for sentence, missed in wanted.items() if missed]


if __name__ == "__main__":
    main()
