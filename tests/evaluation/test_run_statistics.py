"""Metrics, slices and comparisons of runs, against brute force and the scorers that others use."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from made_up_runs import ANA, CITY, JORDAN, record, run_of
from scipy.stats import binom

from rpbert.errors import UserError
from rpbert.evaluation import slice_tests as slice_tests_module
from rpbert.evaluation.case_table import case_table
from rpbert.evaluation.metrics import ner_scores
from rpbert.evaluation.records import Record, labels_of
from rpbert.evaluation.run_comparison import compare_runs, comparison_sentences
from rpbert.evaluation.slice_tests import holm, slice_tests, slices_sentence, training_sentence, two_sided
from rpbert.evaluation.slices import f1_of, paired_bootstrap, resampled
from rpbert.evaluation.summary import (
    calibration,
    confusion,
    kind_counts,
    metrics,
    picture_by_gate,
    picture_sentence,
    readings,
)


def many(count: int, right: float, seed: int = 0, **changes: object) -> list[Record]:
    """Tweets with one name that is found with the probability `right`."""
    generator = np.random.default_rng(seed)
    rows = [record([ANA], [ANA] if generator.random() < right else [], row=row) for row in range(count)]
    return [replace(row, **changes) for row in rows]  # type: ignore[arg-type]


def test_metrics_are_those_of_seqeval() -> None:
    records = [
        record([ANA, JORDAN, CITY], [ANA, (3, 4, "LOC")]),
        record([CITY], [(5, 7, "LOC"), JORDAN]),
        replace(record([ANA], [ANA]), labels=("I-PER", "I-PER", *["O"] * 6)),
        record(None, [ANA]),
    ]
    labelled = records[:3]
    expected = ner_scores([one.labels or () for one in labelled], [labels_of(one.own, 8) for one in labelled])
    table = metrics(records).set_index(["scoring", "type"])
    for scoring in ("strict", "lenient"):
        rows = {"all": expected[scoring], **expected[scoring]["per_type"]}
        for kind, row in rows.items():
            found = table.loc[(scoring, kind)]
            assert [found["precision"], found["recall"], found["F1"]] == pytest.approx(
                [row["precision"], row["recall"], row["f1"]]
            )
            assert found["annotated"] == row["gold"]
    assert table.loc[("strict", "all"), "annotated"] + 1 == table.loc[("lenient", "all"), "annotated"]


def test_resampling_in_blocks_is_resampling() -> None:
    counts = np.arange(12).reshape(4, 3)
    drawn = np.random.default_rng(3).multinomial(4, np.full(4, 0.25), 1200)
    assert (resampled(counts, 1200, seed=3) == drawn @ counts).all()


def test_the_three_readings_are_compared_on_the_same_tweets() -> None:
    records = [record([ANA], [ANA], [], row=row) for row in range(5)] + [record([ANA], [ANA], picture=None, row=5)]
    records[5] = replace(records[5], swapped=None)
    table = readings(records).set_index("reading")
    assert table.loc["its own picture", "F1"] == 1
    assert table.loc["no picture", "F1"] == 0
    assert tuple(table.loc["no picture", ["own minus this", "low", "high"]]) == (1, 1, 1)
    assert tuple(table.loc["another tweet's picture", ["own minus this", "low", "high"]]) == (0, 0, 0)


def test_counts_by_hand() -> None:
    records = [
        record([ANA, JORDAN, CITY], [ANA, (3, 4, "LOC")], [ANA, JORDAN]),
        record([CITY], [(5, 7, "LOC"), JORDAN], [(5, 7, "LOC")], row=1),
        record([], [], [JORDAN], row=2),
    ]
    cases = case_table(run_of(*records))
    counts = dict(kind_counts(cases).to_numpy().tolist())
    assert counts == {"missed": 1, "spurious": 1, "wrong type": 1, "wrong boundary": 1, "wrong type and boundary": 0}
    table = confusion(cases)
    assert table.loc["PER", "PER"] == table.loc["PER", "LOC"] == table.loc["LOC", "LOC"] == 1
    assert table.loc["LOC", "not a name"] == table.loc["not a name", "PER"] == 1
    assert table.to_numpy().sum() == 5  # what was avoided is no confusion
    gate = picture_by_gate(cases, "outcome").set_index(["gate", "picture"])["names"]
    assert gate["0.6 to 0.8"].to_dict() == {"helped": 1, "hurt": 2, "changed nothing": 3}
    assert gate.sum() == 6
    assert "turned 1 from wrong to right and 2 from right to wrong" in picture_sentence(cases)


def test_calibration_by_hand() -> None:
    chances = [{ANA: (0.95, 0.5, 0.5)}, {ANA: (0.97, 0.5, 0.5)}, {JORDAN: (0.31, 0.5, 0.5)}, {CITY: (1.0, 0.5, 0.5)}]
    golds, founds = [[ANA], [], [JORDAN], [CITY]], [[ANA], [ANA], [JORDAN], [CITY]]
    records = [
        record(gold, found, None, chance, row=row)
        for row, (gold, found, chance) in enumerate(zip(golds, founds, chances, strict=True))
    ]
    table = calibration(case_table(run_of(*records)))
    assert table["names"].tolist() == [1, 3]
    assert table["confidence"].tolist() == pytest.approx([0.31, (0.95 + 0.97 + 1.0) / 3])
    assert table["right"].tolist() == pytest.approx([1, 2 / 3])


# ---- slices -------------------------------------------------------------------------------------------------------


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_two_sided() -> None:
    assert two_sided(np.array([1.0] * 99)) == pytest.approx(2 / 100)
    assert two_sided(np.array([1.0, -1.0])) == 1.0


def test_a_slice_that_differs_is_found_and_one_that_does_not_is_not() -> None:
    worse = many(60, 0.4, 1, english=False)
    better = many(60, 0.95, 2, english=True)
    records = [replace(one, row=row, gate=row % 2 * 0.9) for row, one in enumerate([*worse, *better])]
    scores = slice_tests(records)
    language = [score for score in scores if score.column == "language"]
    assert [score.value for score in language] == ["English", "another language"]
    assert language[0].differs
    assert language[0].corrected is not None
    assert language[0].p is not None
    assert language[0].corrected > language[0].p
    assert (language[1].p, language[1].corrected) == (None, None)  # the same comparison from the other side
    assert language[0].score == language[1].rest
    assert language[0].low < language[0].score < language[0].high
    hits = sum(ANA in one.own for one in better)
    assert language[0].score == pytest.approx(2 * hits / (hits + 60))
    assert not any(score.differs for score in scores if score.column == "gate")
    sentence = slices_sentence(scores)
    assert sentence.startswith("1 of 2 comparisons differs by more than chance")
    assert "language: English, F1" in sentence


def test_no_more_false_alarms_than_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slice_tests_module, "RESAMPLES", 400)
    alarms = 0
    for seed in range(40):
        records = [replace(one, english=one.row % 2 == 0) for one in many(80, 0.7, seed)]
        alarms += any(score.differs for score in slice_tests(records, seed))
    assert alarms <= binom.ppf(0.999, 40, 0.05)


def test_slices_of_names_are_measured_by_recall() -> None:
    visible = (True, True, None, False, *[None] * 4)
    records = [replace(record([ANA, JORDAN], [ANA, CITY], row=row), visible=visible) for row in range(30)]
    scores = {score.value: score for score in slice_tests(records) if score.column == "visible"}
    assert (scores["depicted"].measure, scores["depicted"].score, scores["depicted"].names) == ("recall", 1.0, 30)
    assert (scores["not depicted"].score, scores["not depicted"].tweets) == (0.0, 30)
    assert scores["depicted"].differs


def test_a_slice_of_few_names_is_shown_and_not_judged() -> None:
    records = [replace(one, english=one.row < 19) for one in many(60, 0.8)]
    (score,) = (score for score in slice_tests(records) if score.value == "English")
    assert score.names == 19
    assert score.p is None
    assert slices_sentence([score]).startswith("No slice could be compared")


def test_what_nobody_knows_is_no_slice() -> None:
    columns = {score.column for score in slice_tests(many(50, 0.5))}
    assert columns.isdisjoint({"visible", "seen", "in_scene"})
    assert slice_tests([record(None, [ANA])]) == []


# ---- two runs -----------------------------------------------------------------------------------------------------


def test_two_runs_by_hand() -> None:
    first = [record([ANA, JORDAN], [ANA], row=0), record([CITY], [], row=1), record([ANA], [ANA], row=2)]
    second = [record([ANA, JORDAN], [ANA, JORDAN], row=0), record([CITY], [], row=1), record([ANA], [], row=2)]
    found = compare_runs(run_of(*first), run_of(*second))
    assert found.counts == {"fixed": 1, "broken": 1, "both wrong": 1, "both right": 1}
    assert found.names[found.names["change"] == "fixed"]["name"].tolist() == ["Jordan"]
    assert found.mcnemar == 1.0
    assert any("1 right that A gets wrong (fixed)" in sentence for sentence in comparison_sentences(found))


@pytest.mark.parametrize(("fixed", "broken"), [(9, 1), (3, 3), (0, 6), (0, 0)])
def test_mcnemar_against_all_ways_to_toss_the_coins(fixed: int, broken: int) -> None:
    first = [record([ANA], [], row=row) for row in range(fixed)]
    second = [record([ANA], [ANA], row=row) for row in range(fixed)]
    first += [record([ANA], [ANA], row=fixed + row) for row in range(broken)]
    second += [record([ANA], [], row=fixed + row) for row in range(broken)]
    both = record([ANA], [ANA], row=fixed + broken)
    found = compare_runs(run_of(*first, both), run_of(*second, both))
    tosses = [sum(toss) for toss in itertools.product((0, 1), repeat=fixed + broken)]
    distance = abs(fixed - broken)
    extreme = sum(abs(2 * heads - fixed - broken) >= distance for heads in tosses)
    assert found.mcnemar == pytest.approx(extreme / len(tosses))
    counts = [
        np.array([(len(set(one.own)), len(one.own), 1) for one in run]) for run in ([*second, both], [*first, both])
    ]
    assert found.f1 == paired_bootstrap(*counts)
    assert found.f1.difference == pytest.approx(float(f1_of(counts[0].sum(0)) - f1_of(counts[1].sum(0))))


def test_runs_that_cannot_be_compared() -> None:
    run = run_of(record([ANA], [ANA]))
    with pytest.raises(UserError, match="read other tweets"):
        compare_runs(run, replace(run, header=replace(run.header, fingerprint="g")))
    bare = run_of(record(None, [ANA]))
    with pytest.raises(UserError, match="No name is annotated"):
        compare_runs(bare, bare)


def test_a_sentence_says_when_there_was_no_training_file() -> None:
    one = record([CITY], [])
    assert "no training file" in training_sentence([replace(one, seen=None)])
    assert training_sentence([replace(one, seen=None), replace(one, row=1, seen=(True,))]) == ""
    assert training_sentence([replace(one, labels=None, seen=None)]) == ""
