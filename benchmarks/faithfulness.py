"""Which heatmaps are to be believed, and which method makes the best ones.

    python benchmarks/faithfulness.py PATH [--images DIR] [--methods grad_cam occlusion …] [--limit N] [--json FILE]

PATH is a pair JSONL. Explained are, on every pair, that the picture adds, and every name whose probability moves by at
least 0.05 when the picture is removed. Per method: deletion and insertion means in nats
(see `rpbert.explain.faithfulness`) with those of random
orders, the share of maps that beat 95 % of random orders with a bootstrap interval, and seconds.
Pointing game: for a gold name with a `box` ([x0, y0, x1, y1] in percent of the picture) that was found, whether the
map's highest cell has its centre in the box; chance is the box's share of the picture.
"""

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package stands one folder up

from rpbert.analysis import Analysis
from rpbert.analyzer import Analyzer
from rpbert.cli.options import add_checkpoint, positive
from rpbert.errors import UserError
from rpbert.explain.faithfulness import PerturbationCurves, Verdict
from rpbert.explain.methods import METHODS, Explanation, explain
from rpbert.explain.perturbed import PerturbedModel
from rpbert.explain.targets import ADDS, Target, name_target
from rpbert.model.configuration import GRID

MOVED = 0.05  # by how much a name's probability must move without the picture
DEFAULT = ("grad_cam", "gradient_x_input", "occlusion")
MEANS = ("deletion", "deletion_random", "insertion", "insertion_random")


@dataclass
class Tally:
    """What one method did."""

    verdicts: dict[str, list[Verdict]] = field(default_factory=lambda: {"relation": [], "entity": []})
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"relation": [], "entity": []})
    hits: list[bool] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """As the JSON has them."""
        result: dict[str, Any] = {
            kind: _figures(verdicts, self.seconds[kind]) for kind, verdicts in self.verdicts.items()
        }
        chance = float(np.mean(self.chances)) if self.chances else None
        result["pointing"] = {"n": len(self.hits), "hits": sum(self.hits), "chance": chance}
        return result


def _figures(verdicts: list[Verdict], seconds: list[float]) -> dict[str, Any]:
    if not verdicts:
        return {"n": 0, **dict.fromkeys(("better_than_95", "better_than_95_interval", *MEANS, "seconds"))}
    better = np.array([verdict.better_than_95 for verdict in verdicts], dtype=float)
    drawn = np.random.default_rng(0).choice(better, (10_000, len(better))).mean(axis=1)
    means = {name: float(np.mean([getattr(verdict, name) for verdict in verdicts])) for name in MEANS}
    interval = [float(bound) for bound in np.percentile(drawn, (2.5, 97.5))]
    return {
        "n": len(verdicts),
        "better_than_95": float(better.mean()),
        "better_than_95_interval": interval,
        **means,
        "seconds": float(np.mean(seconds)),
    }


def boxes_of(row: dict[str, Any], analysis: Analysis) -> list[tuple[Target, list[float]]]:
    """The names that were found as annotated and have a box."""
    found = {(entity.start, entity.end): entity for entity in analysis.entities}
    boxed = [(found.get((gold["start"], gold["end"])), gold["box"]) for gold in row["entities"] if gold.get("box")]
    return [(name_target(entity), box) for entity, box in boxed if entity is not None]


def in_box(explanation: Explanation, box: list[float]) -> bool:
    """Whether the centre of the highest cell lies in a box given in percent of the picture."""
    row, column = divmod(int(np.argmax(explanation.cells)), GRID)
    x, y = 100 * (column + 0.5) / GRID, 100 * (row + 0.5) / GRID
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def read_pair(analyzer: Analyzer, row: dict[str, Any], images: Path, tallies: dict[str, Tally]) -> None:
    """Explain one pair by every method and count."""
    prepared = analyzer.prepare(row["text"], images / row["image"])
    analysis = analyzer.predict(prepared)
    moved = [
        name_target(entity)
        for entity in analysis.entities
        if abs(entity.confidence - entity.confidence_without_picture) >= MOVED
    ]
    targets = [ADDS, *moved]
    perturbed = PerturbedModel(analyzer, prepared, targets, "soft")
    curves: dict[bool, PerturbationCurves] = {}  # with lines of words as features, or without
    boxes = boxes_of(row, analysis)
    for method, tally in tallies.items():
        explanations = explain(analyzer, prepared, targets, method)
        lines = explanations[0].lines is not None
        if lines not in curves:
            curves[lines] = PerturbationCurves(perturbed, lines)
        for explanation, verdict in zip(explanations, curves[lines].verdicts(explanations), strict=True):
            kind = "relation" if explanation.target == ADDS else "entity"
            tally.verdicts[kind].append(verdict)
            tally.seconds[kind].append(explanation.seconds / len(targets))
        if boxes:
            pointed = explain(analyzer, prepared, [target for target, _ in boxes], method)
            tally.hits += [in_box(explanation, box) for explanation, (_, box) in zip(pointed, boxes, strict=True)]
            tally.chances += [(box[2] - box[0]) * (box[3] - box[1]) / 10_000 for _, box in boxes]


def table(tallies: dict[str, Tally]) -> str:
    """The figures as text."""
    lines = [
        "method               target     maps  better than 95 %      deletion (random)   insertion (random)  s/map"
    ]
    for method, tally in tallies.items():
        figures = tally.figures()
        for kind in ("relation", "entity"):
            row = figures[kind]
            if row["n"]:
                low, high = row["better_than_95_interval"]
                lines.append(
                    f"{method:20} {kind:8} {row['n']:6d}  {row['better_than_95']:.2f} [{low:.2f}, {high:.2f}]  "
                    f"{row['deletion']:9.3f} ({row['deletion_random']:7.3f})  {row['insertion']:9.3f} "
                    f"({row['insertion_random']:7.3f})  {row['seconds']:.2f}"
                )
        pointing = figures["pointing"]
        if pointing["n"]:
            share = pointing["hits"] / pointing["n"]
            lines.append(f"{method:20} pointing {pointing['n']:6d}  {share:.2f}, chance {pointing['chance']:.2f}")
    return "\n".join(lines)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="pair JSONL")
    parser.add_argument("--images", type=Path, help="picture folder (default: images/ beside the file)")
    parser.add_argument("--methods", nargs="+", default=list(DEFAULT), choices=list(METHODS))
    parser.add_argument("--limit", type=positive, help="only the first N pairs")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    add_checkpoint(parser)
    arguments = parser.parse_args()
    analyzer = Analyzer.from_pretrained(arguments.checkpoint)
    rows = [json.loads(line) for line in arguments.path.read_text(encoding="utf-8").splitlines()][: arguments.limit]
    tallies = {method: Tally() for method in arguments.methods}
    for row in tqdm(rows, unit="pair"):
        try:
            read_pair(analyzer, row, arguments.images or arguments.path.parent / "images", tallies)
        except UserError as error:
            print(f"{row.get('id')}: left out. {error}")
    print(f"checkpoint {analyzer.identity}, {len(rows)} pairs")
    print(table(tallies))
    if arguments.json is not None:
        result = {
            "benchmark": "faithfulness",
            "checkpoint": analyzer.identity,
            "methods": {method: tally.figures() for method, tally in tallies.items()},
        }
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
