"""Kinds of error and what the picture did, against cases made by hand."""

import itertools
from dataclasses import replace

import pytest
from made_up_runs import ANA, CITY, JORDAN, record, run_of

from rpbert.evaluation.case_table import case_table, gate_bin
from rpbert.evaluation.mistakes import cases_of, kind_of, pair_up
from rpbert.model.crf import Span


@pytest.mark.parametrize(
    ("gold", "found", "kind"),
    [
        (CITY, CITY, "correct"),
        (CITY, None, "missed"),
        (None, CITY, "spurious"),
        (CITY, (5, 8, "ORG"), "type"),
        (CITY, (5, 7, "LOC"), "boundary"),
        (CITY, (4, 8, "LOC"), "boundary"),
        (CITY, (5, 7, "ORG"), "both"),
    ],
)
def test_kinds(gold: Span | None, found: Span | None, kind: str) -> None:
    assert kind_of(gold, found) == kind


def test_a_name_is_held_against_the_closest_that_shares_a_word() -> None:
    gold = [ANA, JORDAN, CITY]
    found = [(0, 1, "PER"), (1, 2, "PER"), (3, 4, "LOC"), (4, 5, "LOC"), (5, 6, "ORG"), (6, 8, "LOC")]
    assert pair_up(gold, found) == [
        (ANA, (0, 1, "PER")),
        (None, (1, 2, "PER")),
        (JORDAN, (3, 4, "LOC")),
        (None, (4, 5, "LOC")),
        (None, (5, 6, "ORG")),
        (CITY, (6, 8, "LOC")),  # not the one of another type
    ]


def test_pairing_uses_every_name_once_and_never_wastes_a_perfect_match() -> None:
    spans = [(start, end, kind) for start, end in ((0, 1), (0, 2), (1, 2), (1, 3)) for kind in ("PER", "LOC")]
    flat = [
        chosen
        for size in range(3)
        for chosen in itertools.combinations(spans, size)
        if all(one[1] <= other[0] or other[1] <= one[0] for one, other in itertools.combinations(chosen, 2))
    ]
    for gold, found in itertools.product(flat, flat):
        pairs = pair_up(gold, found)
        assert sorted(one for one, _ in pairs if one) == sorted(gold)
        assert sorted(other for _, other in pairs if other) == sorted(found)
        for one, other in pairs:
            assert one is None or other is None or max(one[0], other[0]) < min(one[1], other[1])
        for span in set(gold) & set(found):
            assert (span, span) in pairs


def test_what_the_picture_did_to_annotated_names() -> None:
    chances = {ANA: (0.9, 0.4, 0.5), JORDAN: (0.3, 0.6, 0.3), CITY: (0.52, 0.5, 0.7)}
    helped, hurt, neutral = cases_of(record([ANA, JORDAN, CITY], [ANA, CITY], [JORDAN, CITY], chances))
    assert (helped.kind, helped.outcome, helped.moved, helped.gain) == (
        "correct",
        "helped",
        "helped",
        pytest.approx(0.5),
    )
    assert (hurt.kind, hurt.outcome, hurt.moved, hurt.gain) == ("missed", "hurt", "hurt", pytest.approx(-0.3))
    assert (neutral.outcome, neutral.moved, neutral.gain) == ("neutral", "neutral", pytest.approx(0.02))
    assert [case.gain_over_other for case in (helped, hurt, neutral)] == [
        pytest.approx(0.4),
        pytest.approx(0.0),
        pytest.approx(-0.18),
    ]


def test_what_the_picture_did_to_names_that_are_none() -> None:
    (worse,) = cases_of(record([], [JORDAN], [], {JORDAN: (0.8, 0.2, 0.2)}))
    assert (worse.kind, worse.outcome, worse.moved, worse.gain) == ("spurious", "hurt", "hurt", pytest.approx(-0.6))
    (better,) = cases_of(record([], [], [JORDAN], {JORDAN: (0.2, 0.8, 0.8)}))
    assert (better.kind, better.outcome, better.moved, better.gain) == (
        "avoided",
        "helped",
        "helped",
        pytest.approx(0.6),
    )
    (same,) = cases_of(record([], [(5, 8, "LOC")], [(5, 7, "ORG")]))  # another false name at the same place
    assert (same.kind, same.outcome) == ("spurious", "neutral")


def test_a_wrong_type_that_was_right_without_the_picture_was_hurt() -> None:
    (case,) = cases_of(record([JORDAN], [(3, 4, "LOC")], [JORDAN]))
    assert (case.kind, case.outcome) == ("type", "hurt")


def test_without_a_picture_nothing_is_said_of_pictures() -> None:
    missed, spurious = cases_of(record([ANA], [JORDAN], [JORDAN], picture=None))
    assert {missed.outcome, missed.moved, missed.gain, spurious.outcome, spurious.gain} == {None}


def test_without_annotation_nothing_is_right_or_wrong() -> None:
    (case,) = cases_of(record(None, [ANA], [], {ANA: (0.9, 0.2, 0.4)}))
    assert (case.kind, case.outcome, case.moved, case.gain) == ("unjudged", None, None, pytest.approx(0.7))


def test_a_tweet_without_names_is_one_case() -> None:
    (case,) = cases_of(record([], []))
    assert case.kind == "none"


def test_orphan_inside_labels_are_names_too() -> None:
    orphan = replace(record([ANA], [ANA]), labels=("I-PER", "I-PER", *["O"] * 6))
    (case,) = cases_of(orphan)
    assert case.kind == "correct"


# ---- the table ----------------------------------------------------------------------------------------------------


def test_the_table_says_it_in_words() -> None:
    one = replace(record([ANA, CITY], [(0, 1, "PER")]), visible=(True, True, *[None] * 3, False, False, False))
    one = replace(one, seen=(True, False), scene=("visit NEW york", "city!"))
    table = case_table(run_of(one, record([], [], row=1)))
    alone = case_table(run_of(replace(one, scene=())))
    assert alone["in_scene"].isna().all()  # no words in the picture: neither
    assert table["kind"].tolist() == ["wrong boundary", "missed", "no name, and none found"]
    assert table["gold"].tolist()[:2] == ["Ana Lima", "New York City"]
    assert table["found"].tolist()[0] == "Ana"
    assert table["visible"].tolist()[:2] == ["depicted", "not depicted"]
    assert table["seen"].tolist()[:2] == ["in the training file", "not in the training file"]
    assert table["in_scene"].tolist()[:2] == ["does not stand in the picture", "stands in the picture"]
    assert table["relation"].tolist() == ["does not show the text, adds"] * 3
    assert table["gate"].tolist() == ["0.6 to 0.8"] * 3
    assert table["length"].tolist() == ["1 to 10 words"] * 3
    assert table["hashtags"].tolist() == ["without a hashtag"] * 3
    assert table["language"].tolist() == ["English"] * 3


@pytest.mark.parametrize(
    ("gate", "name"), [(0.0, "0.0 to 0.2"), (0.2, "0.0 to 0.2"), (0.21, "0.2 to 0.4"), (1.0, "0.8 to 1.0")]
)
def test_every_gate_has_a_bin(gate: float, name: str) -> None:
    assert gate_bin(replace(record([], []), gate=gate)) == name
    assert gate_bin(replace(record([], [], picture=None), gate=0.0)) == "no picture"
