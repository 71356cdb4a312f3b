"""What an inbound message means, from rules: a no, a machine's answer, interest. Text from outside is only ever data."""

from __future__ import annotations

import re
from dataclasses import dataclass

from automation.enums import Interest

# Whole-message patterns are strict on purpose: a wrong "no" loses a lead, a missed "no" writes to somebody who declined.
# Where in doubt it counts as a no.
OPT_OUT = re.compile(
    r"""\b(
        unsubscribe | opt[\s-]?(me\s+)?out | remove\s+me | take\s+me\s+off
      | (please\s+)?stop(\s+(writing|messaging|contacting|sending|this|it|please|now))?\s*[.!]*$ | ^\s*stop\b
      | (do\s+not|don['’]?t|never)\s+(ever\s+)?(write|contact|message|dm|e-?mail|send|bother)
      | no\s+more\s+(messages|mails?|e-?mails?|dms?) | leave\s+me\s+alone | not\s+interested,?\s+(please\s+)?stop
      | abmelden | bitte\s+nicht\s+mehr | keine\s+(weiteren\s+)?(nachrichten|mails)
      | ne\s+m['’](écrivez|ecrivez|envoyez|contactez) | désinscri | me\s+désabonner
      | no\s+me\s+(escriba|contacte|envíe) | darme\s+de\s+baja
    )""",
    re.IGNORECASE | re.VERBOSE,
)
OUT_OF_OFFICE = re.compile(
    r"""\b(
        out\s+of\s+(the\s+)?office | auto(matic|mated)?[\s-]?(reply|response|answer)
      | on\s+(annual\s+|parental\s+)?(leave|vacation|holiday) | away\s+(until|from\s+my|till)
      | abwesenheit | nicht\s+im\s+büro | automatische\s+antwort | absent(e)?\s+du\s+bureau
      | fuera\s+de\s+la\s+oficina
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
NOT_INTERESTED = re.compile(
    r"\b(not\s+interested|no,?\s+thanks?|no\s+thank\s+you|not\s+for\s+me|kein\s+interesse|pas\s+intéressé)",
    re.IGNORECASE,
)
INTERESTED = re.compile(
    r"\b(yes\b|sure\b|sounds\s+(good|great|interesting|fun)|tell\s+me\s+more|interested|love\s+to|count\s+me\s+in|"
    r"i['’]?d\s+like|gern(e)?\b|klingt\s+(gut|spannend)|oui\b|avec\s+plaisir|me\s+interesa|sí\b)",
    re.IGNORECASE,
)
WRONG_PERSON = re.compile(r"\b(wrong\s+person|not\s+the\s+right\s+person|no\s+longer\s+work)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message means: whether it is a no, whether a machine wrote it, and how interested the person is."""

    opts_out: bool
    automatic: bool
    interest: str


def read(text: str, *, automatic: bool = False) -> Reading:
    """Read one inbound message. An out-of-office answer is neither a reply nor a no, whatever else it says."""
    if automatic or OUT_OF_OFFICE.search(text):
        return Reading(opts_out=False, automatic=True, interest=Interest.OUT_OF_OFFICE)
    if OPT_OUT.search(text):
        return Reading(opts_out=True, automatic=False, interest=Interest.NOT_INTERESTED)
    for pattern, interest in (
        (WRONG_PERSON, Interest.WRONG_PERSON),
        (NOT_INTERESTED, Interest.NOT_INTERESTED),
        (INTERESTED, Interest.INTERESTED),
    ):
        if pattern.search(text):
            return Reading(opts_out=False, automatic=False, interest=interest)
    return Reading(opts_out=False, automatic=False, interest=Interest.NEUTRAL)
