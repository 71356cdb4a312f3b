"""The rules of a segment: what they may say, what is wrong with them, and whom they fit.

``{"match": "all", "rules": [{"field": "language", "is": "one_of", "value": ["de", "en"]}, {"match": "any", "rules": [...]}]}``
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, Q

from leads.enums import Lifecycle, Stage
from leads.models import ListMember, Person, PersonList, Profile
from leads.services.tags import PersonTag
from outreach.lib import networks

DEEPEST = 4
MOST_RULES = 50
MOST_VALUES = 200
MATCHES = ("all", "any", "none")
COUNT_LIMIT = 2_147_483_647

Values = list[str] | str | int | bool | None


@dataclass(frozen=True, slots=True)
class Field:
    """Something rules may ask. ``kind``: choice (one_of, none_of), text, number, yesno or day; ``fits`` makes the
    condition of an operator and a checked value; ``choices`` are the values known now, if only those are allowed.
    """

    label: str
    kind: str
    fits: Callable[[str, Any], Q]
    choices: Callable[[], list[tuple[str, str]]] | None = None


OPERATORS = {
    "choice": {"one_of": "is one of", "none_of": "is none of", "known": "is known"},
    "text": {"contains": "contains", "lacks": "does not contain", "known": "is known"},
    "number": {"at_least": "is at least", "at_most": "is at most", "known": "is known"},
    "yesno": {"is": "is"},
    "day": {"since": "is on or after", "before": "is before"},
}


def _column(name: str, *, empty: str | None = "") -> Callable[[str, Any], Q]:
    def fits(operator: str, value: Any) -> Q:
        blank = Q(**{f"{name}__isnull": True}) if empty is None else Q(**{name: empty})
        if operator == "known":
            return ~blank if value else blank
        lookups = {"one_of": "in", "contains": "icontains", "at_least": "gte", "at_most": "lte"}
        if operator in lookups:
            return Q(**{f"{name}__{lookups[operator]}": value})
        return ~Q(**{f"{name}__{'in' if operator == 'none_of' else 'icontains'}": value})

    return fits


def _profile_count(name: str) -> Callable[[str, Any], Q]:
    """Any of the person's profiles has so many."""

    def fits(operator: str, value: Any) -> Q:
        lookup = {"at_least": "gte", "at_most": "lte", "known": "isnull"}[operator]
        having = Q(Exists(_profiles(**{f"{name}__{lookup}": False if operator == "known" else value})))
        return ~having if operator == "known" and not value else having

    return fits


def _profiles(**conditions: Any) -> Any:
    return Profile.objects.order_by().filter(person_id=OuterRef("pk"), **conditions)


def _among(rows: Callable[[list[str]], Any]) -> Callable[[str, Any], Q]:
    def fits(operator: str, value: Any) -> Q:
        if operator == "known":
            having = Q(Exists(rows([])))
            return having if value else ~having
        having = Q(Exists(rows(value)))
        return ~having if operator == "none_of" else having

    return fits


def _networks(names: list[str]) -> Any:
    return _profiles(network__in=names) if names else _profiles()


def _tags(names: list[str]) -> Any:
    links = PersonTag.objects.order_by().filter(person_id=OuterRef("pk"))
    return links.filter(tag__name__in=names) if names else links


def _lists(keys: list[str]) -> Any:
    members = ListMember.objects.order_by().filter(person_id=OuterRef("pk"))
    return members.filter(list_id__in=[int(key) for key in keys]) if keys else members


def _link(_: str, value: bool) -> Q:
    having = ~Q(website="") | Q(Exists(_profiles(bio__iregex=r"https?://")))
    return having if value else ~having


def _suppressed(_: str, value: bool) -> Q:
    return Q(suppressed_at__isnull=not value)


def _created(operator: str, value: date) -> Q:
    return Q(created_at__date__gte=value) if operator == "since" else Q(created_at__date__lt=value)


def _network_choices() -> list[tuple[str, str]]:
    return sorted(
        {**{name: networks.get(name).label for name in networks.names()}, "email": "E-mail"}.items()
    )


def _list_choices() -> list[tuple[str, str]]:
    return [
        (str(pk), name) for pk, name in PersonList.objects.order_by("name").values_list("pk", "name")[:1000]
    ]


FIELDS: Mapping[str, Field] = {
    "language": Field("Language", "choice", _column("language")),
    "country": Field("Country", "choice", _column("country")),
    "stage": Field("Stage", "choice", _column("stage"), lambda: list(Stage.choices)),
    "lifecycle": Field("Lifecycle", "choice", _column("lifecycle"), lambda: list(Lifecycle.choices)),
    "score": Field("Score", "number", _column("score", empty=None)),
    "tag": Field("Tag", "choice", _among(_tags)),
    "network": Field("Network", "choice", _among(_networks), _network_choices),
    "followers": Field("Followers", "number", _profile_count("followers_count")),
    "following": Field("Following", "number", _profile_count("following_count")),
    "posts": Field("Posts", "number", _profile_count("posts_count")),
    "link": Field("Has a link", "yesno", _link),
    "company": Field("Company", "text", _column("company")),
    "title": Field("Title", "text", _column("title")),
    "website": Field("Website", "text", _column("website")),
    "list": Field("List", "choice", _among(_lists), _list_choices),
    "suppressed": Field("Said no", "yesno", _suppressed),
    "created": Field("Added", "day", _created),
}


def check(rules: Any) -> dict[str, Any]:
    """The rules, cleaned. Raises :class:`ValueError` with a sentence that says which rule is wrong and how."""
    checked = _check_group(rules, "The rules", DEEPEST)
    if _size(checked) > MOST_RULES:
        raise ValueError(f"A segment has at most {MOST_RULES} rules.")
    return checked


def condition(rules: Mapping[str, Any]) -> Q:
    """Whom checked rules fit, as a condition on people; without any rule, everybody."""
    parts = [_part(rule) for rule in rules.get("rules", ())]
    match = rules.get("match", "all")
    combined = Q()
    for part in parts:
        combined = combined & part if match == "all" else combined | part
    return ~combined if match == "none" and parts else combined


def in_words(rules: Mapping[str, Any]) -> str:
    """The rules as one sentence."""
    said = [
        f"({in_words(rule)})" if "rules" in rule else _rule_in_words(rule) for rule in rules.get("rules", ())
    ]
    if not said:
        return "everybody"
    match = rules.get("match", "all")
    joined = (" and " if match == "all" else " or ").join(said)
    return f"none of: {joined}" if match == "none" else joined


def _rule_in_words(rule: Mapping[str, Any]) -> str:
    field = FIELDS[rule["field"]]
    value = rule["value"]
    if rule["is"] == "known" or field.kind == "yesno":
        return (
            f"{field.label}: {'yes' if value else 'no'}"
            if rule["is"] != "known"
            else (f"{field.label} is {'known' if value else 'unknown'}")
        )
    names = dict(field.choices()) if field.choices else {}
    shown = ", ".join(names.get(one) or str(one) for one in value) if isinstance(value, list) else value
    return f"{field.label} {OPERATORS[field.kind][rule['is']]} {shown}"


def _part(rule: Mapping[str, Any]) -> Q:
    if "rules" in rule:
        return condition(rule)
    field = FIELDS[rule["field"]]
    value = rule["value"]
    return field.fits(rule["is"], date.fromisoformat(value) if field.kind == "day" else value)


def _check_group(group: Any, where: str, levels: int) -> dict[str, Any]:
    if not isinstance(group, Mapping) or set(group) - {"match", "rules"}:
        raise ValueError(f'{where}: a group has "match" and "rules", nothing else.')
    if levels == 0:
        raise ValueError(f"{where}: groups stand at most {DEEPEST} deep in each other.")
    match, rules = group.get("match", "all"), group.get("rules", [])
    if match not in MATCHES:
        raise ValueError(f'{where}: "match" is one of {", ".join(MATCHES)}.')
    if not isinstance(rules, list):
        raise ValueError(f'{where}: "rules" is a list.')
    if len(rules) > MOST_RULES:
        raise ValueError(f"A segment has at most {MOST_RULES} rules.")
    place = "Rule" if where == "The rules" else f"{where}, rule"
    return {
        "match": match,
        "rules": [_check(rule, f"{place} {n}", levels) for n, rule in enumerate(rules, 1)],
    }


def _check(rule: Any, where: str, levels: int) -> dict[str, Any]:
    if isinstance(rule, Mapping) and "rules" in rule:
        return _check_group(rule, where, levels - 1)
    if not isinstance(rule, Mapping) or set(rule) != {"field", "is", "value"}:
        raise ValueError(f'{where} has to have "field", "is" and "value", or be a group.')
    field = FIELDS.get(rule["field"]) if isinstance(rule["field"], str) else None
    if field is None:
        raise ValueError(
            f'{where}: there is no field "{str(rule["field"])[:40]}". Known: {", ".join(FIELDS)}.'
        )
    if rule["is"] not in (known := OPERATORS[field.kind]):
        raise ValueError(f"{where}: {field.label} can be compared by {', '.join(known)}.")
    kind = "yesno" if rule["is"] == "known" else field.kind
    return {"field": rule["field"], "is": rule["is"], "value": CHECKS[kind](field, rule["value"], where)}


def _size(group: Mapping[str, Any]) -> int:
    return sum(_size(rule) if "rules" in rule else 1 for rule in group["rules"])


def _check_choice(field: Field, value: Any, where: str) -> list[str]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(one, str) for one in values):
        raise ValueError(f"{where}: give one or more values of {field.label}.")
    cleaned = sorted({one.strip() for one in values if one.strip() and "\0" not in one})
    if not cleaned or len(cleaned) > MOST_VALUES:
        raise ValueError(f"{where}: give between 1 and {MOST_VALUES} values of {field.label}.")
    if field.choices is not None:
        known = dict(field.choices())
        for one in cleaned:
            if one not in known:
                raise ValueError(
                    f'{where}: "{one[:40]}" is not a {field.label.lower()}. Known: {", ".join(known)}.'
                )
    return cleaned


def _check_text(field: Field, value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 200 or "\0" in value:
        raise ValueError(f"{where}: give the words {field.label} should contain, at most 200 characters.")
    return value.strip()


def _check_number(field: Field, value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= COUNT_LIMIT:
        raise ValueError(f"{where}: {field.label} is compared with a whole number.")
    return min(value, 32_767) if field.label == "Score" else value


def _check_yesno(field: Field, value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{where}: {field.label} is compared with true or false.")
    return value


def _check_day(field: Field, value: Any, where: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise ValueError(f"{where}: {field.label} is compared with a day such as 2026-05-31.") from None


CHECKS: Mapping[str, Callable[[Field, Any, str], Values]] = {
    "choice": _check_choice,
    "text": _check_text,
    "number": _check_number,
    "yesno": _check_yesno,
    "day": _check_day,
}


def people(rules: Mapping[str, Any]) -> Any:
    """Everybody whom checked rules fit."""
    return Person.objects.filter(condition(rules))
