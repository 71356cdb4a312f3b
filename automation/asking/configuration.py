"""What staff have set about the language model: read anew by every call, so that nothing needs a restart."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from automation.enums import ModelSize
from automation.llm import purposes
from automation.llm.base import Endpoint
from automation.llm.pricing import Price
from automation.models import LlmPrice, LlmSettings
from outreach.lib import events, net
from outreach.lib.actors import Actor

FIELDS = (
    "url", "good_model", "small_model", "answer_form", "length_name", "budget", "budget_window", "calls_at_once",
    "answer_seconds", "cache_days", "judge_leads", "judge_batch", "judge_version",
)  # fmt: skip
PRICE_FIELDS = ("input_price", "output_price")


def current() -> LlmSettings:
    """What holds now; the defaults where nobody has set anything."""
    return LlmSettings.objects.filter(pk=1).first() or LlmSettings()


def endpoint(held: LlmSettings) -> Endpoint | None:
    """Where to ask; ``None`` when no model is set up. A key only ever goes with the address it was given for."""
    url, key = (held.url, held.key or "") if held.url else (settings.LLM_URL, settings.LLM_API_KEY)
    if not url:
        return None
    return Endpoint(
        url=url.rstrip("/"), key=str(key), answer_form=held.answer_form, length_name=held.length_name,
        seconds=float(held.answer_seconds),
    )  # fmt: skip


def model_of(held: LlmSettings, size: ModelSize) -> str:
    """The model of a size; the other one where only one is named."""
    small, good = held.small_model or held.good_model, held.good_model or held.small_model
    return good if size == ModelSize.GOOD else small


def is_set_up(held: LlmSettings) -> bool:
    """Whether there is a model to ask."""
    return endpoint(held) is not None and bool(model_of(held, ModelSize.SMALL))


def price_of(model: str) -> Price | None:
    """What a model's tokens cost; ``None`` when nobody has said."""
    row = LlmPrice.objects.filter(model=model).first()
    return None if row is None else Price(row.input_price, row.output_price)


@transaction.atomic
def change(*, by: Actor, key: str | None = None, **changes: Any) -> LlmSettings:
    """Save those of ``changes`` that differ, and the key unless it is ``None`` (empty forgets it).

    Effects: calls from now on follow it; ``llmsettings.changed`` with what each field was and is (never the key). A new address
    without a key forgets the old one, so that no key is ever sent to a host it was not given for. Raises
    :class:`django.core.exceptions.ValidationError`.
    """
    if unknown := set(changes) - set(FIELDS):
        raise TypeError(f"The language model has no {', '.join(sorted(unknown))} to set.")
    LlmSettings.objects.get_or_create(pk=1)
    held = LlmSettings.objects.select_for_update().get(pk=1)
    before = {name: getattr(held, name) for name in changes}
    for name, value in changes.items():
        setattr(held, name, value.strip() if isinstance(value, str) else value)
    _check(held, moved="url" in changes and held.url != before["url"])
    changed = {
        name: [str(before[name]), str(getattr(held, name))]
        for name in changes
        if getattr(held, name) != before[name]
    }
    new_key = key.strip() if key is not None else ("" if "url" in changed else None)
    if new_key is not None:
        held.key = new_key or None
    if changed or new_key is not None:
        held.save()
        told = {
            **changed,
            **({"key": ["", "given" if new_key else "forgotten"]} if new_key is not None else {}),
        }
        events.emit(
            "llmsettings.changed",
            model="automation.llmsettings",
            ids=[1],
            by=by,
            fields=sorted(told),
            changes=told,
        )
    return held


@transaction.atomic
def set_price(*, model: str, by: Actor, **prices: Any) -> LlmPrice:
    """What a model costs from now on. Effects: ``llmprice.changed``. Raises ``ValidationError``."""
    row = LlmPrice.objects.select_for_update().filter(model=model.strip()).first() or LlmPrice(
        model=model.strip()
    )
    for name in PRICE_FIELDS:
        setattr(row, name, prices.get(name, getattr(row, name)))
    row.full_clean()
    row.save()
    told = {name: str(getattr(row, name)) for name in PRICE_FIELDS}
    events.emit("llmprice.changed", model="automation.llmprice", ids=[row.pk], by=by, llm=row.model, **told)
    return row


def _check(held: LlmSettings, *, moved: bool) -> None:
    held.full_clean(validate_unique=False, validate_constraints=False)
    if moved and held.url:
        check_url(held.url)
    known = purposes.qualification.PURPOSE.versions
    if held.judge_version not in known:
        raise ValidationError({"judge_version": f"There is no such prompt. Known: {', '.join(known)}."})
    for field in ("good_model", "small_model"):
        model = getattr(held, field)
        if model and price_of(model) is None:
            raise ValidationError(
                {field: f"{model} has no price yet. Add it under Model prices first; 0 is a price."}
            )


def check_url(url: str) -> None:
    """Refuse what is no address of an endpoint, or leads into a private network."""
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValidationError(
            {"url": "Write the plain address, e.g. https://api.openai.com/v1; the key has its own field."}
        )
    try:
        net.check_address(url)
    except net.ForbiddenAddress as error:
        raise ValidationError({"url": str(error)}) from error
    except OSError as error:
        raise ValidationError({"url": f"{parts.hostname} cannot be resolved."}) from error
