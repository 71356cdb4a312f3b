"""Words that give a model orders. Finding them marks a judgement for a person; it is never what keeps us safe.

What keeps us safe is that strangers' words stay inside JSON strings, that an answer can only be a verdict about ids we gave,
with words quoted from that very profile, and that the model holds no key and no send button.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata

from automation.llm.fencing import clean, hidden

READ = 4_000  # characters of a text that are looked at

# Letters of other scripts, and digits, that stand in for Latin ones.
LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁԛԝһӏвкмнтαβεηικμνορτυχγωıł",
    "aeopcyxijsdqwhlbkmhtabenikmvoptuxywil",
)
LEET = str.maketrans("013457@$!|", "oieastasil")
SPELT = re.compile(r"(?<!\w)(?:\w[ .\-_*]){4,}\w(?!\w)")  # i g n o r e
LETTERS = re.compile(
    r"(?:(?<!\S)\S\s+){10,}"
)  # ten letters in a row that stand alone: where words end is lost
ENCODED = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")

# Whole phrases, since single words of them stand in honest bios. By what they try.
FORGET = (
    r"(?:ignor\w*|disregard\w*|forget|overrid\w*|bypass\w*|skip|discard|vergiss|vergesst|missacht\w*|"
    r"oublie\w*|olvid\w*|"
    r"haz caso omiso|dimentic\w*|esquec\w*|negeer|zapomn\w*|zignoruj)"
)
RULES = (
    r"(?:instruction\w*|instruktion\w*|instruccion\w*|instruc\w*|istruzion\w*|prompt\w*|rule\w*|regel\w*|"
    r"regl\w*|regol\w*|regra\w*|"
    r"guideline\w*|direct\w*|anweisung\w*|vorgabe\w*|consigne\w*|orders|above|previous|prior|earlier|"
    r"preceding|vorherig\w*|"
    r"precedent\w*|anterior\w*|training|context|polic\w*|system|criteria|kriteri\w*|instrukcj\w*)"
)
PATTERNS = {
    "tells to forget instructions": rf"\b{FORGET}\b.{{0,40}}\b{RULES}\b",
    "gives new instructions": (
        r"\b(?:new|updated|real|actual|following|neue\w*|nouvelle\w*|nueva\w*|nuove|novas)\s+(?:system\s+)?"
        r"(?:instruction|instruktion|anweisung|instruccion|instruc|istruzion|consigne|directive|prompt|"
        r"task|rule)\w*"
    ),
    "plays a role of the conversation": (
        r"(?:^|[\s\"'\]>}|#*-])(?:system|assistant|developer|administrator|admin|operator|"
        r"root)\s*(?:message|prompt|override|note|notice"
        r"|mode)?\s*[:>\]]|<\s*/?\s*(?:system|assistant|user|im_start|im_end|instructions?|prompt|s)\b|"
        r"\[/?(?:inst|system|sys)\b|<<sys|"
        r"<\||\|>|#{2,}\s*(?:system|instruction|response|assistant)|end of (?:profile|data|bio|input|"
        r"document|text)|"
        r"begin(?:ning)? (?:of )?(?:new )?(?:instruction|prompt|system)"
    ),
    "speaks to a model": (
        r"\b(?:dear|hey|hi|hello|attention|note to|message (?:to|for)|to (?:the|any|all|every)|liebe\w*|"
        r"an (?:die|alle)|cher\w*|"
        r"querid\w*|caro|if you are an?|as an?|wenn du eine?|si (?:tu es|vous etes)|si eres)\s+(?:\w+\s){0,2}"
        r"(?:a\.?i\.?|ki|ia|llms?|gpt\w*|chatgpt|claude|gemini|language models?|sprachmodell\w*|"
        r"modele? de lang\w*|"
        r"modelo de leng\w*|bots?|assistants?|classifiers?|crawlers?|agents?|reviewers?|models?)\b|"
        r"\b(?:you are now|act as|pretend (?:to be|you)|roleplay|from now on|du bist (?:jetzt|ab)|"
        r"ab (?:jetzt|sofort) (?:bist|wirst)|"
        r"tu es (?:maintenant|desormais)|a partir de (?:ahora|maintenant)|ahora eres|jailbreak|dan mode|"
        r"developer mode|do anything now)\b"
    ),
    "dictates the verdict": (
        r"\b(?:mark|label|classify|rate|score|judge|rank|treat|consider|flag|count|approve|accept|select|"
        r"qualif\w+|bewerte\w*|markier\w*|"
        r"stuf\w*|einstuf\w*|note[zr]?|classe[zr]?|marque[zr]?|evalue\w*|califi\w*|clasifi\w*|marca\w*|"
        r"approuve\w*)\b.{0,40}"
        r"\b(?:me|this|everyone|everybody|all|the (?:other|next|previous|above|following)|others?|mich|"
        r"dies\w*|alle\w*|moi|ce |cette|tous|"
        r"este|esta|todos|lead|leads|profile|profil|perfil|candidate|person|user|account)\b.{0,40}"
        r"\b(?:as|with|a|an|top|fit|qualified|disqualified|unfit|perfect|ideal|100|10|highest|maximum|"
        r"best|als|comme|como|qualifi\w*|"
        r"geeignet|apto|true|yes)\b|"
        r"\b(?:must|should|shall|always|muss|musst|sollst|immer|doit|devez|toujours|debe\w*|siempre)\b.{0,30}"
        r"\b(?:qualified|disqualified|be (?:approved|accepted|selected)|a fit|qualifiziert|qualifie\w*|"
        r"calificad\w*|geeignet)\b|"
        r"\"?(?:fit|verdict|qualified|judgements?|score)\"?\s*[:=]\s*\"?(?:true|false|qualified|yes|100|"
        r"\[|\{)"
    ),
    "dictates the answer": (
        r"\b(?:respond|reply|answer|output|print|return|write|say|repeat|antwort\w*|gib|schreib\w*|"
        r"repond\w*|ecri\w*|respond\w*|"
        r"escrib\w*|imprim\w*|rispondi|stampa|odpowiedz)\b.{0,30}\b(?:(?:only|just) (?:with|the|this|in)|with the|exactly|"
        r"nur|aus|seulement|uniquement|solo|solamente|json|"
        r"verbatim|the (?:word|following|text|above)|\"|tylko)\b"
    ),
    "asks for secrets": (
        r"\b(?:reveal|show|print|send|leak|tell|give|display|expose|output|dump|share|include|post|email|"
        r"exfiltrate|list|repeat|quote|"
        r"zeig\w*|verrat\w*|nenne|sende?|schick\w*|montre\w*|revele\w*|envoie\w*|donne\w*|muestra\w*|"
        r"revela\w*|envia\w*|manda|dime)\b.{0,50}"
        r"\b(?:system prompt|prompt|instructions?|api[ _-]?keys?|keys?|secrets?|passwords?|tokens?|"
        r"credentials?|environment|env|config\w*|"
        r"database|settings|schlussel|passwort\w*|zugangsdaten|geheimnis\w*|cle|mot de passe|secretos?|"
        r"clave\w*|contrasena\w*|"
        r"other (?:leads|profiles|people)|all (?:leads|profiles|people|emails?|contacts))\b"
    ),
    "asks for an act": (
        r"\b(?:call|execute|run|invoke|use|trigger|delete|drop|update|insert|unsubscribe|transfer|buy|"
        r"curl|wget|fetch|visit|open|click|"
        r"ruf|fuhr\w*|losch\w*|execute[zr]?|appelle|supprime\w*|ejecuta\w*|borra\w*|llama)\b.{0,30}"
        r"\b(?:function|tool|command|code|script|shell|sql|table|database|records?|all (?:leads|people|"
        r"contacts|rows)|https?|url|link below|"
        r"befehl|datenbank|werkzeug|fonction|commande|base de donnees|funcion|comando|base de datos|"
        r"send_\w+|\w+\(\))\b|"
        r"\b(?:send|write) (?:a |an |the )?(?:message|dm|e-?mail|money|payment|invoice)s? to (?:everyone|"
        r"everybody|all|every|admin)|"
        r"\b\w+\((?:[\"'][^)]*|\d+)?\)\s*;|;\s*drop table|rm -rf|\$\{?env|\{\{.*\}\}|"
        r"!\[[^\]]*\]\(\s*https?|<script|javascript:"
    ),
}
COMPILED = {why: re.compile(pattern, re.IGNORECASE | re.DOTALL) for why, pattern in PATTERNS.items()}


def orders(text: str) -> str:
    """What the text tries with a model, in a few words for people; empty when it reads like any other."""
    if hidden(text[:READ]):
        return "has characters only machines read"
    if LETTERS.search(text[:READ]):
        return "spells words letter by letter"
    for form in _readings(text):
        for why, pattern in COMPILED.items():
            if pattern.search(form):
                return why
    return ""


def _readings(text: str) -> list[str]:
    """The text as a model may understand it: plain, with look-alike letters, spelt out, in code, backwards."""
    plain = clean(unicodedata.normalize("NFKC", text[:READ]), READ)
    folded = _folded(plain)
    readings = [folded, _folded(_joined(plain)), folded.translate(LEET), folded[::-1]]
    readings += [_folded(decoded) for word in ENCODED.findall(plain) if (decoded := _decoded(word))]
    return list(dict.fromkeys(readings))


def _folded(text: str) -> str:
    """Lower case, look-alikes as Latin letters, without accents."""
    parts = unicodedata.normalize("NFKD", text.casefold().translate(LOOKALIKES))
    return "".join(c for c in parts if not unicodedata.combining(c))


def _joined(text: str) -> str:
    """Words that were spelt letter by letter, whole again."""
    return SPELT.sub(lambda found: re.sub(r"[ .\-_*]", "", found[0]) + " ", text)


def _decoded(word: str) -> str:
    try:
        decoded = base64.b64decode(word + "=" * (-len(word) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return decoded if decoded.isprintable() else ""
