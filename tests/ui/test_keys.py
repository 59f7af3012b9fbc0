"""Keys lead to what they name, and a key that an analysis does not have leads to what it opens on."""

import dataclasses

from made_up import analysis, entity

from rpbert.explain.targets import ADDS, BELONGS, SHOWS, contrast_target, name_target
from rpbert.ui import keys

BOB, PARIS = entity("Bob", "PER"), entity("Paris", "LOC")
RESULT = analysis(BOB, PARIS)


def test_keys_lead_to_their_targets() -> None:
    found = keys.keys_of(RESULT)
    assert found == ["belongs", "adds", "shows", "name:0", "name:1"]
    targets = [keys.target_of(RESULT, key) for key in found]
    assert targets == [BELONGS, ADDS, SHOWS, name_target(BOB), name_target(PARIS)]
    assert [keys.entity_of(RESULT, key) for key in found] == [None, None, None, BOB, PARIS]


def test_readings_lead_to_their_targets() -> None:
    readings = {key: words for words, key in keys.readings_of(RESULT, "name:1")}
    assert set(readings) == {"found", "runner-up", "none", "PER", "ORG", "MISC"}
    assert keys.target_of(RESULT, "name:1", "ORG") == name_target(PARIS, "ORG")
    assert keys.target_of(RESULT, "name:1", "runner-up") == contrast_target(PARIS)
    assert keys.target_of(RESULT, "name:1", "none").type is None
    assert readings["ORG"] == "why not ORG?"
    assert [key for _, key in keys.readings_of(RESULT, "adds")] == ["found"]


def test_an_analysis_opens_on_the_name_that_the_picture_moves_most() -> None:
    moved = dataclasses.replace(PARIS, confidence_without_picture=0.1)
    assert keys.first_key(analysis(BOB, moved)) == "name:1"
    assert keys.first_key(analysis()) == "adds"


def test_an_unknown_key_falls_back() -> None:
    for wrong in ("name:9", "name:-1", "name:", "name:²", "hides", ""):
        assert keys.known_key(RESULT, wrong) == keys.first_key(RESULT)
    assert keys.known_key(RESULT, "shows") == "shows"
