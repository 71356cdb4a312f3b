"""How far rules, models and prompts agree with people, on the leads people have labelled."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

# The label is a person's last word; a judge's is its last, too. ``who`` is rules, or a prompt's version with its model.
DECIDED = """
WITH label AS (
    SELECT DISTINCT ON (person_id) person_id, verdict FROM automation_decision
    WHERE judge = 'person' AND verdict <> 'open' ORDER BY person_id, id DESC),
said AS (
    SELECT DISTINCT ON (person_id, judge, version, model) person_id, judge, version, model, verdict, tokens
    FROM automation_decision WHERE judge <> 'person' AND person_id IN (SELECT person_id FROM label)
    ORDER BY person_id, judge, version, model, id DESC)
SELECT judge, version, model, count(*), count(*) FILTER (WHERE said.verdict = label.verdict),
       count(*) FILTER (WHERE said.verdict = 'qualified' AND label.verdict = 'disqualified'),
       count(*) FILTER (WHERE said.verdict = 'disqualified' AND label.verdict = 'qualified'),
       count(*) FILTER (WHERE said.verdict = 'open'), coalesce(sum(tokens), 0)
FROM said JOIN label USING (person_id) GROUP BY judge, version, model ORDER BY judge, version, model
"""
# Only leads that every one of the compared has judged, so that all are held to the same.
TRIED = """
WITH label AS (
    SELECT DISTINCT ON (person_id) person_id, verdict FROM automation_decision
    WHERE judge = 'person' AND verdict <> 'open' ORDER BY person_id, id DESC),
compared AS (SELECT DISTINCT version, model FROM automation_prompttrial),
same AS (
    SELECT person_id FROM automation_prompttrial WHERE person_id IN (SELECT person_id FROM label)
    GROUP BY person_id HAVING count(*) = (SELECT count(*) FROM compared))
SELECT 'model', version, model, count(*), count(*) FILTER (WHERE trial.verdict = label.verdict),
       count(*) FILTER (WHERE trial.verdict = 'qualified' AND label.verdict = 'disqualified'),
       count(*) FILTER (WHERE trial.verdict = 'disqualified' AND label.verdict = 'qualified'),
       count(*) FILTER (WHERE trial.verdict = 'open'), coalesce(sum(tokens), 0)
FROM automation_prompttrial AS trial JOIN label USING (person_id) JOIN same USING (person_id)
GROUP BY version, model ORDER BY version, model
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One judge against the labels. ``let_in``: qualified whom people turned down; ``kept_out``: the other way round."""

    judge: str
    version: str
    model: str
    leads: int
    agreed: int
    let_in: int
    kept_out: int
    left_open: int
    tokens: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.agreed / self.leads if self.leads else 0.0

    @property
    def tokens_each(self) -> int:
        """Tokens a lead."""
        return round(self.tokens / self.leads) if self.leads else 0


def decided() -> list[Agreement]:
    """Judgements that counted, by rules and by each prompt and model."""
    return _rows(DECIDED)


def tried() -> list[Agreement]:
    """Trials, on the leads that all of the compared prompts and models have judged."""
    return _rows(TRIED)


def _rows(sql: str) -> list[Agreement]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [Agreement(*row) for row in cursor.fetchall()]
