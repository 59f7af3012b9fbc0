"""The page's words: one for each thing, and what they mean."""

from rpbert.model.configuration import ENTITY_TYPES

TYPE_NAMES = {"PER": "person", "LOC": "place", "ORG": "organisation", "MISC": "other name"}
assert tuple(TYPE_NAMES) == ENTITY_TYPES
# Chosen for 4.5:1 contrast with white in either theme; the type is always written beside the colour.
TYPE_COLOURS = {"PER": "#1f6fb2", "LOC": "#197a43", "ORG": "#a3461a", "MISC": "#7b4aa8"}
NOT_A_NAME = "not a name"

GLOSSARY = {
    "gate": "How much of the picture is let into the second reading: a factor from 0 (nothing) to 1 (all of it).",
    "soft": "The gate is the probability that the picture belongs to the tweet and adds to it.",
    "hard": "The gate is 1 if that probability is above one half, else the picture is kept out altogether.",
    "occlusion": "Each of the 49 cells of the picture is hidden in turn, and we note how the answer changes.",
    "log-odds": "The natural logarithm of p / (1 − p). It grows without limit as p comes close to 1.",
    "nats": "Units of a natural logarithm. A fall by 0.1 nats makes a probability about 10 % smaller.",
    "MISC": "A name that is no person, place or organisation: a product, an event, a work of art.",
    "confidence": "How probable the model finds it that exactly these words are a name of this type, from 0 to 1.",
    "belongs": "How probable it is that this picture was posted with this tweet rather than with another one.",
    "adds": "How probable it is that the picture says something that the words do not.",
    "shows": "How probable it is that what the words say can be seen in the picture.",
}

# Those that are explained wherever a sentence has them, by their small letters; the others stand beside their meaning.
EXPLAINED = {
    word.lower(): word for word in ("gate", "soft", "hard", "occlusion", "log-odds", "nats", "MISC", "confidence")
}


def type_name(kind: str | None) -> str:
    """A type as "PER (person)"; None is no name."""
    return NOT_A_NAME if kind is None else f"{kind} ({TYPE_NAMES[kind]})"
