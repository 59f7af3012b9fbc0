"""A training recipe: one readable TOML file, checked key by key. What a file does not say has the default below."""

import tomllib
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from rpbert.errors import UserError
from rpbert.model.configuration import PRESETS


@dataclass(frozen=True)
class Dev:
    """What epochs are compared by."""

    pairs: str  # as `Recipe.pairs`, one file
    tweets: list[str]  # as `Recipe.tweets`


@dataclass(frozen=True)
class Features:
    """What is known of a word besides the text encoder's states; see `rpbert.model.word_features`."""

    characters: int = 0  # numbers that a BiLSTM over a word's letters adds to its vector, even; 50 is usual
    static_vectors: str = ""  # a word2vec or GloVe text file


@dataclass(frozen=True)
class Tower:
    """The stage before the alignment: the sentence tower learns from a larger one; see `rpbert.training.tower`."""

    weights: str = ""  # folder or Hub id of the larger sentence encoder; "" leaves the stage out
    epochs: int = 3
    batch: int = 64
    learning_rate: float = 3e-4
    unlabelled: list[str] = field(default_factory=list)  # CoNLL files, and
    lines: list[str] = field(default_factory=list)  # text files, one tweet a line, whose tweets are read
    tweets: int = 36_000  # so many of these tweets, drawn once; captions and class names come beside them


@dataclass(frozen=True)
class Alignment:
    """The stage before the two tasks: the map from pictures to sentences; see `rpbert.training.alignment`."""

    epochs: int = 0  # none leave the stage out
    batch: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    channel_dropout: float = 0.7  # of what is known of a picture: 11,000 photographs are few
    text_dropout: float = 0.3  # of the tweets' vectors
    tweet_passes: int = 1  # times that an epoch goes through the tweets, and once through the captions
    folds: int = 4  # the relation learns from cosines of maps that have not seen the pair


@dataclass(frozen=True)
class Teacher:
    """The larger tagger, trained first and learned from; see `rpbert.training.teacher`."""

    weights: str = ""  # folder or Hub id of its encoder; "" leaves it out
    epochs: int = 3
    batch: int = 32
    learning_rate: float = 5e-5
    share: float = 0.7  # of the names' loss: what the teacher reads instead of the labels
    labelled: list[str] = field(default_factory=list)  # more CoNLL files with the same four types
    unlabelled: list[str] = field(default_factory=list)  # CoNLL files whose own labels are not used
    lines: list[str] = field(default_factory=list)  # text files, one tweet a line
    per_epoch: int = 0  # so many of the tweets without labels are drawn for an epoch; 0 takes all


@dataclass(frozen=True)
class Multitask:
    """The stage that learns both tasks."""

    epochs: int = 4  # none leave both tasks as the checkpoint has them that training starts from
    interleave: bool = False  # both tasks in one shuffle; otherwise relation first and then NER, as in the paper
    tweet_batch: int = 16
    relation_batch: int = 16
    encoder_learning_rate: float = 1e-5  # of what was pretrained
    head_learning_rate: float = 1e-3  # of everything new
    weight_decay: float = 0.0
    warmup: float = 0.0  # share of all steps
    clip: float = 1.0  # length of the gradient
    average: float = 0.0  # keep a moving average of the weights over about 1 / (1 - average) steps; 0: the last ones
    gate: str = "soft"
    detach_gate: bool = True  # the names do not train the relation through the gate
    text_only: float = 0.0  # share of the pairs whose names are also learned without their picture
    lower_cased: float = 0.0  # share of the tweets that are read as if written without capitals
    hashtags: float = 0.0  # share of the names that are written as hashtags, and a quarter of it of the other words
    visible_weight: float = 0.0  # of the loss for telling of a name, read with its picture, whether it is depicted
    swapped: float = 0.0  # share of the pairs that also come with another tweet's picture, which does not belong
    hard: float = 0.0  # share of these whose picture is the most similar of eight
    relation_weight: float = 1.0  # of the relation's loss; 0 leaves the task out


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run, but for the folders."""

    preset: str  # of rpbert.model.configuration
    seed: int
    pairs: list[str]  # tweets with their pictures: names, relations, matching
    tweets: list[str]  # tweets for names alone
    dev: Dev
    captions: list[str] = field(default_factory=list)  # photographs with captions, for matching
    scene_text: list[str] = field(default_factory=list)  # words in the pictures of pairs, read before; else read now
    tweet_pictures: bool = False  # IMGID lines of `tweets` (for dev too) name files in the folder images beside them
    features: Features = field(default_factory=Features)
    tower: Tower = field(default_factory=Tower)
    alignment: Alignment = field(default_factory=Alignment)
    teacher: Teacher = field(default_factory=Teacher)
    multitask: Multitask = field(default_factory=Multitask)


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
    if (recipe.teacher.unlabelled or recipe.teacher.lines) and not recipe.teacher.weights:
        raise UserError(f"{path}: unlabelled tweets need a teacher that reads them. Set weights under [teacher].")
    if recipe.tower.weights and not recipe.alignment.epochs:
        raise UserError(f"{path}: the pictures have to learn a new tower's vectors. Set epochs under [alignment].")
    if recipe.multitask.swapped and not PRESETS[recipe.preset].config.get("belongs"):
        raise UserError(f"{path}: swapped pictures teach what belongs, which {recipe.preset} does not ask.")
    if recipe.features.characters < 0 or recipe.features.characters % 2:
        raise UserError(f"{path}: characters must be 0 or an even number, half of it for each reading direction.")
    return recipe


def _build(kind: Any, table: dict[str, Any], where: str) -> Any:
    types = get_type_hints(kind)
    known = {entry.name for entry in fields(kind)}
    needed = {entry.name for entry in fields(kind) if entry.default is entry.default_factory is MISSING}
    for wrong, what in ((set(table) - known, "is not known"), (needed - set(table), "is missing")):
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
