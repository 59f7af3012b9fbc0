"""The benchmark of heatmaps: what it counts, in the layout that others read."""

import json
import sys
from pathlib import Path

import pytest
from made_up import a_map

from benchmarks import faithfulness
from rpbert.explain.faithfulness import Verdict
from rpbert.explain.targets import ADDS
from rpbert.ui.samples import SAMPLES


def verdict(beaten: int) -> Verdict:
    return Verdict(-1.0, 0.0, 1.0, 0.5, beaten, 50)


def test_figures_of_a_method() -> None:
    tally = faithfulness.Tally()
    tally.verdicts["relation"] += [verdict(50), verdict(48), verdict(47), verdict(10)]
    tally.seconds["relation"] += [0.1, 0.1, 0.3, 0.3]
    tally.hits += [True, False]
    tally.chances += [0.1, 0.3]
    figures = tally.figures()
    relation = figures["relation"]
    assert (relation["n"], relation["better_than_95"]) == (4, 0.5)  # 47 of 50 are 94 %
    low, high = relation["better_than_95_interval"]
    assert low <= 0.25
    assert high >= 0.75
    assert (relation["deletion"], relation["insertion_random"]) == (-1.0, 0.5)
    assert relation["seconds"] == pytest.approx(0.2)
    assert figures["pointing"] == {"n": 2, "hits": 1, "chance": pytest.approx(0.2)}
    assert figures["entity"].keys() == relation.keys()  # without a single map, too
    assert figures["entity"]["n"] == 0


def test_a_map_points_with_the_centre_of_its_highest_cell() -> None:
    rows = [[0.0] * 7 for _ in range(7)]
    rows[1][5] = 2.0
    rows[6][0] = -9.0  # what lowers the target is not pointed at
    explanation = a_map(ADDS, tuple(tuple(row) for row in rows))
    x, y = 100 * 5.5 / 7, 100 * 1.5 / 7
    assert faithfulness.in_box(explanation, [x - 1, y - 1, x + 1, y + 1])
    assert not faithfulness.in_box(explanation, [x + 1, y - 1, 100, y + 1])
    assert not faithfulness.in_box(explanation, [0, 90, 10, 100])


def test_a_run_over_two_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Eileen Collins visits Houston"
    rows = [
        {"id": "1", "text": text, "image": "astronaut_eileen_collins.jpg", "entities": [
            {"start": 0, "end": 14, "type": "PER", "box": [20, 0, 80, 100]}]},
        {"id": "2", "text": "broken", "image": "LICENSES.md", "entities": []},
    ]  # fmt: skip
    pairs, result = tmp_path / "pairs.jsonl", tmp_path / "figures.json"
    pairs.write_text("\n".join(json.dumps(row) for row in rows))
    options = ["--images", str(SAMPLES), "--methods", "grad_cam", "occlusion", "--json", str(result)]
    monkeypatch.setattr(sys, "argv", ["faithfulness.py", str(pairs), *options])
    faithfulness.main()
    methods = json.loads(result.read_text())["methods"]
    assert list(methods) == ["grad_cam", "occlusion"]
    for figures in methods.values():
        assert figures["relation"]["n"] == 1  # the pair that cannot be read is left out
        assert figures["relation"]["seconds"] > 0
        assert figures["pointing"]["n"] == 1
        assert figures["pointing"]["chance"] == pytest.approx(0.6)
    found = methods["occlusion"]["relation"]
    assert found["better_than_95"] in (0.0, 1.0)  # of one map
    assert found["insertion"] - found["deletion"] > found["insertion_random"] - found["deletion_random"]
