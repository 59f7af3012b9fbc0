"""Does a tweet's word that also stands in its picture tell more of a name than the words alone?

    python benchmarks/shared_words.py DATA/tweetpairs

Reads every tweet without its picture. A logistic regression, fitted on the training pairs, then guesses whether a word
belongs to a name: from the model's probability alone, and with what is known of the picture's words beside it. Printed
are figures on the development pairs, for all words and for those that stand in the picture. What the second guess gains
is what a model could gain that reads both.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, recall_score, roc_auc_score

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package stands one folder up

from rpbert.cli.options import add_checkpoint
from rpbert.data.readers import Example, read_pairs
from rpbert.data.scene_lines import read_scene_file
from rpbert.evaluation.prediction import outputs
from rpbert.model.checkpoint import load_checkpoint
from rpbert.model.scene_text import shared_words

LEAST = 1e-5  # probability that is not taken for less


def rows_of(checkpoint: str, pairs: list[Example]) -> tuple[np.ndarray, np.ndarray]:
    """A row per word: (log-odds of a name by the words alone, stands in the picture, begins with a capital); and
    whether it belongs to a name, as annotated."""
    model, tokenizer = load_checkpoint(checkpoint)
    rows, named = [], []
    for indices, output in outputs(model, tokenizer, pairs):
        assert output.emissions is not None
        assert output.word_mask is not None
        outside = model.crf.marginals(output.emissions, output.word_mask)[:, :, 0]  # (B, W), the label O
        for index, chances in zip(indices, outside.tolist(), strict=True):
            pair = pairs[index]
            there = {word for line in pair.scene for word in shared_words(pair.words, line.text)}
            for word, chance in enumerate(chances[: len(pair.words)]):
                name = min(max(1 - chance, LEAST), 1 - LEAST)
                capital = pair.words[word].lstrip("#@")[:1].isupper()
                rows.append((np.log(name / (1 - name)), float(word in there), float(capital)))
                assert pair.labels is not None
                named.append(pair.labels[word] != "O")
    return np.array(rows), np.array(named)


def with_picture(rows: np.ndarray) -> np.ndarray:
    """The log-odds, and what standing in the picture may add to it, for large and small letters apart."""
    odds, there, capital = rows.T
    return np.stack([odds, there, there * odds, there * capital], axis=1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with train.jsonl, dev.jsonl and scene_text.jsonl")
    add_checkpoint(parser)
    arguments = parser.parse_args()
    known = read_scene_file(arguments.folder / "scene_text.jsonl")
    parts = []
    for name in ("train", "dev"):
        pairs = read_pairs(arguments.folder / f"{name}.jsonl")
        parts.append(rows_of(arguments.checkpoint, [replace(pair, scene=known.get(pair.id, ())) for pair in pairs]))
    (train, train_named), (dev, dev_named) = parts
    there = dev[:, 1] == 1
    print(f"{len(dev)} words, {there.sum()} of them in the picture, of these {dev_named[there].sum()} in a name")
    for title, features in (("words alone", lambda rows: rows[:, :1]), ("with the picture's words", with_picture)):
        guess = LogisticRegression(max_iter=2000).fit(features(train), train_named)
        chances = guess.predict_proba(features(dev))[:, 1]
        for which, chosen in (("all", np.ones_like(there)), ("in the picture", there)):
            truth, found = dev_named[chosen], chances[chosen] > 0.5
            print(
                f"{title:26} {which:15} F1 {f1_score(truth, found):.3f}  recall {recall_score(truth, found):.3f}  "
                f"AUC {roc_auc_score(truth, chances[chosen]):.3f}"
            )


if __name__ == "__main__":
    main()
