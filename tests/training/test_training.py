"""Whole training runs on the toy corpus: `train` itself, with the tiny model's weights as base weights."""

import copy
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from corpus import COLOURS, draw, recipe, seeing, settings, write_base_weights, write_corpus
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rpbert.data import scene_lines
from rpbert.data.readers import read_conll, read_pairs
from rpbert.data.regions import compute_regions
from rpbert.data.scene_lines import read_scene_file, with_scenes
from rpbert.errors import UserError
from rpbert.evaluation.calibration import SETTINGS, calibrate
from rpbert.model.checkpoint import load_checkpoint
from rpbert.model.configuration import LABELS, RpBertConfig
from rpbert.model.crf import Crf
from rpbert.model.modeling import RpBert
from rpbert.model.scene_text import SceneLine
from rpbert.model.vision import RegionEncoder
from rpbert.training import alignment, epochs
from rpbert.training import loop as training
from rpbert.training.objectives import Objectives
from rpbert.training.parameters import parameter_groups
from rpbert.training.recipe import Recipe

EPOCHS = 3
THREE = recipe(multitask=replace(recipe().multitask, epochs=EPOCHS))
QUICK = recipe(multitask=settings(epochs=1), alignment=replace(recipe().alignment, epochs=0))
FIGURES = {"valid.txt strict F1", "pairs strict F1", "image_adds AUC", "text_represented AUC", "swapped AUC", "mean"}

PRIOR = 0.7  # of the preset

Run = Callable[..., dict[str, Any]]


class StoppedError(Exception):
    """Stands for whatever ends a run before its time."""


@pytest.fixture(scope="module")
def base(tiny_model: RpBert) -> RpBert:
    return seeing(tiny_model)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def run(
    base: RpBert,
    corpus: Path,
    tiny_config: RpBertConfig,
    tokenizer: PreTrainedTokenizerBase,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    """`train` on the toy corpus; only the preset's sizes are replaced by those of the tiny model."""
    text, vision = write_base_weights(tmp_path_factory.mktemp("weights"), base, tokenizer)

    def train(output: Path, chosen: Recipe = THREE, data: Path = corpus, resume: bool = False) -> dict[str, Any]:
        return training.train(chosen, data, output, text, vision, resume=resume)

    config = copy.deepcopy(tiny_config)
    config.belongs_prior = PRIOR
    with pytest.MonkeyPatch.context() as patch:
        for module in (training, epochs):
            patch.setattr(module, "preset_config", lambda name: copy.deepcopy(config))
        yield train


@pytest.fixture(scope="module")
def whole(run: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Folder and record of a run of three epochs that nothing interrupted."""
    output = tmp_path_factory.mktemp("whole")
    return output, run(output)


def last_weights(output: Path) -> dict[str, Tensor]:
    """What the last whole epoch left, in float32."""
    return load_file(output / epochs.STATE / "model.safetensors")


def assert_same_weights(output: Path, other: Path) -> None:
    """Equal to 1e-6, but for the keys' biases.

    Attention does not depend on these: their gradients are nothing but rounding errors, of which Adam makes steps of
    the full learning rate.
    """
    found, expected = last_weights(output), last_weights(other)
    assert found.keys() == expected.keys()
    apart = {name: float((found[name] - tensor).abs().max()) for name, tensor in expected.items() if tensor.numel()}
    assert not {name: gap for name, gap in apart.items() if gap > 1e-6 and not name.endswith(".key.bias")}


# ---- the record ---------------------------------------------------------------------------------------------------


def test_record_stands_in_the_folder(whole: tuple[Path, dict[str, Any]]) -> None:
    output, record = whole
    assert json.loads((output / "history.json").read_text()) == json.loads(json.dumps(record))


def test_record_names_recipe_versions_and_data(whole: tuple[Path, dict[str, Any]], corpus: Path) -> None:
    record = whole[1]
    assert record["recipe"] == asdict(THREE)
    assert record["versions"] == {name: version(name) for name in ("torch", "transformers", "timm", "accelerate")}
    files = ("pairs.jsonl", "scenes.jsonl", "captions.tsv", "train.txt", "dev.jsonl", "valid.txt")
    assert record["data_sha256"] == {name: hashlib.sha256((corpus / name).read_bytes()).hexdigest() for name in files}


def test_record_of_every_epoch(whole: tuple[Path, dict[str, Any]]) -> None:
    record = whole[1]
    assert len(record["alignment"]) == THREE.alignment.epochs
    assert len(record["epochs"]) == EPOCHS
    for epoch in record["epochs"]:
        assert set(epoch["dev"]) == FIGURES
        figures = [value for name, value in epoch["dev"].items() if name != "mean"]
        assert epoch["dev"]["mean"] == pytest.approx(sum(figures) / len(figures))
        assert all(0 <= figure <= 1 for figure in figures)
        assert set(epoch["loss"]) == {"relation", "ner"}
        assert epoch["seconds"]["train"] > 0
        assert epoch["memory_mb"] > 100  # torch alone takes that


def test_the_names_are_learned(whole: tuple[Path, dict[str, Any]]) -> None:
    epochs = whole[1]["epochs"]
    assert epochs[-1]["loss"]["ner"] < 0.9 * epochs[0]["loss"]["ner"]


# ---- the checkpoint -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scripted(run: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Tensor]]]:
    """A run whose second epoch is the best on dev, and the weights at the end of each epoch."""
    output, states = tmp_path_factory.mktemp("scripted"), []

    def figures(model: RpBert, *_: Any) -> dict[str, float]:
        states.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return {"figure": (0.2, 0.9, 0.5)[len(states) - 1]}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epochs, "dev_figures", figures)
        run(output)
    return output, states


def test_the_checkpoint_is_that_of_the_best_epoch(scripted: tuple[Path, list[dict[str, Tensor]]]) -> None:
    output, states = scripted
    model, _ = load_checkpoint(output)
    found = model.state_dict()
    assert all(torch.equal(found[name], tensor.half().to(tensor.dtype)) for name, tensor in states[1].items())
    assert not torch.equal(found["emission_head.weight"], states[2]["emission_head.weight"].half().float())


ALIGNED = (
    "text_encoder.embeddings.",
    "text_encoder.encoder.layer.0.",  # below the configuration's matching_layer
    "matching.sentence_layers.",
    "matching.picture_map.",
    "matching.log_scale",
)


def test_everything_moves_but_the_cnn_and_what_alignment_taught(
    scripted: tuple[Path, list[dict[str, Tensor]]], base: RpBert
) -> None:
    first, second = scripted[1][:2]
    for name, _ in base.named_parameters():
        still = name.startswith(("region_encoder.", *ALIGNED))
        assert torch.equal(first[name], second[name]) == still, name


def test_frozen_embeddings_are_those_that_were_given(
    scripted: tuple[Path, list[dict[str, Tensor]]], base: RpBert
) -> None:
    last = scripted[1][-1]
    given = base.text_encoder.embeddings.state_dict()
    assert all(torch.equal(last[f"text_encoder.embeddings.{name}"], tensor) for name, tensor in given.items())


def test_the_cnn_is_the_one_that_was_given(scripted: tuple[Path, list[dict[str, Tensor]]], base: RpBert) -> None:
    last = scripted[1][-1]
    given = base.region_encoder.state_dict()  # BatchNorm statistics too
    assert all(torch.equal(last[f"region_encoder.{name}"], tensor) for name, tensor in given.items())


def test_the_checkpoint_reads_a_tweet(whole: tuple[Path, dict[str, Any]], tokenizer: PreTrainedTokenizerBase) -> None:
    model, loaded = load_checkpoint(whole[0])
    assert not model.training
    assert loaded.get_vocab() == tokenizer.get_vocab()


def test_the_checkpoint_is_calibrated_on_dev(
    whole: tuple[Path, dict[str, Any]], scripted: tuple[Path, list[dict[str, Tensor]]], corpus: Path
) -> None:
    pairs = with_scenes(read_pairs(corpus / "dev.jsonl"), read_scene_file(corpus / "scenes.jsonl"))
    assert any(pair.scene for pair in pairs)
    tweets = read_conll(corpus / "valid.txt")
    for output in (whole[0], scripted[0]):
        found = json.loads((output / "history.json").read_text())["calibration"]
        model, tokenizer = load_checkpoint(output)
        assert {name: getattr(model.config, name) for name in SETTINGS} == found
        assert model.crf.temperature == found["span_temperature"]
        assert model.config.trained
        assert found["image_adds_temperature"] != 1
        assert found["belongs_temperature"] != 1
        assert model.config.belongs_prior == PRIOR
        regions = compute_regions(model, [pair.picture for pair in pairs if pair.picture is not None])
        again = calibrate(model, tokenizer, pairs, regions, tweets)
        # Eight pairs hardly say how sure to be: large temperatures are almost as good as each other.
        for task, tolerance in (("belongs", 0.1), ("image_adds", 0.25), ("text_represented", 0.25)):
            slopes = [1 / numbers.pop(f"{task}_temperature") for numbers in (again, found)]
            biases = [numbers.pop(f"{task}_bias") for numbers in (again, found)]
            assert slopes[0] == pytest.approx(slopes[1], abs=tolerance)
            assert biases[0] == pytest.approx(biases[1], abs=0.05)
        assert again == pytest.approx(found, rel=1e-2, abs=5e-3)


def test_training_assumes_that_every_second_picture_belongs(run: Run, tmp_path: Path) -> None:
    """As many swapped pictures as own ones are shown; the preset's prior is for what ships."""
    priors: set[float] = set()
    forward = Objectives.forward

    def noting(self: Objectives, task: str, batch: dict[str, Tensor]) -> Tensor:
        priors.add(self.model.config.belongs_prior)
        return forward(self, task, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Objectives, "forward", noting)
        run(tmp_path, QUICK)
    assert priors == {0.5}


def test_epochs_are_compared_uncalibrated(scripted: tuple[Path, list[dict[str, Tensor]]]) -> None:
    state = json.loads((scripted[0] / epochs.STATE / "history.json").read_text())
    assert "calibration" not in state  # what a resumed run goes on from


def test_only_the_main_process_calibrates(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Accelerator, "is_main_process", False)
    assert "calibration" not in run(tmp_path, QUICK)
    assert not (tmp_path / "config.json").exists()


# ---- interruptions ------------------------------------------------------------------------------------------------


def stop_after(steps: int, patch: pytest.MonkeyPatch) -> None:
    """Make the loss of step `steps` + 1 raise."""
    forward = Objectives.forward
    done: list[str] = []

    def failing(self: Objectives, task: str, batch: dict[str, Tensor]) -> Tensor:
        if len(done) == steps:
            raise StoppedError
        done.append(task)
        return forward(self, task, batch)

    patch.setattr(Objectives, "forward", failing)


Step = tuple[str, list[list[int]]]


def steps_of(run: Run, output: Path, chosen: Recipe) -> list[Step]:
    """Task and word pieces of each step of a run."""
    taken: list[Step] = []
    forward = Objectives.forward

    def noting(self: Objectives, task: str, batch: dict[str, Tensor]) -> Tensor:
        assert self.training
        taken.append((task, batch["input_ids"].tolist()))
        return forward(self, task, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Objectives, "forward", noting)
        run(output, chosen)
    return taken


def tasks_of(run: Run, output: Path, chosen: Recipe) -> list[str]:
    return [task for task, _ in steps_of(run, output, chosen)]


def test_a_run_stopped_within_its_second_epoch_ends_as_if_it_had_not(
    run: Run, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    steps = len(tasks_of(run, tmp_path / "count", replace(THREE, multitask=replace(THREE.multitask, epochs=1))))
    output = tmp_path / "stopped"
    with pytest.MonkeyPatch.context() as patch:
        stop_after(steps + 3, patch)
        with pytest.raises(StoppedError):
            run(output)
    assert len(json.loads((output / "history.json").read_text())["epochs"]) == 1
    torch.manual_seed(99)  # the continuation brings its own random state
    record = run(output, resume=True)
    assert_same_weights(output, whole[0])
    found, expected = (load_checkpoint(folder)[0].state_dict() for folder in (output, whole[0]))
    assert all(torch.allclose(found[name], expected[name], atol=1e-3) for name in expected if "key.bias" not in name)
    for epoch, other in zip(record["epochs"], whole[1]["epochs"], strict=True):
        assert epoch["loss"] == pytest.approx(other["loss"], abs=1e-5)
        assert epoch["dev"] == pytest.approx(other["dev"], abs=1e-5)
    assert record["alignment"] == whole[1]["alignment"]
    load_checkpoint(output)


@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        (epochs, "save_checkpoint", 1),  # before there is any state: nothing to resume, so the run starts anew
        (epochs, "save_checkpoint", 2),
        (Accelerator, "save_state", 2),
        (shutil, "rmtree", 2),  # the new state has taken the place of the old one, which is still there
    ],
)
def test_a_run_stopped_while_it_saves_ends_as_if_it_had_not(
    run: Run, whole: tuple[Path, dict[str, Any]], tmp_path: Path, owner: Any, name: str, call: int
) -> None:
    evaluated, original = epochs.dev_figures, getattr(owner, name)
    rising = iter([1.0, 2.0, 3.0])  # each epoch is better than the last, so each saves a checkpoint
    calls = []

    def figures(*arguments: Any) -> dict[str, float]:
        return {**evaluated(*arguments), "rising": 10 * next(rising)}

    def failing(*arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        if len(calls) == call:
            raise StoppedError
        return original(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epochs, "dev_figures", figures)
        patch.setattr(owner, name, failing)
        with pytest.raises(StoppedError):
            run(tmp_path)
    record = run(tmp_path, resume=call > 1)
    assert len(record["epochs"]) == EPOCHS
    assert_same_weights(tmp_path, whole[0])


def test_a_finished_run_is_not_trained_again(
    run: Run, whole: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_cnn(*_: Any) -> Tensor:
        raise AssertionError("the pictures' regions are kept beside the state")

    monkeypatch.setattr(RegionEncoder, "regions", no_cnn)
    before = last_weights(whole[0])
    files = {name: (whole[0] / name).read_bytes() for name in ("config.json", "history.json", "model.safetensors")}
    record = run(whole[0], resume=True)
    assert len(record["epochs"]) == EPOCHS
    assert {name: (whole[0] / name).read_bytes() for name in files} == files  # calibrated to the same temperatures
    assert all(torch.equal(tensor, before[name]) for name, tensor in last_weights(whole[0]).items())


def test_a_run_stopped_while_it_calibrates_is_calibrated_when_resumed(
    run: Run, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    def failing(*_: Any) -> None:
        raise StoppedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epochs, "calibrate", failing)
        with pytest.raises(StoppedError):
            run(tmp_path)
    weights = (tmp_path / "model.safetensors").read_bytes()
    assert run(tmp_path, resume=True)["calibration"] == pytest.approx(whole[1]["calibration"], rel=1e-2)
    assert (tmp_path / "model.safetensors").read_bytes() == weights


def test_starting_anew_over_a_run_is_refused(run: Run, whole: tuple[Path, dict[str, Any]]) -> None:
    before = (whole[0] / "history.json").read_bytes()
    with pytest.raises(UserError, match="--resume"):
        run(whole[0])
    assert (whole[0] / "history.json").read_bytes() == before


def test_nothing_to_resume_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="resume"):
        run(tmp_path / "nothing", resume=True)


# ---- other recipes ------------------------------------------------------------------------------------------------


def test_alignment_is_taught_by_what_belongs_together(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: list[Any] = []

    def noting(model: RpBert, tokenizer: Any, store: Any, sources: Any, dropout: float) -> None:
        taught.append(sources)
        if len(taught) == 2:
            raise StoppedError

    monkeypatch.setattr(alignment, "matches_of", noting)
    with pytest.raises(StoppedError):
        run(tmp_path)
    photographs, tweets = taught
    assert len(photographs) == 2 * len(COLOURS)  # the caption of another photograph is left out
    assert len(tweets) == len(COLOURS)
    for caption in photographs:
        assert caption.match
        assert caption.picture.stem in caption.text.split()
    for tweet in tweets:
        assert tweet.picture.stem in tweet.words


def inputs_of(run: Run, output: Path, chosen: Recipe, **more: Any) -> list[tuple[str, dict[str, Tensor]]]:
    """Task and tensors of each step."""
    taken: list[tuple[str, dict[str, Tensor]]] = []
    forward = Objectives.forward

    def noting(self: Objectives, task: str, batch: dict[str, Tensor]) -> Tensor:
        taken.append((task, batch))
        return forward(self, task, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Objectives, "forward", noting)
        run(output, chosen, **more)
    return taken


ONE = replace(THREE, multitask=settings(epochs=1, swapped=1.0))


def test_the_relation_learns_from_words_in_pictures_and_from_cosines_of_other_folds(run: Run, tmp_path: Path) -> None:
    steps = inputs_of(run, tmp_path, ONE)
    pictured = [batch for _, batch in steps if "regions" in batch]
    assert {task for task, batch in steps if "regions" in batch} == {"relation", "ner"}
    for batch in pictured:
        assert batch["cosine"].shape == (len(batch["regions"]),)
        assert batch["scene_ids"].shape[0] == len(batch["regions"])
    assert any(batch["scene_ids"].numel() for batch in pictured)
    swapped = [int((batch["belongs"] == 0).sum()) for task, batch in steps if task == "relation"]
    assert swapped == [4, 4]  # as many as there are pairs


def test_tweets_with_pictures_of_their_own_are_aligned_and_read_too(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Twitter-2017 with its pictures: ids that are numbers, and no file of the words in them."""
    data = write_corpus(tmp_path / "data")
    for place in ("Oslo", "Rome", "Lima", "Bonn", "Nice", "Kyiv", "Bari"):
        draw(data / "images" / f"{place}.jpg", (len(place), 50, 90))

    class PerturbedModel:
        def read(self, _image: Any) -> tuple[SceneLine, ...]:
            return (SceneLine("now", 0.9, 0.1),)

    monkeypatch.setattr(scene_lines, "SceneTextReader", PerturbedModel)
    steps = inputs_of(run, tmp_path / "run", replace(ONE, tweet_pictures=True), data=data)
    assert all("regions" in batch and "cosine" in batch for _, batch in steps)
    assert sum(len(batch["regions"]) for task, batch in steps if task == "ner") == len(COLOURS) + 5
    assert list((tmp_path / "run").glob("scene-text-*.json"))  # for the next run


def test_one_task_after_the_other_as_in_the_paper(run: Run, tmp_path: Path) -> None:
    # In batches of 4: 8 pairs, then 8 + 5 tweets with and without pictures.
    assert tasks_of(run, tmp_path, QUICK) == ["relation"] * 2 + ["ner"] * 4


def test_each_epoch_has_batches_of_its_own(run: Run, tmp_path: Path) -> None:
    steps = steps_of(run, tmp_path, replace(QUICK, multitask=replace(QUICK.multitask, epochs=2)))
    first, second = steps[: len(steps) // 2], steps[len(steps) // 2 :]
    assert [task for task, _ in first] == [task for task, _ in second]
    for task in ("relation", "ner"):
        assert [ids for name, ids in first if name == task] != [ids for name, ids in second if name == task]


def test_what_is_kept_is_the_moving_average(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    after: list[Tensor] = []  # one weight matrix after each step
    update = epochs.AveragedModel.update_parameters

    def noting(self: Any, model: RpBert) -> None:
        after.append(model.emission_head.weight.detach().clone())
        update(self, model)

    monkeypatch.setattr(epochs.AveragedModel, "update_parameters", noting)
    run(tmp_path, replace(QUICK, multitask=replace(QUICK.multitask, average=0.5)))
    expected = after[0]
    for weight in after[1:]:
        expected = 0.5 * expected + 0.5 * weight
    found = load_checkpoint(tmp_path)[0].emission_head.weight
    assert torch.allclose(found, expected, atol=3e-4)  # half precision
    assert not torch.allclose(found, after[-1], atol=1e-3)


def test_gradients_are_clipped(run: Run, base: RpBert, tmp_path: Path) -> None:
    # Gradients far below Adam's epsilon move nothing, if they are made so small.
    run(tmp_path, replace(QUICK, multitask=replace(QUICK.multitask, clip=1e-20, weight_decay=0.0)))
    found = last_weights(tmp_path)
    for name, tensor in base.text_encoder.state_dict().items():
        assert torch.allclose(found[f"model.text_encoder.{name}"], tensor, atol=1e-7), name


def test_interleaved_tasks(run: Run, tmp_path: Path) -> None:
    mixed = replace(QUICK, seed=5, multitask=replace(QUICK.multitask, interleave=True))
    tasks = tasks_of(run, tmp_path, mixed)
    assert sorted(tasks) == ["ner"] * 4 + ["relation"] * 2
    last_relation = max(index for index, task in enumerate(tasks) if task == "relation")
    assert "ner" in tasks[:last_relation]


def test_without_alignment_the_embeddings_are_trained_too(run: Run, base: RpBert, tmp_path: Path) -> None:
    run(tmp_path, QUICK)
    name = "text_encoder.embeddings.word_embeddings.weight"
    found = last_weights(tmp_path)
    assert not torch.equal(found[f"model.{name}"], base.state_dict()[name])
    # What matching takes over as it is, is there nevertheless: the vectors of the class names have length one.
    lengths = found["model.matching.picture_map.class_vectors.weight"].norm(dim=0)
    assert torch.allclose(lengths, torch.ones(1000), atol=1e-5)


@pytest.fixture
def plain(tiny_config: RpBertConfig, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run` with a preset that, as `paper`, neither matches nor asks what belongs, nor reads words in pictures."""
    config = copy.deepcopy(tiny_config)
    config.matching = config.belongs = config.scene_text = False
    monkeypatch.setattr(training, "preset_config", lambda name: copy.deepcopy(config))
    return run


def test_a_preset_without_matching(plain: Run, tmp_path: Path) -> None:
    record = plain(tmp_path, replace(QUICK, captions=[]))
    assert set(record["epochs"][0]["loss"]) == {"relation", "ner"}


def test_alignment_is_refused_without_matching(plain: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="matching"):
        plain(tmp_path, THREE)


def test_tweets_and_pairs_alone(run: Run, tmp_path: Path) -> None:
    record = run(tmp_path, replace(QUICK, captions=[]))
    assert "alignment" not in record
    assert set(record["epochs"][0]["loss"]) == {"relation", "ner"}


def test_pairs_alone(run: Run, tmp_path: Path) -> None:
    record = run(tmp_path, replace(QUICK, captions=[], tweets=[], dev=replace(QUICK.dev, tweets=[])))
    assert set(record["epochs"][0]["dev"]) == FIGURES - {"valid.txt strict F1"}


def one_class(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "image_adds": 1} for row in rows]


def too_few(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows[:4]


def no_relation(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "image_adds"} for row in rows]


def some_names(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*no_names(rows[:1]), *rows[1:]]


def no_names(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "entities"} for row in rows]


@pytest.mark.parametrize("spoil", [one_class, too_few, no_relation, some_names])
def test_dev_pairs_that_cannot_compare_epochs_are_refused(
    run: Run, tmp_path: Path, spoil: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> None:
    data = write_corpus(tmp_path / "data")
    rows = [json.loads(line) for line in (data / "dev.jsonl").read_text().splitlines()]
    (data / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in spoil(rows)))
    with pytest.raises(UserError, match=r"dev\.jsonl"):
        run(tmp_path / "output", QUICK, data=data)


# ---- what learns, and how fast -------------------------------------------------------------------------------------


def groups(model: RpBert) -> dict[str, dict[str, Any]]:
    """The group of each parameter, by the parameter's name."""
    chosen = settings(encoder_learning_rate=0.25, head_learning_rate=0.5, weight_decay=0.125, visible_weight=1.0)
    objectives = Objectives(model, chosen, teacher=Crf(LABELS), share=0.5)
    names = {id(parameter): name.removeprefix("model.") for name, parameter in objectives.named_parameters()}
    found: dict[str, dict[str, Any]] = {}
    for group in parameter_groups(objectives, chosen):
        for parameter in group["params"]:
            assert names[id(parameter)] not in found  # no parameter in two groups
            found[names[id(parameter)]] = group
    return found


def test_every_trainable_parameter_is_in_one_group(tiny_model: RpBert) -> None:
    found = groups(tiny_model)
    frozen = ("region_encoder.", "matching.picture_map.classifier.", "matching.picture_map.class_vectors.")
    learned = {name for name, _ in tiny_model.named_parameters() if not name.startswith(frozen)}
    assert set(found) == {*learned, "visible_head.weight", "visible_head.bias"}  # and nothing of the teacher
    assert {"crf.transitions", "crf.start_transitions", "crf.end_transitions"} <= set(found)


def test_two_learning_rates(tiny_model: RpBert) -> None:
    for name, group in groups(tiny_model).items():
        assert group["lr"] == (0.25 if name.startswith(("text_encoder.", "projection.")) else 0.5), name


def test_no_weight_decay_on_biases_and_layer_norms(tiny_model: RpBert) -> None:
    for name, group in groups(tiny_model).items():
        spared = (
            "bias" in name
            or "LayerNorm" in name
            or name
            in ("matching.log_scale", "scene_vector", "echo_vector", "crf.start_transitions", "crf.end_transitions")
        )
        assert group["weight_decay"] == (0 if spared else 0.125), name


def test_the_toy_corpus_has_both_classes(corpus: Path) -> None:
    rows = [json.loads(line) for line in (corpus / "dev.jsonl").read_text().splitlines()]
    assert len(rows) == len(COLOURS)
    assert {row["image_adds"] for row in rows} == {row["text_represented"] for row in rows} == {0, 1}
