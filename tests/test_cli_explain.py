"""`python -m rpbert explain`: what it prints is what the package computes, and mistakes are told in a sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from posters import poster

from rpbert.analyzer import Analyzer
from rpbert.cli import main
from rpbert.explain.methods import DEFAULT_METHOD, METHOD_NAMES, METHODS, explain
from rpbert.explain.overlays import describe_grid
from rpbert.explain.targets import ADDS, BELONGS, SHOWS, parse_target, targets_of
from rpbert.ui.samples import SAMPLES

TWEET, PICTURE = "Eileen Collins visits Houston #NASA", SAMPLES / "astronaut_eileen_collins.jpg"
COMMAND = ["explain", "--text", TWEET, "--image", str(PICTURE)]


@pytest.fixture(autouse=True)
def loaded_once(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command gets the checkpoint that ships, loaded for all tests."""
    monkeypatch.setattr("rpbert.cli.explain.Analyzer.from_pretrained", lambda source: analyzer)


def described(analyzer: Analyzer, *options: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What the command prints as JSON."""
    assert main([*COMMAND, "--json", *options]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (found["text"], found["checkpoint"]) == (TWEET, analyzer.identity)
    return found


def test_by_itself_it_explains_relations_and_names(analyzer: Analyzer, capsys: pytest.CaptureFixture[str]) -> None:
    found = described(analyzer, capsys=capsys)
    assert set(found) == {"text", "checkpoint", "gate", "method", "route", "targets"}
    assert (found["gate"], found["method"], found["route"]) == ("soft", DEFAULT_METHOD, "total")
    expected = targets_of(analyzer.analyze(TWEET, PICTURE))
    assert expected[:3] == [BELONGS, ADDS, SHOWS]
    assert [row["target"] for row in found["targets"]] == [target.describe() for target in expected]
    keys = {"target", "unit", "grid", "lines", "words", "delta", "seconds", "verdict", "stability"}
    assert all(set(row) == keys and row["verdict"] is row["stability"] is None for row in found["targets"])


def test_json_is_the_explanation(analyzer: Analyzer, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ["--target", "visits=LOC", "--target", "adds", "--target", "adds"]
    options = ["--gate", "0.7", "--method", "gradient_x_input", "--route", "content"]
    found = described(analyzer, *options, *chosen, capsys=capsys)
    prepared = analyzer.prepare(TWEET, PICTURE)
    targets = [parse_target("visits=LOC", analyzer.predict(prepared)), ADDS]
    expected = explain(analyzer, prepared, targets, "gradient_x_input", 0.7, "content")
    assert (found["gate"], found["method"], found["route"]) == (0.7, "gradient_x_input", "content")
    for row, explanation in zip(found["targets"], expected, strict=True):
        assert row["grid"] == [pytest.approx(line, abs=1e-5) for line in explanation.grid]
        assert [word["text"] for word in row["words"]] == ["Eileen", "Collins", "visits", "Houston", "#", "NASA"]
        assert explanation.words == pytest.approx([word["score"] for word in row["words"]], abs=1e-5)
    assert [row["unit"] for row in found["targets"]] == ["log-probability (nats)", "log-odds (nats)"]


def test_worth_of_a_map(
    analyzer: Analyzer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpbert.explain.stability.NOISES", 1)
    for sizes in ("stability.HALVES", "faithfulness.RANDOM_ORDERS"):
        monkeypatch.setattr(f"rpbert.explain.{sizes}", 4)
    options = ["--method", "grad_cam", "--target", "adds", "--verdict", "--stability"]
    (row,) = described(analyzer, *options, capsys=capsys)["targets"]
    assert row["words"] is None  # Grad-CAM scores no words
    assert 0 <= row["verdict"]["beaten"] <= row["verdict"]["orders"]
    assert row["stability"]["infidelity"] > 0
    assert main([*COMMAND, *options]) == 0
    text = capsys.readouterr().out
    assert f"{row['verdict']['beaten']} of {row['verdict']['orders']} random orders" in text
    assert f"infidelity {row['stability']['infidelity']:.3g} against" in text


def test_text_says_unit_method_cell_words_and_delta(
    analyzer: Analyzer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpbert.explain.methods.STEPS", 4)
    assert main([*COMMAND, "--method", "integrated_gradients", "--target", "shows"]) == 0
    printed = capsys.readouterr().out.splitlines()
    caption, words, *grid, delta = [row for row in printed if not row.startswith("  in the picture")]
    (expected,) = explain(analyzer, analyzer.prepare(TWEET, PICTURE), [SHOWS], "integrated_gradients")
    assert expected.words is not None
    assert expected.delta is not None
    assert caption.startswith(f"{SHOWS.describe()}: {METHOD_NAMES['integrated_gradients']}, total route.")
    assert "log-odds in nats" in caption
    assert describe_grid(expected.grid) in caption
    scores = dict(pair.rsplit(" ", 1) for pair in words.removeprefix("  words: ").split(", "))
    assert len(scores) == 5  # the weakest of the six words is left out
    sizes = [abs(float(score)) for score in scores.values()]
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes) == pytest.approx(max(map(abs, expected.words)), abs=1e-3)
    assert [[float(value) for value in row.split()] for row in grid] == [
        pytest.approx(row, abs=1e-3) for row in expected.grid
    ]
    assert f"{expected.delta:+.3f} nats" in delta


def test_lines_of_words_in_the_picture_have_scores_too(
    analyzer: Analyzer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    poster("MONACO", "2016").save(tmp_path / "poster.png")
    tweet = ["explain", "--text", "Off to Monaco", "--image", str(tmp_path / "poster.png"), "--target", "belongs"]
    assert main([*tweet, "--method", "gradient_x_input", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["targets"]
    (expected,) = explain(
        analyzer, analyzer.prepare("Off to Monaco", tmp_path / "poster.png"), [BELONGS], "gradient_x_input"
    )
    assert expected.lines is not None
    assert [one["text"] for one in row["lines"]] == ["MONACO", "2016"]
    assert [one["score"] for one in row["lines"]] == pytest.approx(expected.lines, abs=1e-5)
    assert main([*tweet, "--method", "gradient_x_input"]) == 0
    assert (
        f"  in the picture: “MONACO” {expected.lines[0]:+.3f}, “2016” {expected.lines[1]:+.3f}"
        in capsys.readouterr().out
    )
    assert main([*tweet, "--method", "grad_cam"]) == 0
    assert "in the picture:" not in capsys.readouterr().out  # Grad-CAM has nothing to say of them


def test_closed_gate_is_told_in_words(analyzer: Analyzer, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    assert main([*COMMAND, "--gate", "closed", "--target", "Houston=LOC", "--png", str(path)]) == 0
    assert "No cell changes this number." in capsys.readouterr().out
    assert path.exists()


def test_drawing_is_of_the_first_target(analyzer: Analyzer, tmp_path: Path) -> None:
    def drawn(name: str, *targets: str) -> np.ndarray:
        options = [option for target in targets for option in ("--target", target)]
        assert main([*COMMAND, *options, "--png", str(tmp_path / name)]) == 0
        with Image.open(tmp_path / name) as image:
            assert image.format == "PNG"
            return np.asarray(image, dtype=np.float32)  # (H, W, 3)

    both = drawn("both", "adds", "shows")  # a name without an ending is no problem
    height, width, _ = both.shape
    with Image.open(PICTURE) as picture:
        assert width / height == pytest.approx(picture.width / picture.height, rel=0.01)
    alone, other = drawn("one.png", "adds"), drawn("other.jpg", "shows")
    assert np.abs(both - alone).mean() < 0.5 < np.abs(both - other).mean()  # of 255; sums of floats differ a little


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--method", "attention"], "choose one of grad_cam"),
        (["--route", "both"], "choose one of total, gate, content"),
        (["--route", "gate", "--verdict"], "leave out --route or --verdict"),
        (["--gate", "ajar"], "choose soft, hard, open"),
        (["--target", "Berlin"], "does not stand in the tweet"),
        (["--image", "nowhere.jpg"], "nowhere.jpg"),
        (["--png", "no/such/folder/map.png"], "cannot be written"),
    ],
)
def test_mistakes(options: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--target", "adds", *options]) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert printed.out == ""


def test_without_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--text", TWEET]) == 2
    assert "--image" in capsys.readouterr().err


def test_words_that_were_not_read_cannot_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    long = "a " * 900 + "Houston"
    command = ["explain", "--text", long, "--image", str(PICTURE), "--method", "grad_cam", "--target"]
    assert main([*command, "Houston=LOC"]) == 2
    assert "stands behind the" in capsys.readouterr().err
    assert main([*command, "adds"]) == 0
    assert capsys.readouterr().out.startswith("note: The tweet is too long")


def test_help_names_every_method(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["explain", "--help"])
    printed = capsys.readouterr().out
    assert all(method in printed for method in METHODS)
