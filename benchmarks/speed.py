"""How long the steps behind the page take on this computer: medians in milliseconds, after one warm-up.

python benchmarks/speed.py [--runs 20] [--json FILE]
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

from rpbert.analyzer import Analyzer
from rpbert.explain.faithfulness import PerturbationCurves
from rpbert.explain.methods import METHOD_NAMES, METHODS, explain
from rpbert.explain.perturbed import PerturbedModel
from rpbert.explain.targets import targets_of
from rpbert.explain.what_if import scan_gate
from rpbert.model.pictures import open_picture
from rpbert.shipped import DEFAULT_CHECKPOINT
from rpbert.ui.samples import load_samples


def median_ms(step: Callable[[], object], runs: int) -> float:
    """The median of `runs` calls, in milliseconds."""
    step()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def main() -> None:
    """Time each step on the first sample and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    runs = arguments.runs
    began = time.perf_counter()
    analyzer = Analyzer.from_pretrained(DEFAULT_CHECKPOINT)
    loading = 1000 * (time.perf_counter() - began)
    sample = load_samples()[0]
    assert sample.picture is not None
    picture = open_picture(sample.picture)
    prepared = analyzer.prepare(sample.text, picture)
    analysis = analyzer.predict(prepared)
    targets = targets_of(analysis)

    def unseen() -> None:
        analyzer.forget_pictures()
        analyzer.analyze(sample.text, picture)

    rows = {
        "load the checkpoint (once)": loading,
        "analyse a tweet and a picture not seen before": median_ms(unseen, runs),
        "analyse it again with another gate (regions cached)": median_ms(lambda: analyzer.predict(prepared, 0.3), runs),
        "analyse the tweet without its picture": median_ms(lambda: analyzer.analyze(sample.text), runs),
        "every name at 21 gates": median_ms(lambda: scan_gate(analyzer, prepared, analysis.entities), runs),
    }
    few = max(1, runs // 5)  # these take longer
    for method in METHODS:
        if method != "shapley":  # half a minute
            rows[f"{METHOD_NAMES[method]} for all {len(targets)} targets together"] = median_ms(
                lambda method=method: explain(analyzer, prepared, targets, method), few
            )
    for name, some in (("a relation's", targets[:1]), ("a name's", targets[1:])):
        rows[f"the verdict on {name} map"] = median_ms(
            lambda some=some: PerturbationCurves(PerturbedModel(analyzer, prepared, some, "soft")).verdict(
                explain(analyzer, prepared, some)[0]
            ),
            few,
        )
    print(f"{torch.get_num_threads()} threads, median of {runs} runs")
    for name, value in rows.items():
        print(f"{name:52} {value:8.0f} ms")
    if arguments.json is not None:
        table = {name: {"milliseconds": round(value)} for name, value in rows.items()}
        result = {"benchmark": "speed", "checkpoint": analyzer.identity, "rows": table}
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
