"""How long the steps behind the page take on this computer: medians and 95th percentiles in milliseconds.

    python benchmarks/speed.py [--runs 30] [--json FILE]

Every step is run once before it is timed. At the end the app is started as a program of its own: seconds to the first
analysis that it serves, and its memory (Linux only). Please run it with nothing else running.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package stands one folder up

from serving import LIBRARIES, RunningApp, seconds_of

from rpbert.analyzer import Analyzer
from rpbert.explain.faithfulness import PerturbationCurves
from rpbert.explain.methods import METHOD_NAMES, METHODS, explain
from rpbert.explain.perturbed import PerturbedModel
from rpbert.explain.targets import targets_of
from rpbert.explain.what_if import scan_gate
from rpbert.model.pictures import open_picture
from rpbert.shipped import DEFAULT_CHECKPOINT
from rpbert.ui.samples import load_samples

Row = dict[str, float]


def timed(step: Callable[[], object], runs: int) -> Row:
    """Median and 95th percentile of `runs` calls, in milliseconds."""
    step()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - began))
    return {"median, ms": round(statistics.median(times)), "95 %, ms": round(statistics.quantiles(times, n=20)[-1])}


def steps(runs: int) -> dict[str, Row]:
    """Every step of the page on its first example."""
    sample = load_samples()[0]
    assert sample.picture is not None
    picture = open_picture(sample.picture)
    analyzer = Analyzer.from_pretrained(DEFAULT_CHECKPOINT)
    prepared = analyzer.prepare(sample.text, picture)
    analysis = analyzer.predict(prepared)
    targets = targets_of(analysis)

    def unseen(read: bool) -> None:
        analyzer.forget_pictures()
        analyzer.predict(analyzer.prepare(sample.text, picture, None if read else ()))

    def verdict(some: int) -> None:
        curves = PerturbationCurves(PerturbedModel(analyzer, prepared, [targets[some]], "soft"))
        curves.verdicts(explain(analyzer, prepared, [targets[some]]))

    rows = {
        "a new tweet and picture": timed(lambda: unseen(True), runs),
        "the same, without reading words in the picture": timed(lambda: unseen(False), runs),
        "another gate, the picture seen before": timed(lambda: analyzer.predict(prepared, 0.3), runs),
        "a tweet without a picture": timed(lambda: analyzer.analyze(sample.text), runs),
        "every name at 21 gates": timed(lambda: scan_gate(analyzer, prepared, analysis.entities), runs),
    }
    for method in METHODS:
        if method != "shapley":  # half a minute each
            rows[f"{METHOD_NAMES[method]}, {len(targets)} targets together"] = timed(
                lambda method=method: explain(analyzer, prepared, targets, method), runs
            )
    rows["the verdict on a relation's map"] = timed(lambda: verdict(0), runs)
    rows["the verdict on a name's map"] = timed(lambda: verdict(len(targets) - 1), runs)
    return rows


def start_up() -> dict[str, Row]:
    """The app as a program of its own: seconds to the first analysis served, of which the libraries; memory."""
    libraries = seconds_of(f"import {LIBRARIES}")
    with RunningApp() as app:
        app.analyze("Obama visits Paris", None)
        begun = app.seconds()
        rest = app.memory("VmRSS")
        sample = load_samples()[0]
        app.explain(sample.text, sample.picture)
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
    rows = start_up() | steps(arguments.runs)
    print(f"{torch.get_num_threads()} threads, {arguments.runs} runs; the first four rows: one run")
    for name, row in rows.items():
        print(f"{name:52}", *(f"{value:8.0f} ({key})" for key, value in row.items()))
    if arguments.json is not None:
        result = {"benchmark": "speed", "checkpoint": Analyzer.from_pretrained(DEFAULT_CHECKPOINT).identity}
        arguments.json.write_text(json.dumps(result | {"rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
