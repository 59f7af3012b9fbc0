"""What a recipe names -> examples: every data set of a run, read before it begins."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rpbert.data.readers import Example, read_captions, read_conll, read_lines, read_pairs
from rpbert.data.relation_csv import read_relation_csv
from rpbert.data.scene_lines import read_scene_file, with_scenes
from rpbert.errors import UserError
from rpbert.evaluation.metrics import SWAPS
from rpbert.training.recipe import Recipe, Teacher, Tower

OTHER_NAME = {"dev.txt": "valid.txt", "valid.txt": "dev.txt"}  # Twitter-2015 and 2017 go round with either


def file_of(data: Path, name: str) -> Path:
    """The file that a recipe's `name` means; where it is missing, the development set of the other usual name;
    without the `#train` or `#test` of a CSV."""
    path = data / name.partition("#")[0]
    other = path.with_name(OTHER_NAME.get(path.name, path.name))
    return path if path.exists() or not other.exists() else other


def read_sets(recipe: Recipe, data: Path) -> dict[str, Any]:
    """Lists of examples or captions: `pairs`, `captions`, `tweets`, `taught` (more labelled tweets), `unlabelled`,
    `sentences` (for the tower), `dev_pairs`; and `dev_tweets`, a list per name.

    Raises `UserError` as the readers do, and when epochs could not be compared by the development sets.
    """
    sets: dict[str, Any] = {
        "pairs": [example for name in recipe.pairs for example in _read_pairs(data, name)],
        "captions": [caption for name in recipe.captions for caption in read_captions(data / name) if caption.match],
        "tweets": [example for name in recipe.tweets for example in _read_tweets(recipe, data, name)],
        "taught": [tweet for name in recipe.teacher.labelled for tweet in read_conll(file_of(data, name))],
        "unlabelled": _read_unlabelled(recipe.teacher, data),
        "sentences": _read_unlabelled(recipe.tower, data),
        "dev_pairs": _read_pairs(data, recipe.dev.pairs),
        "dev_tweets": {name: _read_tweets(recipe, data, name) for name in recipe.dev.tweets},
    }
    dev = sets["dev_pairs"]
    labelled = [pair for pair in dev if pair.labels is not None]
    named = len(labelled) == len(dev) or (not labelled and sets["dev_tweets"])
    related = all({getattr(pair, task) for pair in dev} >= {0, 1} for task in ("image_adds", "text_represented"))
    if not (named and related and len(dev) > SWAPS):
        raise UserError(
            f"{data / recipe.dev.pairs}: epochs are compared on more than {SWAPS} pairs, with both values of "
            "image_adds and text_represented among them, and all with entities (or none, if there are dev tweets)."
        )
    return sets


def add_scenes(sets: dict[str, Any], recipe: Recipe, data: Path, cache: Path) -> None:
    """Give every tweet with a picture the words in it: those of the pairs from the recipe's files, by their ids; what
    these do not have is read now, and kept in the folder `cache`. In place."""
    known = {id_: lines for name in recipe.scene_text for id_, lines in read_scene_file(data / name).items()}
    for name in ("pairs", "dev_pairs"):
        sets[name] = with_scenes(sets[name], known, cache)
    sets["tweets"] = with_scenes(sets["tweets"], {}, cache)
    sets["dev_tweets"] = {name: with_scenes(tweets, {}, cache) for name, tweets in sets["dev_tweets"].items()}


def pictures_of(sets: dict[str, Any]) -> Iterator[Path]:
    """The pictures of all sets."""
    tweets = [*sets["tweets"], *(example for examples in sets["dev_tweets"].values() for example in examples)]
    for source in [*sets["pairs"], *sets["captions"], *sets["dev_pairs"], *tweets]:
        if source.picture is not None:
            yield source.picture


def words_of(sets: dict[str, Any]) -> set[str]:
    """The words of all tweets, as they are written and in small letters."""
    tweets = [*sets["tweets"], *(example for examples in sets["dev_tweets"].values() for example in examples)]
    every = [*sets["pairs"], *sets["dev_pairs"], *sets["taught"], *sets["unlabelled"], *tweets]
    words = {word for example in every for word in example.words}
    return words | {word.lower() for word in words}


def fingerprints(recipe: Recipe, data: Path) -> dict[str, str]:
    """SHA-256 of every file that the recipe names."""
    teacher, tower = recipe.teacher, recipe.tower
    learned = [*recipe.pairs, *recipe.scene_text, *recipe.captions, *recipe.tweets]
    read = [*teacher.labelled, *teacher.unlabelled, *teacher.lines, *tower.unlabelled, *tower.lines]
    names = [*learned, *read, recipe.dev.pairs, *recipe.dev.tweets]
    return {name: hashlib.sha256(file_of(data, name).read_bytes()).hexdigest() for name in names}


def _read_pairs(data: Path, name: str) -> list[Example]:
    path = data / name
    return read_relation_csv(path) if path.suffix.startswith(".csv") else read_pairs(path)  # data.csv#train


def _read_unlabelled(settings: Teacher | Tower, data: Path) -> list[Example]:
    tweets = [tweet for name in settings.unlabelled for tweet in read_conll(file_of(data, name))]
    return tweets + [tweet for name in settings.lines for tweet in read_lines(data / name)]


def _read_tweets(recipe: Recipe, data: Path, name: str) -> list[Example]:
    path = file_of(data, name)
    return read_conll(path, path.parent / "images" if recipe.tweet_pictures else None)
