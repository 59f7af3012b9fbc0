"""How long the steps behind the page take on this computer: medians and 95th percentiles in milliseconds.

    python benchmarks/speed.py [--runs 30] [--json FILE]

Every step is run once before it is timed. Beside it stand two others of the same run:

- the floor: the step's multiply-adds over the rate at which this computer multiplies two large matrices. Reading words
  in a picture is not counted;
- the same step on BERT-base with ResNet-152, the networks of the paper, with random weights, and how many times as long
  it takes. Three runs, without reading words in the picture.

First the app is started as a program of its own: seconds to the first analysis that it serves, and its memory (Linux
only). Please run it with nothing else running.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedTokenizerBase

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package stands one folder up

from benchmarks.serving import LIBRARIES, RunningApp, seconds_of
from rpbert.analysis import Entity
from rpbert.analyzer import Analyzer
from rpbert.explain.faithfulness import PerturbationCurves
from rpbert.explain.methods import METHOD_NAMES, METHODS, Explanation, explain
from rpbert.explain.perturbed import PerturbedModel
from rpbert.explain.targets import BELONGS, Target, targets_of
from rpbert.explain.what_if import scan_gate
from rpbert.model.configuration import preset_config
from rpbert.model.modeling import RpBert
from rpbert.model.pictures import open_picture
from rpbert.shipped import DEFAULT_CHECKPOINT
from rpbert.ui.samples import SAMPLES

Row = dict[str, float]

# One tweet for good, not the page's first example, which changes: so that figures of other days can be compared.
TWEET, PICTURE = "Jordan was amazing, back in London now", SAMPLES / "picos_de_europa.jpg"
SIDE = 2048
UNREAD, GATE = "the same, without reading words in the picture", "another gate, the picture seen before"
COMPARED, COMPARED_RUNS = (UNREAD, GATE, "a tweet without a picture", "Occlusion, all targets together"), 3


def milliseconds(step: Callable[[], object]) -> float:
    """Of one call."""
    began = time.perf_counter()
    step()
    return 1000 * (time.perf_counter() - began)


def timed(step: Callable[[], object], runs: int) -> Row:
    """Median and 95th percentile of `runs` calls, in milliseconds."""
    step()
    times = [milliseconds(step) for _ in range(runs)]
    return {"median, ms": round(statistics.median(times)), "95 %, ms": round(statistics.quantiles(times, n=20)[-1])}


def multiply_rate() -> float:
    """Multiply-adds a millisecond of a product of two matrices of 2,048 rows and columns."""
    one, other = torch.randn(2, SIDE, SIDE)
    return SIDE**3 / statistics.median(milliseconds(lambda: one @ other) for _ in range(10))


def multiply_adds(step: Callable[[], object]) -> float:
    """Of all matrix products and convolutions of one call."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops() / 2


def paper_model(tokenizer: PreTrainedTokenizerBase) -> Analyzer:
    """BERT-base and ResNet-152 as in the paper, with random weights."""
    return Analyzer(RpBert(preset_config("paper")).eval(), tokenizer, "random weights")


def rows_of(runs: int) -> dict[str, Row]:
    """Every step of the shipped model, with its floor and the same step of the larger one."""
    ours = Analyzer.from_pretrained(DEFAULT_CHECKPOINT)
    analysis = ours.analyze(TWEET, PICTURE)
    targets, names = targets_of(analysis), analysis.entities
    larger = steps(paper_model(ours.tokenizer), [target for target in targets if target != BELONGS], names)
    rate, rows = multiply_rate(), {}
    for name, step in steps(ours, targets, names).items():
        rows[name] = timed(step, runs) | {"floor, ms": round(multiply_adds(step) / rate)}
        if name in COMPARED:
            times = timed(larger[name], COMPARED_RUNS)["median, ms"]
            rows[name] |= {"BERT-base, ms": times, "times as long": round(times / rows[name]["median, ms"], 1)}
    return rows


def steps(analyzer: Analyzer, targets: list[Target], names: Sequence[Entity]) -> dict[str, Callable[[], object]]:
    """Every step of the page on one tweet with its picture."""
    picture = open_picture(PICTURE)
    prepared = analyzer.prepare(TWEET, picture)

    def unseen(read: bool) -> None:
        analyzer.forget_pictures()
        analyzer.predict(analyzer.prepare(TWEET, picture, None if read else ()))

    def verdict(map_of_target: Sequence[Explanation]) -> None:
        curves = PerturbationCurves(PerturbedModel(analyzer, prepared, [map_of_target[0].target], "soft"))
        curves.verdicts(map_of_target)

    def both(target: Target) -> None:
        verdict(explain(analyzer, prepared, [target]))

    found: dict[str, Callable[[], object]] = {
        "a new tweet and picture": lambda: unseen(True),
        UNREAD: lambda: unseen(False),
        GATE: lambda: analyzer.predict(prepared, 0.3),
        "a tweet without a picture": lambda: analyzer.analyze(TWEET),
        "every name at 21 gates": lambda: scan_gate(analyzer, prepared, names),
    }
    for method in METHODS:
        if method != "shapley":  # half a minute each
            found[f"{METHOD_NAMES[method]}, all targets together"] = partial(
                explain, analyzer, prepared, targets, method
            )
    for name, target in (("relation", targets[0]), ("name", targets[-1])):
        found[f"the verdict on a {name}'s map"] = partial(verdict, explain(analyzer, prepared, [target]))
        found[f"a {name}'s map, and the verdict on it"] = partial(both, target)
    return found


def start_up() -> dict[str, Row]:
    """The app as a program of its own: seconds to the first analysis served, of which the libraries; memory."""
    libraries = seconds_of(LIBRARIES)
    with RunningApp() as app:
        app.analyze("Obama visits Paris", None)
        begun = app.seconds()
        rest = app.memory("VmRSS")
        app.explain(TWEET, PICTURE)
        return {
            "from `python app.py` to the first analysis served": {"median, ms": round(1000 * begun)},
            "of it, importing the libraries": {"median, ms": round(1000 * libraries)},
            "memory at rest": {"MB": rest},
            "memory at its peak, after maps": {"MB": app.memory("VmHWM")},
        }


def main() -> None:
    """Time everything, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    rows = start_up() | rows_of(arguments.runs)
    print(f"{torch.get_num_threads()} threads, {arguments.runs} runs; the first four rows: one run")
    for name, row in rows.items():
        print(f"{name:52}", *(f"{value:8g} ({key})" for key, value in row.items()))
    if arguments.json is not None:
        result = {"benchmark": "speed", "checkpoint": Analyzer.from_pretrained(DEFAULT_CHECKPOINT).identity}
        arguments.json.write_text(json.dumps(result | {"rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
