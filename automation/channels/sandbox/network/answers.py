"""What synthetic people answer to a message, by language and temper."""

ANSWERS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "yes": ("Yes, I'd love to hear more!", "Sounds great, tell me more.", "Sure, I'm interested. When?"),
        "neutral": (
            "Thanks for writing. Who are you exactly?",
            "Hm, what is this about?",
            "Thanks, will think.",
        ),
        "out_of_office": ("I am out of the office until Monday. This is an automatic reply.",),
        "opt_out": (
            "Please stop, don't write to me again.",
            "unsubscribe",
            "Remove me from your list, please.",
        ),
        "follow_up": ("Great, Thursday afternoon works for me.", "Perfect, thank you!"),
    },
    "de": {
        "yes": ("Ja, gerne, erzähl mir mehr!", "Klingt gut, ich habe Interesse.", "Klar, wann passt es?"),
        "neutral": (
            "Danke für die Nachricht. Wer seid ihr?",
            "Hm, worum geht es genau?",
            "Ich überlege es mir.",
        ),
        "out_of_office": ("Ich bin bis Montag nicht im Büro. Dies ist eine automatische Antwort.",),
        "opt_out": ("Bitte hör auf, schreib mir nicht mehr.", "abmelden", "Bitte keine Nachrichten mehr."),
        "follow_up": ("Super, Donnerstagnachmittag passt mir.", "Perfekt, danke!"),
    },
    "fr": {
        "yes": ("Oui, avec plaisir, dis-m'en plus !", "Ça m'intéresse beaucoup.", "D'accord, quand ?"),
        "neutral": (
            "Merci pour le message. Vous êtes qui ?",
            "C'est à quel sujet ?",
            "Merci, je vais réfléchir.",
        ),
        "out_of_office": ("Je suis absent du bureau jusqu'à lundi. Ceci est une réponse automatique.",),
        "opt_out": (
            "Merci d'arrêter, ne m'écrivez plus.",
            "désinscription",
            "Ne me contactez plus, s'il vous plaît.",
        ),
        "follow_up": ("Parfait, jeudi après-midi me va.", "Super, merci !"),
    },
    "es": {
        "yes": (
            "Sí, me encantaría saber más.",
            "Suena genial, cuéntame más.",
            "Claro, me interesa. ¿Cuándo?",
        ),
        "neutral": ("Gracias por escribir. ¿Quién eres?", "¿De qué se trata?", "Gracias, lo pensaré."),
        "out_of_office": ("Estoy fuera de la oficina hasta el lunes. Esta es una respuesta automática.",),
        "opt_out": (
            "Por favor, para. No me escribas más.",
            "darme de baja",
            "No quiero recibir más mensajes.",
        ),
        "follow_up": ("Genial, el jueves por la tarde me va bien.", "Perfecto, ¡gracias!"),
    },
}
