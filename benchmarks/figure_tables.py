"""Markdown tables of the figures of a checkpoint, from figures.json and history.json (see `benchmarks/figures.py`).

A row whose figures are not there (another model, a command that was not run) is left out.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Figures = dict[str, Any]
PAIRS = "tweetpairs/dev.jsonl"


@dataclass(frozen=True)
class Row:
    """One line of a table of figures."""

    command: str  # what stands behind `rpbert evaluate DATA/`
    data: str
    figure: str
    keys: tuple[str, ...]  # where the numbers stand in the command's result, keys joined by dots
    form: str = "{:.3f}"  # how they are shown
    headline: bool = False  # whether README shows it

    def value(self, figures: Figures) -> str | None:
        """The numbers as text, None when one is not there."""
        numbers = [_at(figures["evaluations"].get(self.command), key) for key in self.keys]
        return None if None in numbers else self.form.format(*numbers)


def _at(result: Any, key: str) -> float | None:
    for part in key.split("."):
        if not isinstance(result, dict) or part not in result:
            return None
        result = result[part]
    return result


def _three(task: str) -> tuple[str, ...]:
    return tuple(f"relation.{task}.{figure}" for figure in ("auc", "accuracy", "f1"))


def _difference(reading: str) -> tuple[str, ...]:
    return tuple(f"picture.own_minus_{reading}.{bound}" for bound in ("difference", "low", "high"))


INTERVAL = "{:+.3f} [{:+.3f}, {:+.3f}]"
T15, T17 = (f"Twitter-{year} valid" for year in (2015, 2017))
TP = "TweetPairs dev"
F1, F1_KEYS, F1_FORM = "strict F1 (lenient F1)", ("ner.strict.f1", "ner.lenient.f1"), "{:.3f} ({:.3f})"
THREE = "{:.3f}, {:.3f}, {:.3f}"
CALIBRATION = "calibration error of "
SWAPPED = "own picture versus another tweet's: AUC by "

ROWS = (
    Row("twitter2015/valid.txt", T15, F1, F1_KEYS, F1_FORM, headline=True),
    Row("twitter2015/valid.txt", T15, CALIBRATION + "the confidence of names", ("ner.ece",)),
    Row("twitter2017/valid.txt", T17, F1, F1_KEYS, F1_FORM, headline=True),
    Row("twitter2017/valid.txt", T17, CALIBRATION + "the confidence of names", ("ner.ece",)),
    Row(PAIRS, TP, "strict F1, soft gate", ("ner.strict.f1",), headline=True),
    Row(f"{PAIRS} --gate closed", TP, "strict F1, gate closed", ("ner.strict.f1",), headline=True),
    Row(PAIRS, TP, "F1 with the picture minus without it", _difference("without"), INTERVAL, headline=True),
    Row(PAIRS, TP, "F1 with the picture minus with another tweet's", _difference("swapped"), INTERVAL, headline=True),
    Row(PAIRS, TP, "`image_adds`: AUC, accuracy, F1", _three("image_adds"), THREE, headline=True),
    Row(PAIRS, TP, "`text_represented`: AUC, accuracy, F1", _three("text_represented"), THREE, headline=True),
    Row(PAIRS, TP, CALIBRATION + "P(belongs)", ("relation.belongs.ece",)),
    Row(PAIRS, TP, CALIBRATION + "`image_adds`", ("relation.image_adds.ece",)),
    Row(PAIRS, TP, CALIBRATION + "`text_represented`", ("relation.text_represented.ece",)),
    Row(PAIRS, TP, CALIBRATION + "the confidence of names", ("ner.ece",)),
    Row(PAIRS, TP, "own picture versus another tweet's: AUC", ("relation.swapped_auc",), headline=True),
    Row(PAIRS, TP, SWAPPED + "P(belongs)", ("relation.swapped_auc_by.belongs",)),
    Row(PAIRS, TP, SWAPPED + "the similarity of the matching vectors", ("relation.swapped_auc_by.similarity",)),
    Row(PAIRS, TP, SWAPPED + "P(adds)", ("relation.swapped_auc_by.image_adds",)),
    Row(PAIRS, TP, SWAPPED + "P(shows)", ("relation.swapped_auc_by.text_represented",)),
    Row(PAIRS, TP, SWAPPED + "the soft gate, where the picture adds", ("relation.gate_swapped_auc_where_adds",)),
    Row("flickr8k/dev.tsv", "Flickr8k dev", "a photograph's caption versus another's: AUC", ("relation.matched.auc",)),
)

SLICES = {"own": "own picture", "without": "no picture", "swapped": "another tweet's"}
RELATION, NAMES = "relation", "entity"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def full(figures: Figures, history: Figures) -> str:
    """Every figure, with the command that gives it."""
    shown = [(row, value) for row in ROWS if (value := row.value(figures)) is not None]
    cells = [(row.data, row.figure, value, f"`rpbert evaluate DATA/{row.command}`") for row, value in shown]
    return _table(("data", "figure", "value", "command"), cells)


def headline(figures: Figures, history: Figures) -> str:
    """The figures that matter most."""
    shown = [(row, value) for row in ROWS if row.headline and (value := row.value(figures)) is not None]
    return _table(("data", "figure", "value"), [(row.data, row.figure, value) for row, value in shown])


def slices(figures: Figures, history: Figures) -> str:
    """Names of TweetPairs dev by kind of tweet and name, with the own picture, none and another tweet's."""
    result = figures["evaluations"].get(PAIRS, {}).get("picture", {}).get("slices")
    if result is None:
        return "Not measured yet."
    rows = [[name, *(_number(result[reading].get(name)) for reading in SLICES)] for name in result["own"]]
    return _table(("names of TweetPairs dev", *SLICES.values()), rows)


def training(figures: Figures, history: Figures) -> str:
    """What history.json says of the run that made the checkpoint, and of the run before it."""
    before = history.get("before", {"epochs": []})
    epochs = [*before["epochs"], *history["epochs"]]
    columns = [name for name in epochs[0]["dev"] if name != "mean"]
    head = [name.replace("/valid.txt strict F1", "").replace("pairs strict F1", "TweetPairs") for name in columns]
    rows = [
        [
            f"epoch {number}" if epoch["loss"] else "new tower and picture map",
            *(f"{epoch['dev'][name]:.3f}" for name in columns),
            f"{epoch['dev']['mean']:.3f}",
            f"{sum(epoch['seconds'].values()) / 60:.0f}",
            f"{epoch['memory_mb'] / 1024:.1f}",
        ]
        for number, epoch in enumerate(epochs, start=1)
    ]
    if teacher := history.get("teacher", before.get("teacher")):
        given = [f"{teacher[name]:.3f}" if name in teacher else "" for name in columns]
        rows.insert(0, ["teacher, words alone", *given, "", "", ""])
    return _table(["", *head, "mean", "minutes", "memory, GB"], rows)


def faithfulness(figures: Figures, history: Figures) -> str:
    """`benchmarks/faithfulness.py`: which maps beat random orders of the cells."""
    result = figures["benchmarks"].get("faithfulness")
    if result is None:
        return "Not measured yet."
    rows = []
    for method, kinds in result["methods"].items():
        for kind, target in ((RELATION, "relation"), (NAMES, "names")):
            row = kinds[kind]
            if row["n"]:
                low, high = row["better_than_95_interval"]
                rows.append(
                    (
                        method.replace("_", " "),
                        target,
                        str(row["n"]),
                        f"{row['better_than_95']:.2f} [{low:.2f}, {high:.2f}]",
                        f"{row['deletion']:.3f} ({row['deletion_random']:.3f})",
                        f"{row['insertion']:.3f} ({row['insertion_random']:.3f})",
                    )
                )
    head = (
        "method",
        "target",
        "maps",
        "maps that beat 95 %",
        "deletion (lower is better)",
        "insertion (higher is better)",
    )
    return _table(head, rows)


def belongs(figures: Figures, history: Figures) -> str:
    """`benchmarks/belongs.py`: P(belongs) of tweets with a fitting, a related and an unrelated photograph."""
    result = figures["benchmarks"].get("belongs")
    if result is None:
        return "Not measured yet."
    tweets = f"of {len(result['rows'])} tweets"
    highest = f"P(belongs) is highest for the fitting picture in {result['highest_for_fitting']} {tweets}."
    below = f"For the unrelated picture it is below one half in {result['unrelated_under_half']} {tweets}."
    return f"{highest} {below}\n\n{benchmark_table(result)}"


def growth(figures: Figures, history: Figures) -> str:
    """`benchmarks/growth.py`: a table for each thing that grows."""
    result = figures["benchmarks"].get("growth")
    if result is None:
        return "Not measured yet."
    return "\n\n".join(_by_label(grows, rows) for grows, rows in result["tables"].items())


def example(figures: Figures, history: Figures) -> str:
    """A command and what it prints."""
    shown = figures["example"]
    return "\n".join(f"    {line}" for line in (f"$ {shown['command']}", *shown["output"]))


def benchmark_table(result: Figures | None) -> str:
    """Any other benchmark: its `rows`, numbers by column by label."""
    if result is None:
        return "Not measured yet."
    return _by_label("", result["rows"])


def _by_label(head: str, rows: dict[str, dict[str, Any]]) -> str:
    """Numbers by column by label; `head` stands above the labels."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))  # of all rows, in order
    lines = [[label, *(_number(row.get(column)) for column in columns)] for label, row in rows.items()]
    return _table([head, *columns], lines)


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 10 else f"{value:.3f}"
    return "" if value is None else str(value)


TABLES: dict[str, Callable[[Figures, Figures], str]] = {
    "full": full,
    "headline": headline,
    "belongs": belongs,
    "example": example,
    "slices": slices,
    "training": training,
    "faithfulness": faithfulness,
    "growth": growth,
}
