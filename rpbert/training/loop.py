"""Training on `accelerate`: alignment, then both tasks; resumable after every epoch.

The same command runs on a CPU, a GPU or, by `accelerate launch`, on many.
"""

import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, set_seed

from rpbert.data.regions import compute_regions
from rpbert.data.static_vectors import read_static_vectors
from rpbert.errors import UserError
from rpbert.model.checkpoint import (
    checkpoint_identity,
    from_backbones,
    take_over,
)
from rpbert.model.configuration import PRESETS, RpBertConfig, preset_config
from rpbert.training.alignment import begin_matching, run_alignment, set_class_vectors
from rpbert.training.epochs import HISTORY, STATE, Epochs
from rpbert.training.recipe import Recipe
from rpbert.training.sets import add_scenes, fingerprints, pictures_of, read_sets, words_of
from rpbert.training.teacher import teach, teacher_figures
from rpbert.training.tower import teach_tower, texts_of


def train(
    recipe: Recipe,
    data: Path,
    output: Path,
    text_weights: str | None = None,
    vision_weights: str | None = None,
    teacher_weights: str | None = None,
    resume: bool = False,
    start: Path | None = None,
) -> dict[str, Any]:
    """Train by `recipe` and leave the best epoch's checkpoint in `output`.

    Args:
        data: folder that the recipe's paths are relative to.
        text_weights, vision_weights: as for `from_backbones`; None takes the preset's from the Hugging Face Hub.
        teacher_weights: folder or Hub id of the encoder of the teacher and of the tower's teacher; None takes the
            recipe's.
        resume: go on after the last whole epoch in `output`, to the same result as an uninterrupted run.
        start: folder of a checkpoint that names and relations go on from, instead of new heads on a pretrained encoder.

    Returns:
        The run's record, which also stands in `output/history.json`.
    """
    _check_output(output, resume)
    if not recipe.multitask.epochs and start is None:
        raise UserError(
            "With epochs = 0 under [multitask] nothing learns names. Add --start with a trained checkpoint."
        )
    # The two tasks use different parts of the model.
    accelerator = Accelerator(kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)])
    set_seed(recipe.seed)
    config = _configuration(recipe)
    sets = read_sets(recipe, data)
    if config.scene_text:
        add_scenes(sets, recipe, data, cache=output)
    vectors = None
    if recipe.features.static_vectors:
        config.static_words, vectors = read_static_vectors(data / recipe.features.static_vectors, words_of(sets))
        config.static_size = vectors.shape[1]
    preset = PRESETS[recipe.preset]
    model, tokenizer, classifier = from_backbones(
        config, text_weights or preset.text_weights, vision_weights or preset.vision_weights
    )
    if vectors is not None:
        model.word_features.set_static(vectors)
    model.to(accelerator.device)
    store = compute_regions(model, pictures_of(sets), cache=output)
    record: dict[str, Any] = {"recipe": asdict(recipe), "data_sha256": fingerprints(recipe, data)}
    record |= {"versions": _versions(), "epochs": []}
    folds = None
    if model.matching is not None:
        begin_matching(model, classifier)
    if recipe.tower.weights:
        with accelerator.main_process_first():  # the others find what it keeps
            larger, texts = teacher_weights or recipe.tower.weights, texts_of(sets, recipe)
            record["tower"] = teach_tower(model, tokenizer, texts, recipe, larger, output, accelerator)
    if model.matching is not None:
        set_class_vectors(model, tokenizer)
    if recipe.alignment.epochs:
        losses, folds = run_alignment(model, tokenizer, store, sets, recipe, classifier)
        print("alignment, mean contrastive loss per epoch (nats):", *(f"{loss:.3f}" for loss in losses))
        record["alignment"] = losses
    if start is not None:
        take_over(model, start)
        record |= _record_of(start)
    teaching = None
    if recipe.teacher.weights and recipe.multitask.epochs:
        with accelerator.main_process_first():  # the others find what it keeps
            teaching = teach(recipe, sets, teacher_weights or recipe.teacher.weights, output, accelerator)
        record["teacher"] = teacher_figures(teaching, sets)
        print("teacher, dev:", *(f"{name} {value:.4f}" for name, value in record["teacher"].items()))
    epochs = Epochs(accelerator, model, tokenizer, store, recipe, sets, output, teaching, folds)
    return epochs.run(record, resume)


def _record_of(start: Path) -> dict[str, Any]:
    """What a run's record holds of the checkpoint that it starts from."""
    record: dict[str, Any] = {"start": checkpoint_identity(start)}
    if (start / HISTORY).exists():
        record["before"] = json.loads((start / HISTORY).read_text(encoding="utf-8"))
    return record


def _check_output(output: Path, resume: bool) -> None:
    """Raises `UserError` for a folder with an unfinished run and no `resume`, and for the reverse."""
    if (output / STATE).exists() and not resume:
        raise UserError(f"{output} holds an unfinished run. Add --resume to go on with it, or choose another folder.")
    if resume and not (output / STATE).exists():
        raise UserError(f"There is no finished epoch in {output} to resume from. Start without --resume.")


def _configuration(recipe: Recipe) -> RpBertConfig:
    """The preset as the recipe changes it; raises `UserError` for an alignment of what the preset does not have."""
    config = preset_config(recipe.preset)
    config.character_size = recipe.features.characters
    config.detach_gate = recipe.multitask.detach_gate
    config.belongs_prior = 0.5  # training shows as many swapped pictures as own ones; what ships has the preset's
    if recipe.alignment.epochs and not config.matching:
        raise UserError(
            f"The preset {recipe.preset} has no matching vectors to align. Set epochs = 0 under [alignment], or choose "
            "another preset."
        )
    return config


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "transformers", "timm", "accelerate")}
