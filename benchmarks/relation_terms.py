"""Whether a picture adds, and whether it shows what the tweet says: who tells it, h_CLS or the vectors?

    python benchmarks/relation_terms.py DATA/tweetpairs

The logit of either relation is the sum of two terms (`RpBert.relation_terms`). Printed is the AUC on the development
pairs of each term by itself, the other one silenced, and of their sum.
"""

import argparse
import copy
import sys
from pathlib import Path

import torch
from sklearn.metrics import roc_auc_score
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package stands one folder up

from rpbert.cli.options import add_checkpoint
from rpbert.data.readers import read_pairs
from rpbert.data.regions import compute_regions
from rpbert.data.scene_lines import read_scene_file, with_scenes
from rpbert.evaluation.prediction import predict
from rpbert.model.checkpoint import load_checkpoint
from rpbert.model.modeling import RpBert
from rpbert.training.vectors import TASKS


@torch.no_grad()
def without(model: RpBert, *heads: str) -> RpBert:
    """A copy in which the heads with these names say nothing."""
    silent = copy.deepcopy(model)
    for name in heads:
        head = silent.get_submodule(name)
        assert isinstance(head, nn.Linear)
        head.weight.zero_()
        assert head.bias is not None
        head.bias.zero_()
    return silent


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with dev.jsonl, its images and scene_text.jsonl")
    add_checkpoint(parser)
    arguments = parser.parse_args()
    pairs = with_scenes(
        read_pairs(arguments.folder / "dev.jsonl"), read_scene_file(arguments.folder / "scene_text.jsonl")
    )
    model, tokenizer = load_checkpoint(arguments.checkpoint)
    regions = compute_regions(model, (pair.picture for pair in pairs if pair.picture is not None))
    rows = {
        "h_CLS alone": without(model, "matching.vector_head"),
        "vectors alone": without(model, "image_adds_head", "text_represented_head"),
        "both": model,
    }
    for title, read in rows.items():
        found = predict(read, tokenizer, pairs, regions, pictures=pairs)
        scores = []
        for task in TASKS:
            known = [row for row, pair in enumerate(pairs) if getattr(pair, task) is not None]
            labels = [getattr(pairs[row], task) for row in known]
            scores.append(f"{task} {roc_auc_score(labels, [getattr(found[row], task) for row in known]):.3f}")
        print(f"{title:15}", *scores, sep="  ")


if __name__ == "__main__":
    main()
