"""What somebody wrote in a mail, without what they answer: our own words come back in almost every reply."""

from __future__ import annotations

import re

MOST_LINES = 2_000
LONGEST = 1_000  # characters of a line that are looked at

_DIVIDER = re.compile(
    r"\s*(-{2,}\s*(original|forwarded|ursprüngliche|weitergeleitete|message d'origine|mensaje original|messaggio originale"
    r"|oorspronkelijk).{0,40}|_{10,}\s*|-{10,}\s*)$",
    re.IGNORECASE,
)
# "On 3 November, Ann wrote:" may be broken over two or three lines.
_INTRODUCTION = re.compile(
    r"\s*(on|am|le|el|il|op|den|em|w dniu)\s.{4,300}?\s?(wrote|schrieb.{0,80}|a écrit|escribió|ha scritto|schreef.{0,80}"
    r"|skrev.{0,80}|escreveu|napisał.{0,40})\s?:\s*$",
    re.IGNORECASE,
)
_HEADER = re.compile(r"\s*\*?(from|von|de|da|van|från|fra|od)\s?:\*?\s.{1,300}$", re.IGNORECASE)
_NEXT_HEADER = re.compile(
    r"\s*\*?(sent|date|to|subject|gesendet|datum|an|betreff|envoyé|à|objet|enviado|para|asunto|inviato|a|oggetto|"
    r"verzonden|aan|onderwerp|skickat|till|ämne)\s?:\*?\s",
    re.IGNORECASE,
)


def own_words(text: str) -> str:
    """The text above the first quotation, without quoted lines; the whole text if nothing else would be left."""
    lines = [
        line[:LONGEST] for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:MOST_LINES]
    ]
    kept: list[str] = []
    for number, line in enumerate(lines):
        if _begins_quotation(lines, number):
            break
        if not line.lstrip().startswith(">"):
            kept.append(line.rstrip())
    return "\n".join(kept).strip()


def _begins_quotation(lines: list[str], number: int) -> bool:
    line = lines[number]
    if _DIVIDER.match(line):
        return True
    if _HEADER.match(line):
        return any(_NEXT_HEADER.match(following) for following in lines[number + 1 : number + 5])
    return any(_INTRODUCTION.match(" ".join(lines[number : number + span])) for span in (1, 2, 3))
