"""What the picture, the gate and the relation task are worth: the ablation in docs/results.md.

    python benchmarks/ablation.py --data DATA --output runs/ablation [--rows "soft gate" …] [--seeds 1 2 3] [--table]

All rows start from the same weights: aligned, then trained on the names of all tweets without any picture. Each
run then trains half an epoch on TweetPairs with its pictures, by the recipe but for what its row says, the lower four
layers frozen, and is read on TweetPairs dev. A run that is done is not run again; `--table` only prints what is there.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
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
from rpbert.evaluation.calibration import RELATIONS, set_relation
from rpbert.evaluation.metrics import evaluate
from rpbert.evaluation.slices import picture_effect
from rpbert.model.checkpoint import load_checkpoint
from rpbert.model.configuration import RpBertConfig
from rpbert.model.modeling import RpBert
from rpbert.shipped import RECIPES
from rpbert.training.batches import Batch, ner_batches, relation_batches
from rpbert.training.loop import freeze_aligned, parameter_groups, train
from rpbert.training.objectives import Objectives
from rpbert.training.recipe import Multitask, read_recipe

FROZEN_LAYERS = 4
EPOCHS = 0.5
CHARACTERS = 50
START = "start"
# The recipe without what it does to help: no tweet twice, no hashtags, no question whether a name is depicted.
PLAIN = replace(read_recipe(RECIPES / "mini.toml").multitask, text_only=0.0, hashtags=0.0, visible_weight=0.0)
HALF = torch.autocast("cpu", torch.bfloat16)  # about half the time, for every row alike
ROWS: dict[str, dict[str, Any]] = {
    "text only": {"gate": "closed", "masked": 0.0},
    "no relation propagation": {"gate": "open"},
    "soft gate": {"gate": "soft"},
    "hard gate": {"gate": "hard"},
    "soft gate, gradient flowing": {"gate": "soft", "detach_gate": False},
    "names alone": {"gate": "soft", "detach_gate": False, "relation_weight": 0.0},
    "soft gate, characters": {"gate": "soft"},
    "soft gate, names masked": {"gate": "soft", "masked": 0.3},
    "soft gate, lower-cased": {"gate": "soft", "lower_cased": 0.5},
    "soft gate, visible names": {"gate": "soft", "visible_weight": 1.0},
}
THREE_SEEDS = ("text only", "no relation propagation", "soft gate", "hard gate")


def train_start(data: Path, output: Path, text_weights: str | None, vision_weights: str | None) -> None:
    """Alignment, then the names of all tweets without their pictures, and no relation."""
    recipe = read_recipe(RECIPES / "mini.toml")
    settings = replace(PLAIN, epochs=1, gate="closed", relation_weight=0.0)
    teacher = replace(recipe.teacher, weights="", unlabelled=[])
    train(replace(recipe, multitask=settings, teacher=teacher), data, output, text_weights, vision_weights)


def build(start: Path, row: str) -> tuple[RpBert, PreTrainedTokenizerBase]:
    """The common start as a trainable model; only characters, where the row asks for them, begin anew."""
    trained, tokenizer = load_checkpoint(start)
    config = RpBertConfig.from_dict(trained.config.to_dict())
    config.detach_gate = ROWS[row].get("detach_gate", True)
    config.character_size = CHARACTERS if "characters" in row else 0
    config.span_temperature = 1.0
    for task in RELATIONS:
        set_relation(config, task, 1.0, 0.0)
    model = RpBert(config)
    weights, own = trained.state_dict(), model.state_dict()
    for name, weight in weights.items():
        if weight.shape == own[name].shape:
            own[name].copy_(weight)
        else:  # the BiLSTM's first layer reads the characters behind the word's vector
            own[name].zero_()
            own[name][:, : weight.shape[1]].copy_(weight)
    freeze_aligned(model)
    model.text_encoder.encoder.layer[:FROZEN_LAYERS].requires_grad_(False)
    assert model.case_embeddings is not None
    model.case_embeddings.requires_grad_(False)
    return model, tokenizer


def run(
    row: str, seed: int, start: Path, pairs: Sequence[Example], dev: Sequence[Example], store: RegionStore
) -> dict[str, Any]:
    """Train one row with one seed and measure it."""
    began = time.monotonic()
    set_seed(seed)
    model, tokenizer = build(start, row)
    settings = replace(PLAIN, **ROWS[row])
    batches = _batches(model, tokenizer, pairs, settings, seed)
    objectives = Objectives(model, settings).train()
    optimizer = torch.optim.AdamW(parameter_groups(objectives, settings), fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, int(settings.warmup * len(batches)), len(batches))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for task, batch in tqdm(batches, desc=f"{row}, seed {seed}", unit="batch"):
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
    return {"row": row, "seed": seed, "minutes": minutes, **figures}


def _batches(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Example], settings: Multitask, seed: int
) -> list[tuple[str, Batch]]:
    generator = torch.Generator().manual_seed(seed)
    limit = model.config.max_pieces
    ner = ner_batches(pairs, tokenizer, limit, settings, generator, model.word_features)
    relation = relation_batches(pairs, tokenizer, limit, settings, generator) if settings.relation_weight else []
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
        "swapped AUC by P(adds)": relation["swapped_auc_by"]["image_adds"],
    }


def table(output: Path) -> str:
    """All finished runs, row by row: mean and standard deviation over the seeds, and the intervals of each seed."""
    lines = []
    for row in ROWS:
        runs = [json.loads(file.read_text()) for file in sorted(output.glob(f"{_slug(row)}-[0-9]*.json"))]
        if not runs:
            continue
        columns = {key: [run["slices"]["own"][key] for run in runs] for key in runs[0]["slices"]["own"]}
        for name in ("without", "swapped"):
            columns[f"all, F1, picture {name}"] = [run["slices"][name]["all, F1"] for run in runs]
        for key in ("image_adds AUC", "swapped AUC by P(adds)", "minutes"):
            columns[key] = [run[key] for run in runs]
        lines += ["", f"{row} ({len(runs)} seed{'s' * (len(runs) > 1)})"]
        for key, values in columns.items():
            spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
            lines.append(f"  {key:32} {np.mean(values):.3f}{spread}")
        for run, key in ((run, key) for run in runs for key in ("own_minus_without", "own_minus_swapped")):
            gap = run[key]
            interval = f"[{gap['low']:+.3f}, {gap['high']:+.3f}]"
            lines.append(f"  seed {run['seed']}, {key.replace('_', ' ')}: {gap['difference']:+.3f} {interval}")
    return "\n".join(lines).strip()


def _slug(row: str) -> str:
    return row.replace(",", "").replace(" ", "-")


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with tweetpairs/ and the rest")
    parser.add_argument("--output", type=Path, required=True, help="folder for the start and the results")
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3], help="one-seed rows take seed 1 alone")
    parser.add_argument("--text-weights", help="as for `python -m rpbert train`")
    parser.add_argument("--vision-weights", help="as for `python -m rpbert train`")
    parser.add_argument("--table", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    start = arguments.output / START
    if not arguments.table:
        if not (start / "config.json").exists():
            train_start(arguments.data, start, arguments.text_weights, arguments.vision_weights)
        pairs, dev = (read_pairs(arguments.data / "tweetpairs" / f"{part}.jsonl") for part in ("train", "dev"))
        pictures = [pair.picture for pair in [*pairs, *dev] if pair.picture is not None]
        store = compute_regions(load_checkpoint(start)[0], pictures, cache=arguments.output)
        for seed in arguments.seeds:
            for row in arguments.rows:
                file = arguments.output / f"{_slug(row)}-{seed}.json"
                if not file.exists() and (seed == 1 or row in THREE_SEEDS):
                    file.write_text(json.dumps(run(row, seed, start, pairs, dev, store), indent=1) + "\n")
    print(table(arguments.output))


if __name__ == "__main__":
    main()
