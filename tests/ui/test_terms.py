"""Words of the field carry their explanation wherever a sentence of the page has them."""

import re

from markupsafe import Markup

from rpbert.ui.templating import render
from rpbert.ui.words import EXPLAINED, GLOSSARY

SENTENCE = "A hard gate, <b>MISC</b>, and the gate again; a gateway."


def test_a_word_explains_itself_once_a_sentence() -> None:
    card = {"key": "name:0", "heading": "Bob", "type": None, "sentences": [SENTENCE], "changed": False}
    panel = str(render("analyse/cards.html", cards=[card], analysis="key"))
    assert re.findall(r'class="term" tabindex="0" data-tip="[^"]+">([^<]+)<', panel) == ["hard", "gate", "MISC"]
    assert "&lt;b&gt;" in panel  # what a user wrote stays text
    assert SENTENCE in Markup(panel).striptags()


def test_all_that_is_explained_stands_in_the_glossary() -> None:
    assert set(EXPLAINED.values()) <= set(GLOSSARY)
    panel = str(render("terms.html", words=list(GLOSSARY)))
    assert all(f">{word}</span>" in panel for word in GLOSSARY)
