"""What messages mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.conversations.reading import read
from automation.enums import Interest

NOES = [
    "STOP", "Stop.", "please stop", "Please stop contacting me", "stop messaging me", "Unsubscribe", "opt-out",
    "Opt me out please",
    "Remove me from your list", "take me off this list", "Don't write to me again", "do not contact me", "Don’t e-mail me",
    "never message me again", "No more mails please", "Leave me alone!", "Not interested, please stop", "Delete my data",
    "I am on vacation. And don't write to me again.",
    "Bitte nicht mehr schreiben", "Schreiben Sie mir nicht mehr", "Bitte keine weiteren Nachrichten", "Abmelden",
    "Lassen Sie mich in Ruhe", "Ne m'écrivez plus", "ne me contactez plus", "Arrêtez de m'écrire", "Désinscrivez-moi",
    "Laissez-moi tranquille", "No me escriba más", "no me escribas", "Quiero darme de baja", "Déjame en paz",
    "Non scrivermi più", "Cancellami dalla lista", "Não me escreva mais", "Graag uitschrijven",
]  # fmt: skip
NO_NOES = [
    "Yes, tell me more", "How does this work?", "I can't stop thinking about it, great idea", "Wir sehen uns im Büro",
    "What does it cost?", "Merci, avec plaisir", "Gern!", "I never thought of that", "Our office is at the next stop on line 4",
]  # fmt: skip


@pytest.mark.parametrize("text", NOES)
def test_a_no_is_heard_in_many_words_and_languages(text: str) -> None:
    for spelling in (text, text.upper(), f"Hello,\n\n{text}\n\nBest, Ada"):
        if spelling is not text and text.lower().startswith("stop") and "messaging" not in text:
            continue  # a bare "stop" counts at the start or the end of a message only
        assert read(spelling).opts_out, spelling
        assert read(spelling).interest == Interest.NOT_INTERESTED


@pytest.mark.parametrize("text", NO_NOES)
def test_other_messages_are_no_no(text: str) -> None:
    assert not read(text).opts_out
    assert not read(text).automatic


@pytest.mark.parametrize(
    "text",
    ["I am out of the office until Monday. Do not e-mail me, write to Bob.", "Automatic reply: thank you",
     "Abwesenheitsnotiz: ich bin am 3. zurück", "Réponse automatique", "I'm on holiday, back on Friday", "Auto-Reply"],
)  # fmt: skip
def test_a_machines_answer_is_neither_a_reply_nor_a_no(text: str) -> None:
    found = read(text)
    assert (found.opts_out, found.automatic, found.interest) == (False, True, Interest.OUT_OF_OFFICE)


def test_what_the_network_calls_automatic_is_automatic_whatever_it_says() -> None:
    assert read("STOP. Unsubscribe here.", automatic=True).opts_out is False


@pytest.mark.parametrize(
    ("text", "interest"),
    [
        ("Yes please!", Interest.INTERESTED), ("sounds good", Interest.INTERESTED), ("Klingt spannend", Interest.INTERESTED),
        ("Avec plaisir", Interest.INTERESTED), ("Me interesa mucho", Interest.INTERESTED),
        ("No thanks", Interest.NOT_INTERESTED), ("I'm not interested", Interest.NOT_INTERESTED),
        ("Kein Interesse", Interest.NOT_INTERESTED), ("You have the wrong person", Interest.WRONG_PERSON),
        ("I no longer work there", Interest.WRONG_PERSON), ("What is this?", Interest.NEUTRAL), ("", Interest.NEUTRAL),
        ("I'm not sure", Interest.NEUTRAL), ("yesterday it rained", Interest.NEUTRAL),
    ],
)  # fmt: skip
def test_interest_is_read_from_plain_words(text: str, interest: str) -> None:
    assert read(text).interest == interest


@given(st.text(max_size=2000))
def test_any_text_is_read_without_an_error(text: str) -> None:
    found = read(text)
    assert not (found.opts_out and found.automatic)
