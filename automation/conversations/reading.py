"""What an inbound message means, from rules: a no, a machine's answer, interest. Text from outside is only ever data."""

from __future__ import annotations

import re
from dataclasses import dataclass

from automation.enums import Interest

# A wrong "no" loses a lead, a missed "no" writes to somebody who declined: where in doubt it counts as a no.
OPT_OUT = re.compile(
    r"""\b(
        unsubscribe | opt[\s-]?(me\s+)?out | remove\s+me | take\s+me\s+off | delete\s+my\s+(data|details|address|contact)
      | ^\s*stop\b | stop[\s.!]*$ | please\s+stop\b | stop\s+(it|this|please|now)\b
      | (stop|quit|cease)\s+(writing|messaging|contacting|sending|e-?mailing|mailing|texting|spamming|bothering|dming)
      | (do\s+not|don['’]?t|never)\s+(ever\s+)?(write|contact|message|dm|e-?mail|mail|send|text|bother)
      | no\s+more\s+(messages|mails?|e-?mails?|dms?|of\s+this) | leave\s+me\s+alone
      | abmelden | austragen | abbestellen | nicht\s+mehr\s+(schreiben|kontaktieren|anschreiben|melden)
      | bitte\s+nicht\s+mehr | (schreib|schreiben|kontaktier)\w*\s+(sie\s+)?(mir|mich|uns)\s+(bitte\s+)?(nicht|nie)
      | keine\s+(weiteren\s+)?(nachrichten|e-?mails?|mails?|werbung) | (in\s+ruhe|aufhören)
      | (ne|n['’])\s?(m['’e]|nous)\s?(écri|ecri|envo|contact)\w* | arrête[zr]? | désinscri | désabonn | laissez[\s-]moi
      | plus\s+de\s+messages
      | no\s+(me|nos)\s+(escrib|contact|env[ií]|mand)\w* | dar(me)?\s+de\s+baja | déj[ae]\w*\s+en\s+paz | no\s+más\s+mensajes
      | non\s+(scriv|contatt)\w* | cancell(ami|atemi|arsi) | não\s+(me\s+)?(escrev|contat|envi)\w* | descadastr\w*
      | (schrijf|mail|bericht|contacteer)\s+(me|mij)\s+niet | uitschrijven | afmelden | geen\s+berichten
    )""",
    re.IGNORECASE | re.VERBOSE,
)
OUT_OF_OFFICE = re.compile(
    r"""\b(
        out\s+of\s+(the\s+)?office | auto(matic|mated)?[\s-]?(reply|response|answer) | abwesenheit(s|snotiz|sassistent)?
      | nicht\s+im\s+büro | automatische\s+antwort | réponse\s+automatique | absente?\s+du\s+bureau
      | fuera\s+de\s+la\s+oficina | respuesta\s+automática
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
# What people say themselves as well, and may say next to a no.
AWAY = re.compile(
    r"""\b(
        on\s+(annual\s+|parental\s+)?(leave|vacation|holidays?) | away\s+(until|from\s+my|till) | im\s+urlaub
      | en\s+(vacances|congés?) | de\s+vacaciones
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
NOT_INTERESTED = re.compile(
    r"\b(not\s+interested|no,?\s+thanks?|no\s+thank\s+you|not\s+for\s+me|kein\s+interesse|pas\s+intéressé)",
    re.IGNORECASE,
)
INTERESTED = re.compile(
    r"\b(yes\b|(?<!not )sure\b|sounds\s+(good|great|interesting|fun)|tell\s+me\s+more|interested|love\s+to|count\s+me\s+in|"
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
    says_no = OPT_OUT.search(text)
    if automatic or OUT_OF_OFFICE.search(text) or (AWAY.search(text) and not says_no):
        return Reading(opts_out=False, automatic=True, interest=Interest.OUT_OF_OFFICE)
    if says_no:
        return Reading(opts_out=True, automatic=False, interest=Interest.NOT_INTERESTED)
    for pattern, interest in (
        (WRONG_PERSON, Interest.WRONG_PERSON),
        (NOT_INTERESTED, Interest.NOT_INTERESTED),
        (INTERESTED, Interest.INTERESTED),
    ):
        if pattern.search(text):
            return Reading(opts_out=False, automatic=False, interest=interest)
    return Reading(opts_out=False, automatic=False, interest=Interest.NEUTRAL)
