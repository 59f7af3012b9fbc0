"""How cost grows: with the word pieces of a tweet, the names in it, the users at once, the pairs in a run.

    python benchmarks/growth.py [--json FILE] [--plot FILE.svg]

- Word pieces: the tweets of the examples one behind the other, cut to a length. Timed are a reading beside a picture
  seen before, and the occlusion maps of "the picture adds" and of the first name, made together.
- Names: the occlusion maps of the first names of one tweet of 48 word pieces, made together.
- Users at once: each asks the running app for readings, and every tenth time for the maps of a tweet, as in
  `benchmarks/load.py`, but of a few examples.
- Pairs in a run: the error set through the runner behind the tab Errors. Every pair has a picture of its own, and the
  words in it are read. The memory is that of this program at its peak so far, so these runs come first (Linux only).

Please run it with nothing else running: it takes about four minutes on two cores.
"""

import argparse
import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package stands one folder up

from benchmarks.growth_plot import Table, Tables, draw
from benchmarks.load import Crowd
from benchmarks.serving import RunningApp, megabytes
from benchmarks.speed import milliseconds
from rpbert.analyzer import Analyzer, Prepared
from rpbert.data.readers import Example
from rpbert.data.uploads import DataSet, read_data_set
from rpbert.evaluation.run import Runner
from rpbert.explain.methods import explain
from rpbert.explain.targets import ADDS, Target, name_target
from rpbert.model.texts import MAX_CHARACTERS, split_words, to_pieces
from rpbert.shipped import ASSETS, DEFAULT_CHECKPOINT
from rpbert.ui.samples import load_samples

PIECES = (8, 16, 32, 64, 128)
NAMES, NAMES_PIECES = (1, 2, 4, 8), 48
USERS, SECONDS, EXAMPLES = (1, 4, 16), 20, 4  # how long each crowd asks, of how many examples
PAIRS = (10, 20, 40, 80)
READINGS, MAPS = 11, 3  # how often each is timed


def long_text() -> str:
    """The examples' tweets one behind the other, each once."""
    return " ".join(dict.fromkeys(sample.text for sample in load_samples()))


def cut_to(analyzer: Analyzer, text: str, pieces: int) -> str:
    """The first words of `text`, repeated where it is too short, that have at most so many word pieces."""
    endless = " ".join([text] * pieces)[:MAX_CHARACTERS]
    words = split_words(endless)
    limit = pieces + 2  # with [CLS] and [SEP], which are no words
    return endless[: words[to_pieces(analyzer.tokenizer, [word.text for word in words], limit).words - 1].end]


def median(step: Callable[[], object], runs: int) -> float:
    """Of the milliseconds of so many calls."""
    return round(statistics.median(milliseconds(step) for _ in range(runs)))


def map_median(analyzer: Analyzer, prepared: Prepared, targets: Sequence[Target]) -> float:
    """As `median`, of the occlusion maps of all targets together."""
    return median(lambda: explain(analyzer, prepared, targets, "occlusion"), MAPS)


def by_pieces(analyzer: Analyzer) -> Table:
    """Times by how many word pieces the tweet has."""
    picture, table = load_samples()[0].picture, {}
    for pieces in PIECES:
        text = cut_to(analyzer, long_text(), pieces)
        prepared = analyzer.prepare(text, picture)
        targets = [ADDS, name_target(analyzer.predict(prepared).entities[0])]
        count = prepared.texts.input_ids.shape[1] - 2
        reading = median(partial(analyzer.analyze, text, picture), READINGS)
        table[str(count)] = {"reading, ms": reading, "map, ms": map_median(analyzer, prepared, targets)}
    return table


def by_names(analyzer: Analyzer) -> Table:
    """Times by how many names have a map; the tweet is the same."""
    prepared = analyzer.prepare(cut_to(analyzer, long_text(), NAMES_PIECES), load_samples()[0].picture)
    names = analyzer.predict(prepared).entities
    if len(names) < max(NAMES):
        raise SystemExit(f"Only {len(names)} names are found in the tweet of benchmarks/growth.py; please lengthen it.")
    targets = [name_target(name) for name in names]
    return {str(count): {"map, ms": map_median(analyzer, prepared, targets[:count])} for count in NAMES}


def by_users(app: RunningApp) -> Table:
    """Waits by how many users ask at once."""
    crowd, table = Crowd(app, load_samples()[:EXAMPLES]), {}
    for users in USERS:
        for client in crowd.begin(users, SECONDS):
            client.join()
        table[str(users)] = {
            f"{kind}, {name}, s": round(of(waits), 2)
            for kind, waits in crowd.waits.items()
            for name, of in (("median", statistics.median), ("slowest", max))
        }
        if crowd.errors:
            raise SystemExit(f"The app gave an error to one of {users} users: {crowd.errors[0]}")
    return table


def error_set(pairs: int, folder: Path) -> DataSet:
    """So many pairs of the error set, from the first again after the last, each with its own copy of the picture."""
    known = read_data_set(ASSETS / "error_set" / "pairs.jsonl").examples
    examples: list[Example] = []
    for number, example in enumerate(islice(cycle(known), pairs)):
        assert example.picture is not None
        picture = folder / f"{number}{example.picture.suffix}"
        shutil.copy(example.picture, picture)
        examples.append(replace(example, id=str(number), picture=picture))
    return DataSet("pairs.jsonl", tuple(examples), ())


def by_pairs(analyzer: Analyzer) -> Table:
    """Seconds of a run, and the peak of memory, by how many pairs it reads."""
    table = {}
    for pairs in PAIRS:
        with TemporaryDirectory() as folder:
            data = error_set(pairs, Path(folder))
            runner = Runner(analyzer.model, analyzer.tokenizer, analyzer.identity, data)
            began = time.perf_counter()
            *_, last = runner.run(Path(folder) / "results.jsonl")
            assert last.done == pairs
            seconds = round(time.perf_counter() - began, 1)
        table[str(pairs)] = {"run, s": seconds, "peak memory, MB": megabytes("self", "VmHWM")}
    return table


def measured(analyzer: Analyzer) -> Tables:
    """All four, by what grows."""
    pairs = by_pairs(analyzer)
    tables = {"word pieces": by_pieces(analyzer), "names": by_names(analyzer)}
    with RunningApp() as app:
        return {**tables, "users at once": by_users(app), "pairs in a run": pairs}


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--plot", type=Path, help="draw them into this SVG file")
    arguments = parser.parse_args()
    analyzer = Analyzer.from_pretrained(DEFAULT_CHECKPOINT)
    tables = measured(analyzer)
    for grows, table in tables.items():
        for size, row in table.items():
            print(f"{grows:15} {size:>4}", *(f"{value:8g} ({column})" for column, value in row.items()))
    if arguments.json is not None:
        result = {"benchmark": "growth", "checkpoint": analyzer.identity, "tables": tables}
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if arguments.plot is not None:
        draw(tables, arguments.plot)


if __name__ == "__main__":
    main()
