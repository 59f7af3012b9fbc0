"""What the picture, its words, the gate and the relation task are worth: the ablation in docs/results.md.

    python benchmarks/ablation.py --data DATA --output runs/ablation [--rows "soft gate" …] [--seeds 1 2 3] [--table]

All rows start from the same weights: aligned, then trained for one epoch on the names of all tweets without any
picture, those without labels as a teacher reads them. Each run then trains half an epoch on TweetPairs with its
pictures, by the recipe but for what its row says, the lower four layers frozen, and is read on TweetPairs dev. The last
row starts from an epoch without teacher and unlabelled tweets. A run that is done is not run again; `--table` only
prints what is there.
"""

import argparse
import copy
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils import set_seed
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase, get_linear_schedule_with_warmup

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package stands one folder up

from rpbert.data.readers import Example, read_pairs
from rpbert.data.regions import RegionStore, compute_regions
from rpbert.data.scene_lines import read_scene_file, with_scenes
from rpbert.evaluation.calibration import set_relation
from rpbert.evaluation.metrics import evaluate
from rpbert.evaluation.slices import picture_effect
from rpbert.model.checkpoint import load_checkpoint
from rpbert.model.configuration import RELATIONS, RpBertConfig
from rpbert.model.modeling import RpBert
from rpbert.shipped import RECIPES
from rpbert.training.alignment import CrossFit, cross_fit, matches_of
from rpbert.training.batches import Batch, PictureInputs, ner_batches, relation_batches
from rpbert.training.loop import train
from rpbert.training.objectives import Objectives
from rpbert.training.parameters import freeze_aligned, parameter_groups
from rpbert.training.recipe import Multitask, read_recipe

FROZEN_LAYERS = 4
EPOCHS = 0.5
RECIPE = read_recipe(RECIPES / "mini.toml")
# The recipe without what it does to help: no tweet twice, no hashtags, no question whether a name is depicted.
PLAIN = replace(RECIPE.multitask, text_only=0.0, hashtags=0.0, visible_weight=0.0)
HALF = torch.autocast("cpu", torch.bfloat16)  # about half the time, for every row alike


TAUGHT, LABELLED = "start", "start-labelled"


@dataclass(frozen=True)
class Row:
    """What is different in a row of the table."""

    settings: dict[str, Any] = field(default_factory=dict)  # of `Multitask`
    config: dict[str, Any] = field(default_factory=dict)  # of `RpBertConfig`
    regions: bool = True  # otherwise every region is zero
    words: bool = True  # otherwise the words in pictures are not read
    start: str = TAUGHT


ROWS = {
    "text only": Row({"gate": "closed"}),
    "no relation propagation": Row({"gate": "open"}),
    "soft gate": Row(),
    "hard gate": Row({"gate": "hard"}),
    "regions only": Row(words=False),
    "words only": Row(regions=False),
    "one head": Row({"swapped": 0.0}, {"belongs": False}),
    "no unlabelled tweets": Row(start=LABELLED),
}


def train_start(data: Path, output: Path, unlabelled: bool, weights: Sequence[str | None]) -> None:
    """Alignment, then the names of all tweets without their pictures, and no relation."""
    # One epoch is a few hundred steps: the recipe's longer average would still hold the untrained weights.
    settings = replace(PLAIN, epochs=1, gate="closed", relation_weight=0.0, average=0.98)
    teacher = RECIPE.teacher if unlabelled else replace(RECIPE.teacher, weights="", unlabelled=[], lines=[])
    train(replace(RECIPE, multitask=settings, teacher=teacher), data, output, *weights)


def build(start: Path, row: Row) -> tuple[RpBert, PreTrainedTokenizerBase]:
    """The common start as a trainable model."""
    trained, tokenizer = load_checkpoint(start)
    config = RpBertConfig.from_dict({**trained.config.to_dict(), **row.config})
    config.belongs_prior, config.span_temperature = 0.5, 1.0
    for task in RELATIONS:
        set_relation(config, task, 1.0, 0.0)
    model = RpBert(config)
    model.load_state_dict({name: weight for name, weight in trained.state_dict().items() if name in model.state_dict()})
    freeze_aligned(model)
    model.text_encoder.encoder.layer[:FROZEN_LAYERS].requires_grad_(False)
    assert model.case_embeddings is not None
    model.case_embeddings.requires_grad_(False)
    return model, tokenizer


def folds_of(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, store: RegionStore, pairs: Sequence[Example]
) -> CrossFit:
    """Cosines for the relation from maps that have not seen the pair, aligned on the pairs alone."""
    fresh = copy.deepcopy(model.matching)
    assert fresh is not None
    fresh.picture_map.map.reset_parameters()
    tweets = matches_of(model, tokenizer, store, pairs, RECIPE.alignment.text_dropout)
    fresh.picture_map.map.requires_grad_(True)
    fresh.log_scale.requires_grad_(True)
    return cross_fit(fresh, [], tweets, pairs, RECIPE.alignment, RECIPE.seed)


def run(
    name: str, seed: int, output: Path, pairs: Sequence[Example], dev: Sequence[Example], store: RegionStore
) -> dict[str, Any]:
    """Train one row with one seed and measure it."""
    began, row = time.monotonic(), ROWS[name]
    set_seed(seed)
    model, tokenizer = build(output / row.start, row)
    if not row.words:
        pairs, dev = ([replace(pair, scene=()) for pair in part] for part in (pairs, dev))
    if not row.regions:
        store = RegionStore(store.rows, torch.zeros_like(store.table))
    settings = replace(PLAIN, **row.settings)
    inputs = PictureInputs(tokenizer, model.config.scene_pieces, folds_of(model, tokenizer, store, pairs))
    batches = _batches(model, tokenizer, pairs, settings, seed, inputs)
    objectives = Objectives(model, settings).train()
    optimizer = torch.optim.AdamW(parameter_groups(objectives, settings), fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, int(settings.warmup * len(batches)), len(batches))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for task, batch in tqdm(batches, desc=f"{name}, seed {seed}", unit="batch"):
        regions = {"regions": store(batch.pictures)} if batch.pictures else {}
        with HALF:
            loss = objectives(task, {**batch.tensors, **regions})
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, settings.clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    minutes = (time.monotonic() - began) / 60
    with HALF:
        figures = measure(model.eval(), tokenizer, dev, store, settings.gate)
    return {"row": name, "seed": seed, "minutes": minutes, **figures}


def _batches(
    model: RpBert,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[Example],
    settings: Multitask,
    seed: int,
    inputs: PictureInputs,
) -> list[tuple[str, Batch]]:
    generator = torch.Generator().manual_seed(seed)
    limit = model.config.max_pieces
    ner = ner_batches(pairs, tokenizer, limit, settings, generator, model.word_features, inputs=inputs)
    relation = relation_batches(pairs, tokenizer, limit, settings, generator, inputs)
    batches = [*(("relation", batch) for batch in relation), *(("ner", batch) for batch in ner)]
    order = torch.randperm(len(batches), generator=generator).tolist()
    return [batches[index] for index in order[: round(EPOCHS * len(batches))]]


def measure(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, dev: Sequence[Example], store: RegionStore, gate: str
) -> dict[str, Any]:
    """Figures on dev: as the row reads it, without the picture, and with the next tweet's picture."""
    relation = evaluate(model, tokenizer, dev, store, gate)["relation"]
    return {
        **picture_effect(model, tokenizer, dev, store, gate),
        "image_adds AUC": relation["image_adds"]["auc"],
        "text_represented AUC": relation["text_represented"]["auc"],
        "swapped AUC by P(belongs)": relation["swapped_auc_by"].get("belongs", float("nan")),
        "swapped AUC by the gate": relation["swapped_auc_by"]["gate"],
    }


def summary(output: Path) -> dict[str, dict[str, str]]:
    """All finished runs: for each row its figures, as mean and standard deviation over the seeds, and the intervals of
    each seed."""
    found: dict[str, dict[str, str]] = {}
    for row in ROWS:
        runs = [json.loads(file.read_text()) for file in sorted(output.glob(f"{_slug(row)}-[0-9]*.json"))]
        if not runs:
            continue
        columns = {key: [run["slices"]["own"][key] for run in runs] for key in runs[0]["slices"]["own"]}
        for name in ("without", "swapped"):
            columns[f"all, F1, picture {name}"] = [run["slices"][name]["all, F1"] for run in runs]
        for key in (*(key for key in runs[0] if "AUC" in key), "minutes"):
            columns[key] = [run[key] for run in runs]
        found[row] = {"seeds": ", ".join(str(run["seed"]) for run in runs)}
        for key, values in columns.items():
            spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
            found[row][key] = f"{np.mean(values):.3f}{spread}"
        for key in ("own_minus_without", "own_minus_swapped"):
            gaps = [f"{run[key]['difference']:+.3f} [{run[key]['low']:+.3f}, {run[key]['high']:+.3f}]" for run in runs]
            found[row][f"F1, {key.replace('_', ' ')}, each seed"] = "; ".join(gaps)
    return found


def table(rows: dict[str, dict[str, str]]) -> str:
    """A summary as text."""
    blocks = [[row, *(f"  {key:36} {value}" for key, value in figures.items())] for row, figures in rows.items()]
    return "\n\n".join("\n".join(block) for block in blocks)


def _slug(row: str) -> str:
    return row.replace(",", "").replace(" ", "-")


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with tweetpairs/ and the rest")
    parser.add_argument("--output", type=Path, required=True, help="folder for the starts and the results")
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--text-weights", help="as for `rpbert train`")
    parser.add_argument("--vision-weights", help="as for `rpbert train`")
    parser.add_argument("--teacher-weights", help="as for `rpbert train`")
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--json", type=Path, help="write the table to this file, figure by figure")
    arguments = parser.parse_args()
    output, folder = arguments.output, arguments.data / "tweetpairs"
    if not arguments.table:
        weights = arguments.text_weights, arguments.vision_weights, arguments.teacher_weights
        for start in {ROWS[name].start for name in arguments.rows}:
            if not (output / start / "config.json").exists():
                train_start(arguments.data, output / start, start == TAUGHT, weights)
        known = read_scene_file(folder / "scene_text.jsonl")
        pairs, dev = (with_scenes(read_pairs(folder / f"{part}.jsonl"), known) for part in ("train", "dev"))
        pictures = [pair.picture for pair in [*pairs, *dev] if pair.picture is not None]
        model, _ = load_checkpoint(output / ROWS[arguments.rows[0]].start)
        store = compute_regions(model, pictures, cache=output)
        for seed in arguments.seeds:
            for name in arguments.rows:
                file = output / f"{_slug(name)}-{seed}.json"
                if not file.exists():
                    file.write_text(json.dumps(run(name, seed, output, pairs, dev, store), indent=1) + "\n")
    rows = summary(output)
    print(table(rows))
    if arguments.json is not None:
        figures = {key: {row: rows[row].get(key) for row in rows} for found in rows.values() for key in found}
        arguments.json.write_text(json.dumps({"benchmark": "ablation", "rows": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
