"""A tweet in another language is told so; names and titles from other languages in an English tweet are not."""

import pytest

from rpbert.analyzer import Analyzer
from rpbert.model.languages import guess_language

OTHERS = {
    "Hoy Shakira canta en el estadio de Barcelona para todos sus fans": "Spanish",
    "Angela Merkel trifft sich heute in Berlin mit dem Präsidenten": "German",
    "Le président est à Paris avec les joueurs de l'équipe": "French",
    "O presidente do Brasil não vai para Lisboa com os ministros": "Portuguese",
    "Il presidente della Repubblica è a Roma con gli studenti": "Italian",
    "De burgemeester van Amsterdam is niet blij met het besluit": "Dutch",
}
ENGLISH = [
    "Sunrise over the Picos de Europa",
    "La La Land wins at the Oscars in Los Angeles",
    "RT @traveldiary: Costa del Sol y Sierra Nevada, what a trip that was",
    "El Paso",
    "die die die my darling",
    "Dar es Salaam 🚀 #NASA",
    "Leonardo da Vinci and the Mona Lisa in Paris",
]


@pytest.mark.parametrize(("tweet", "language"), OTHERS.items())
def test_other_languages_are_told(tweet: str, language: str) -> None:
    assert guess_language(tweet.split()) == language


@pytest.mark.parametrize("tweet", ENGLISH)
def test_names_from_other_languages_are_no_other_language(tweet: str) -> None:
    assert guess_language(tweet.split()) == "English"


def test_the_analysis_says_so(analyzer: Analyzer) -> None:
    (warning,) = analyzer.analyze("Hoy Shakira canta en el estadio de Barcelona para todos").warnings
    assert "seems to be in Spanish" in warning
    assert analyzer.analyze("Shakira sings in Barcelona today for all of her fans").warnings == ()
