"""Runs of a tiny model over a toy corpus: stopped, killed, resumed, spread over processes, loaded again."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from corpus import COLOURS, draw_all, seeing
from PIL import Image
from transformers import PreTrainedTokenizerBase

from rpbert.cli import main
from rpbert.data.readers import Example
from rpbert.data.uploads import DataSet, read_data_set
from rpbert.errors import UserError
from rpbert.evaluation import readings
from rpbert.evaluation.prediction import outputs, predict
from rpbert.evaluation.records import Record, labels_of, load_run, read_records
from rpbert.evaluation.run import Progress, Runner, names_of, other_pictures, word_offsets
from rpbert.evaluation.run_files import CHUNK, join, part_of
from rpbert.model.checkpoint import save_checkpoint
from rpbert.model.configuration import LABELS
from rpbert.model.crf import spans_of
from rpbert.model.modeling import RpBert
from rpbert.model.scene_text import SceneLine

TWEETS = 2 * CHUNK + 5
NAMES = ("Ana", "Ana Lima", "Paris", "Obama")


def write_pairs(folder: Path) -> Path:
    """Labelled tweets, some with a picture, in a file."""
    draw_all(folder / "images")
    rows = []
    for number in range(TWEETS):
        name, colour = NAMES[number % len(NAMES)], [*COLOURS, None][number % 9]
        entity = {"start": 0, "end": len(name), "type": "PER", "visible": number % 2 == 0}
        text = f"{name} likes #{colour or 'nothing'} in the {'big ' * (number % 5)}rain 🎉"
        image = None if colour is None else f"{colour}.bmp"
        rows.append({"id": number, "image": image, "text": text, "entities": [entity], "image_adds": number % 2})
    path = folder / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tiny_model: RpBert) -> RpBert:
    return seeing(tiny_model)


class NoWords:
    """In place of the reader of words: the pictures of these tests are plain colours."""

    def read(self, image: Image.Image) -> tuple[SceneLine, ...]:
        return ()


@pytest.fixture(autouse=True, scope="module")
def _no_reader() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readings, "SceneTextReader", NoWords)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    return read_data_set(write_pairs(tmp_path_factory.mktemp("pairs")))


@pytest.fixture(scope="module")
def whole(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, data: DataSet, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The results of an uninterrupted run."""
    path = tmp_path_factory.mktemp("whole") / "run.jsonl"
    list(Runner(model, tokenizer, "toy", data).run(path))
    return path


def test_the_three_readings_are_those_of_predict(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, data: DataSet, whole: Path
) -> None:
    records, regions = load_run(whole).records, readings.RecentPictures(model)
    exchanged = [
        replace(one, picture=other) for one, other in zip(data.examples, other_pictures(data.examples), strict=True)
    ]
    own = predict(model, tokenizer, data.examples, regions)
    without = predict(model, tokenizer, data.examples, None)
    swapped = predict(model, tokenizer, exchanged, regions)
    assert [record.id for record in records] == [example.id for example in data.examples]
    moved = 0
    for index, record in enumerate(records):
        assert record.own == tuple(spans_of(own[index].labels))
        assert record.without == tuple(spans_of(without[index].labels))
        assert [record.chance(span).own for span in record.own] == pytest.approx(own[index].confidences, abs=1e-4)
        assert [record.chance(span).without for span in record.without] == pytest.approx(
            without[index].confidences, abs=1e-4
        )
        if record.picture is None:
            assert (record.swapped, record.other, record.adds, record.gate) == (None, None, None, 0)
            assert record.own == record.without
        else:
            assert record.swapped == tuple(spans_of(swapped[index].labels))
            assert record.adds == pytest.approx(own[index].image_adds, abs=1e-4)
            assert (record.gate, record.belongs) == (
                pytest.approx(own[index].gate, abs=1e-4),
                pytest.approx(own[index].belongs, abs=1e-4),
            )
            assert record.other != record.picture
            moved += any(abs(chance.own - chance.without) > 1e-3 for chance in record.chances)
    assert moved > 10  # or the test would not see pictures that were mixed up


def test_spans_stand_in_the_text_as_pasted(whole: Path) -> None:
    for record in load_run(whole).records:
        assert [record.name(span) for span in record.gold] == [NAMES[record.row % len(NAMES)]]
        assert labels_of(record.gold, len(record.offsets)) == record.labels


def test_the_loss_is_that_of_the_annotated_labels(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, data: DataSet, whole: Path
) -> None:
    example, record = data.examples[0], load_run(whole).records[0]
    ((_, output),) = outputs(model, tokenizer, [example], readings.RecentPictures(model))
    gold = torch.tensor([[LABELS.index(label) for label in example.labels or ()]])
    assert output.emissions is not None
    mask = torch.ones(1, len(example.words), dtype=torch.bool)
    with torch.no_grad():
        partition = model.crf.log_partition(output.emissions, mask)
        likelihood = float(model.crf.score(output.emissions, gold, mask) - partition)
    assert record.loss == pytest.approx(-likelihood, abs=1e-3)


def test_stopped_and_resumed_equals_uninterrupted(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, data: DataSet, whole: Path, tmp_path: Path
) -> None:
    counted = Counter(10_000)
    Runner(model, tokenizer, "toy", data, stop=counted).read(0)
    path, asked = tmp_path / "run.jsonl", Counter(10_000 - counted.left + 20)  # in the middle of the second chunk
    told = list(Runner(model, tokenizer, "toy", data, stop=asked).run(path))
    assert [progress.done for progress in told] == [0, CHUNK]  # the second chunk was dropped half way
    kept = load_run(path)
    assert len(kept.records) == CHUNK
    assert kept.records == load_run(whole).records[:CHUNK]
    told = list(Runner(model, tokenizer, "toy", data).run(path))
    assert told[0].done == CHUNK
    assert told[-1].done == TWEETS
    assert path.read_text() == whole.read_text()
    assert list(Runner(model, tokenizer, "toy", data).run(path)) == [Progress(TWEETS, TWEETS, 0.0, 0.0)]
    assert path.read_text() == whole.read_text()


class Counter:
    """Says stop when it was asked so often."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_a_run_is_asked_to_stop_after_every_pass(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, data: DataSet, tmp_path: Path
) -> None:
    asked = Counter(1000)
    runner = Runner(model, tokenizer, "toy", data, stop=asked)
    runner.read(0)
    assert 1000 - asked.left >= 6  # before and after each of the three readings of 16 tweets


@pytest.mark.parametrize("cut", [1, 40, 4000])
def test_killed_while_writing_and_resumed_equals_uninterrupted(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, data: DataSet, whole: Path, tmp_path: Path, cut: int
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(whole.read_bytes()[:-cut])
    list(Runner(model, tokenizer, "toy", data).run(path))
    assert path.read_text() == whole.read_text()


def test_parts_of_several_processes_make_the_whole(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, data: DataSet, whole: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    runners = [Runner(model, tokenizer, "toy", data) for _ in range(2)]
    for rank, runner in enumerate(runners):
        list(runner.run(path, rank, 2))
        assert part_of(path, rank).is_file()
    join(path, runners[0].header)
    assert path.read_text() == whole.read_text()
    assert list(tmp_path.iterdir()) == [path]


def test_two_processes_of_accelerate_give_the_same_result(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    save_checkpoint(model, tokenizer, tmp_path / "checkpoint")
    pairs = write_pairs(tmp_path)
    command = ["evaluate", str(pairs), "--checkpoint", str(tmp_path / "checkpoint"), "--results"]
    assert main([*command, str(tmp_path / "one.jsonl")]) == 0
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0", "-m", "rpbert"]
    two = [sys.executable, *launch, *command, str(tmp_path / "two.jsonl")]
    found = subprocess.run(two, capture_output=True, text=True, check=False, timeout=500)
    assert found.returncode == 0, found.stderr
    runs = [load_run(tmp_path / name) for name in ("one.jsonl", "two.jsonl")]
    assert runs[0] == runs[1]
    assert len(runs[0].records) == TWEETS
    assert not list(tmp_path.glob("*.part*"))


def test_another_run_is_not_overwritten(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, data: DataSet, whole: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(whole.read_text())
    with pytest.raises(UserError, match=r"another run: of pairs\.jsonl, checkpoint toy, gate soft"):
        list(Runner(model, tokenizer, "toy", data, gate="closed").run(path))
    path.write_text("my diary\n")
    with pytest.raises(UserError, match="holds no results"):
        list(Runner(model, tokenizer, "toy", data).run(path))
    assert path.read_text() == "my diary\n"


def test_memory_holds_few_pictures(model: RpBert, data: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "KEPT", 3)
    regions = readings.RecentPictures(model)
    pictured = [example for example in data.examples if example.picture is not None]
    wide = regions(pictured[:8])
    assert len(regions.kept) == 3
    assert (regions(pictured[7:8]) == wide[7:]).all()


def test_names_of_the_training_file_are_told_apart(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, data: DataSet
) -> None:
    known = names_of([Example("1", ("ANA", "lima", "in", "Oslo"), ("B-PER", "I-PER", "O", "B-LOC"))])
    records = Runner(model, tokenizer, "toy", data, training_names=known).read(0)
    assert [record.seen for record in records[:4]] == [(False,), (True,), (False,), (False,)]


def test_a_name_behind_the_words_that_fit_is_missed(model: RpBert, tokenizer: PreTrainedTokenizerBase) -> None:
    count = model.config.max_pieces
    example = Example("1", ("x",) * count + ("Ana",), ("O",) * count + ("B-PER",), text="x " * count + "Ana")
    (record,) = Runner(model, tokenizer, "toy", DataSet("long", (example,), ())).read(0)
    assert record.chance((count, count + 1, "PER")).own == 0
    assert (count, count + 1, "PER") not in record.own


@pytest.mark.parametrize(
    ("pictures", "others"),
    [
        ("abc", "bca"),
        ("aab", "bba"),
        ("a-b", "b-a"),
        ("aba", "bab"),
        ("aa", "--"),
        ("a", "-"),
        ("--", "--"),
        ("a-ab-", "b-ba-"),
    ],
)
def test_the_other_picture_is_the_next_that_differs(pictures: str, others: str) -> None:
    examples = [Example(str(n), ("x",), picture=None if p == "-" else Path(p)) for n, p in enumerate(pictures)]
    assert "".join("-" if other is None else other.name for other in other_pictures(examples)) == others


def test_words_of_a_conll_file_stand_in_its_words() -> None:
    example = Example("1", ("#LFC", "won", "(2:1)"), text="#LFC won (2:1)")
    assert word_offsets(example) == ((0, 4), (5, 8), (9, 14))


# ---- files of strangers -------------------------------------------------------------------------------------------


def edited(whole: Path, path: Path, **changes: object) -> Path:
    """The file with something else in its first record."""
    lines = whole.read_text().splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), **changes})
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"own": [[0, 99, "PER"]]},
        {"own": [[0, 1, "<b>"]]},
        {"own": 5},
        {"labels": ["O"]},
        {"labels": ["B-X"] * 9},
        {"chances": []},
        {"offsets": "no"},
        {"text": None},
        {"gate": "wide"},
        {"unknown": 1},
    ],
)
def test_a_record_that_cannot_be_true_is_refused(whole: Path, tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(UserError, match="line 2: not a record"):
        load_run(edited(whole, tmp_path / "run.jsonl", **changes))


@pytest.mark.parametrize("content", ["", "[]\n", "{}\n", '{"format": "other/1"}\n', "\xff\n"])
def test_no_results_at_all(tmp_path: Path, content: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(UserError, match="holds no results"):
        load_run(path)


def test_records_stream(whole: Path) -> None:
    header, records = read_records(whole)
    assert isinstance(records, Iterator)
    assert isinstance(next(records), Record)
    assert header.tweets == TWEETS


def test_words_that_were_read_before_are_not_read_again(model: RpBert, data: DataSet) -> None:
    path = next(example.picture for example in data.examples if example.picture is not None)
    line = SceneLine("OPEN", 0.9, 0.1)
    known = readings.RecentPictures(model, {path: (line,)})
    assert known.scene(path) == (line,)
    assert readings.RecentPictures(model).scene(path) == ()
