"""What the synthetic people are called and what they say, by language."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """One niche in one language: its hashtag and things to say about it."""

    tag: str
    things: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Language:
    """Names and sentences; ``{thing}``, ``{other}``, ``{city}`` and ``{tag}`` are filled in."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    cities: tuple[str, ...]
    bios: tuple[str, ...]
    posts: tuple[str, ...]
    comments: tuple[str, ...]
    shop_bio: str
    passing_bio: str
    small_talk: tuple[str, ...]


NICHES = ("coffee", "cycling", "ceramics", "gardening", "photography", "baking")

TOPICS: dict[str, dict[str, Topic]] = {
    "en": {
        "coffee": Topic(
            "coffee", ("light roasts", "hand-brewed filter", "a new grinder", "espresso at home")
        ),
        "cycling": Topic("cycling", ("gravel rides", "a steel frame", "the morning commute", "long climbs")),
        "ceramics": Topic("ceramics", ("ash glazes", "wheel-thrown bowls", "the kiln", "porcelain cups")),
        "gardening": Topic("gardening", ("tomato seedlings", "raised beds", "compost", "old rose varieties")),
        "photography": Topic("photography", ("street portraits", "35 mm film", "night shots", "a darkroom")),
        "baking": Topic("baking", ("sourdough", "rye starter", "laminated dough", "seeded rolls")),
    },
    "de": {
        "coffee": Topic(
            "kaffee", ("helle Röstungen", "Filterkaffee von Hand", "eine neue Mühle", "Espresso")
        ),
        "cycling": Topic(
            "radfahren", ("Schotterrunden", "Stahlrahmen", "der Weg zur Arbeit", "lange Anstiege")
        ),
        "ceramics": Topic(
            "keramik", ("Ascheglasuren", "gedrehte Schalen", "der Brennofen", "Porzellanbecher")
        ),
        "gardening": Topic("garten", ("Tomatensetzlinge", "Hochbeete", "Kompost", "alte Rosensorten")),
        "photography": Topic(
            "fotografie", ("Straßenporträts", "Kleinbildfilm", "Nachtaufnahmen", "Dunkelkammer")
        ),
        "baking": Topic("backen", ("Sauerteig", "Roggenbrot", "Plunderteig", "Körnerbrötchen")),
    },
    "fr": {
        "coffee": Topic(
            "café", ("les torréfactions claires", "le filtre à la main", "un moulin", "l'espresso")
        ),
        "cycling": Topic("vélo", ("les sorties gravel", "un cadre acier", "le vélotaf", "les longs cols")),
        "ceramics": Topic(
            "céramique", ("les émaux de cendre", "les bols tournés", "le four", "la porcelaine")
        ),
        "gardening": Topic(
            "jardin", ("les semis de tomates", "les carrés potagers", "le compost", "les rosiers")
        ),
        "photography": Topic("photo", ("les portraits de rue", "l'argentique", "la nuit", "le labo photo")),
        "baking": Topic("boulange", ("le levain", "le pain de seigle", "le feuilletage", "les petits pains")),
    },
    "es": {
        "coffee": Topic("café", ("tuestes claros", "café de filtro", "un molino nuevo", "espresso en casa")),
        "cycling": Topic(
            "ciclismo", ("rutas de gravel", "un cuadro de acero", "ir al trabajo en bici", "puertos")
        ),
        "ceramics": Topic(
            "cerámica", ("esmaltes de ceniza", "cuencos de torno", "el horno", "tazas de porcelana")
        ),
        "gardening": Topic(
            "jardinería", ("plantones de tomate", "bancales", "el compost", "rosales antiguos")
        ),
        "photography": Topic(
            "fotografía", ("retratos de calle", "película de 35 mm", "tomas de noche", "revelado")
        ),
        "baking": Topic("panadería", ("masa madre", "pan de centeno", "hojaldre", "panecillos de semillas")),
    },
}

LANGUAGES: dict[str, Language] = {
    "en": Language(
        (
            "Ava",
            "Ben",
            "Clara",
            "Dylan",
            "Ella",
            "Finn",
            "Grace",
            "Harvey",
            "Isla",
            "Jack",
            "Kate",
            "Liam",
            "Maya",
        ),
        (
            "Archer",
            "Bennett",
            "Carter",
            "Dawson",
            "Ellis",
            "Foster",
            "Hughes",
            "O'Neill",
            "Palmer",
            "Reid",
            "Webb",
        ),
        ("Leeds", "Portland", "Dublin", "Wellington", "Bristol"),
        (
            "{thing} and {other}. {city}.",
            "Mostly {thing}. Sometimes {other}. #{tag}",
            "{city} / {thing} / #{tag}",
        ),
        (
            "Today is all about {thing}. #{tag}",
            "Anyone else into {thing}? #{tag}",
            "Learning more about {other}.",
        ),
        (
            "Love this!",
            "How long did that take you?",
            "Saving this for the weekend.",
            "Which one do you use?",
        ),
        "Official shop for {thing} & {other}. Free shipping over 50. #{tag}",
        "Accountant, dad, football. My neighbour talks about {thing} all day.",
        ("Rain again.", "Finally weekend!", "What a match yesterday."),
    ),
    "de": Language(
        (
            "Anna",
            "Bastian",
            "Carla",
            "David",
            "Emil",
            "Franziska",
            "Greta",
            "Jürgen",
            "Lena",
            "Moritz",
            "Nele",
            "Paul",
        ),
        (
            "Albrecht",
            "Bauer",
            "Fuchs",
            "Groß",
            "Hartmann",
            "Jäger",
            "Kühn",
            "Lehmann",
            "Neumann",
            "Schäfer",
            "Voigt",
        ),
        ("Leipzig", "Freiburg", "Graz", "Basel", "Hamburg"),
        (
            "{thing} und {other}. {city}.",
            "Meistens {thing}, manchmal {other}. #{tag}",
            "{city} | {thing} | #{tag}",
        ),
        (
            "Heute geht es um {thing}. #{tag}",
            "Wer mag auch {thing}? #{tag}",
            "Ich lerne gerade viel über {other}.",
        ),
        (
            "Sehr schön!",
            "Wie lange hat das gedauert?",
            "Das probiere ich am Wochenende.",
            "Welche nimmst du?",
        ),
        "Der Laden für {thing} und {other}. Versand ab 50 Euro frei. #{tag}",
        "Buchhalter, Vater, Fußball. Mein Nachbar redet ständig über {thing}.",
        ("Schon wieder Regen.", "Endlich Wochenende!", "Was für ein Spiel gestern."),
    ),
    "fr": Language(
        (
            "Adèle",
            "Bastien",
            "Camille",
            "Damien",
            "Élise",
            "Florent",
            "Hélène",
            "Julien",
            "Léa",
            "Mathieu",
            "Noémie",
        ),
        (
            "Arnaud",
            "Blanc",
            "Chevalier",
            "Dupuis",
            "Fournier",
            "Girard",
            "Lefèvre",
            "Marchand",
            "Perrin",
            "Rousseau",
        ),
        ("Nantes", "Lyon", "Lausanne", "Liège", "Lille"),
        (
            "{thing} et {other}. {city}.",
            "Surtout {thing}, parfois {other}. #{tag}",
            "{city} - {thing} - #{tag}",
        ),
        (
            "Aujourd'hui : {thing}. #{tag}",
            "Qui d'autre aime {thing} ? #{tag}",
            "J'apprends beaucoup sur {other}.",
        ),
        ("Superbe !", "Ça t'a pris combien de temps ?", "À essayer ce week-end.", "Tu utilises lequel ?"),
        "La boutique officielle : {thing}, {other}. Livraison offerte. #{tag}",
        "Comptable, papa, football. Mon voisin parle sans cesse de ça : {thing}.",
        ("Encore la pluie.", "Enfin le week-end !", "Quel match hier."),
    ),
    "es": Language(
        (
            "Alba",
            "Bruno",
            "Carmen",
            "Diego",
            "Elena",
            "Fernando",
            "Inés",
            "Javier",
            "Lucía",
            "Martín",
            "Nuria",
            "Óscar",
        ),
        (
            "Álvarez",
            "Blanco",
            "Castro",
            "Domínguez",
            "Fernández",
            "Gómez",
            "Ibáñez",
            "Muñoz",
            "Núñez",
            "Romero",
        ),
        ("Valencia", "Bogotá", "Sevilla", "Rosario", "Bilbao"),
        (
            "{thing} y {other}. {city}.",
            "Sobre todo {thing}, a veces {other}. #{tag}",
            "{city} · {thing} · #{tag}",
        ),
        (
            "Hoy toca {thing}. #{tag}",
            "¿A quién más le gusta {thing}? #{tag}",
            "Aprendiendo más sobre {other}.",
        ),
        ("¡Qué bonito!", "¿Cuánto tardaste?", "Lo pruebo este fin de semana.", "¿Cuál usas tú?"),
        "Tienda oficial de {thing} y {other}. Envío gratis. #{tag}",
        "Contable, padre, fútbol. Mi vecino no para de hablar de {thing}.",
        ("Otra vez lluvia.", "¡Por fin fin de semana!", "Vaya partido ayer."),
    ),
}
