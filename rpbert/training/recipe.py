"""A training recipe: one readable TOML file, checked key by key."""

import tomllib
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from rpbert.errors import UserError
from rpbert.model.configuration import PRESETS


@dataclass(frozen=True)
class Dev:
    """What epochs are compared by."""

    pairs: str
    tweets: list[str]


@dataclass(frozen=True)
class Features:
    """What is known of a word besides the text encoder's states; see `rpbert.model.word_features`."""

    characters: int
    static_vectors: str


@dataclass(frozen=True)
class Alignment:
    """The stage before the two tasks; no epochs leave it out."""

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    region_dropout: float


@dataclass(frozen=True)
class Teacher:
    """The larger tagger, trained first and learned from; see `rpbert.training.teacher`. No weights leave it out."""

    weights: str
    epochs: int
    learning_rate: float
    share: float
    unlabelled: list[str]


@dataclass(frozen=True)
class Multitask:
    """The stage that learns both tasks."""

    epochs: int
    interleave: bool
    tweet_batch: int
    relation_batch: int
    encoder_learning_rate: float
    head_learning_rate: float
    weight_decay: float
    warmup: float
    clip: float
    average: float
    gate: str
    detach_gate: bool
    text_only: float
    masked: float
    lower_cased: float
    hashtags: float
    visible_weight: float
    swapped: float
    swapped_weight: float
    relation_weight: float


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run, but for the folders."""

    preset: str
    seed: int
    pairs: list[str]
    captions: list[str]
    tweets: list[str]
    tweet_pictures: bool
    dev: Dev
    features: Features
    alignment: Alignment
    teacher: Teacher
    multitask: Multitask


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file; `UserError` for a key too many, too few or of a wrong type."""
    try:
        table = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise UserError(f"There is no recipe {path}. Please check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"The recipe {path} is not valid TOML: {error}") from error
    recipe = _build(Recipe, table, str(path))
    assert isinstance(recipe, Recipe)
    if recipe.preset not in PRESETS:
        raise UserError(f"{path}: the preset {recipe.preset!r} is none of {', '.join(PRESETS)}.")
    if recipe.teacher.unlabelled and not recipe.teacher.weights:
        raise UserError(f"{path}: unlabelled tweets need a teacher that reads them. Set weights under [teacher].")
    if recipe.features.characters < 0 or recipe.features.characters % 2:
        raise UserError(f"{path}: characters must be 0 or an even number, half of it for each reading direction.")
    return recipe


def _build(kind: Any, table: dict[str, Any], where: str) -> Any:
    types = get_type_hints(kind)
    names = {field.name for field in fields(kind)}
    for wrong, what in ((set(table) - names, "is not known"), (names - set(table), "is missing")):
        if wrong:
            raise UserError(f"{where}: the key {min(wrong)!r} {what}.")
    values = {}
    for name, value in table.items():
        wanted = types[name]
        if is_dataclass(wanted):
            if not isinstance(value, dict):
                raise UserError(f"{where}: {name} = {value!r} is not a section with keys of its own.")
            values[name] = _build(wanted, value, f"{where}, [{name}]")
            continue
        plain = list if wanted not in (str, int, float, bool) else wanted
        fits = isinstance(value, int | float if wanted is float else plain)
        if plain is list:
            fits = fits and all(isinstance(element, str) for element in value)
        if not fits or (isinstance(value, bool) and wanted is not bool):
            expected = "list of texts" if plain is list else plain.__name__
            raise UserError(f"{where}: {name} = {value!r} is not of the type {expected}.")
        values[name] = value
    return kind(**values)
