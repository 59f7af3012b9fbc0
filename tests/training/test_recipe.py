"""Recipes: what ships can be read, and a wrong key is named before a run of hours begins."""

import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest

from rpbert.errors import UserError
from rpbert.model.configuration import PRESETS
from rpbert.model.gates import parse_gate
from rpbert.shipped import RECIPES
from rpbert.training.recipe import Recipe, read_recipe

SHIPPED = (RECIPES / "mini.toml").read_text(encoding="utf-8")


def changed(folder: Path, old: str, new: str) -> Path:
    """The shipped recipe with its only `old` replaced."""
    assert SHIPPED.count(old) == 1
    path = folder / "recipe.toml"
    path.write_text(SHIPPED.replace(old, new), encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as error:
        read_recipe(path)
    assert str(path) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.name)
def test_shipped_recipes(path: Path) -> None:
    recipe = read_recipe(path)
    assert isinstance(recipe, Recipe)
    assert asdict(recipe) == tomllib.loads(path.read_text(encoding="utf-8"))  # every value arrives under its name
    assert recipe.preset in PRESETS
    assert parse_gate(recipe.multitask.gate) == recipe.multitask.gate


def test_a_whole_number_will_do_for_a_fraction(tmp_path: Path) -> None:
    recipe = read_recipe(changed(tmp_path, "weight_decay = 0.1\n", "weight_decay = 1\n"))
    assert recipe.alignment.weight_decay == 1


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("seed = 13", "seed = 13\nsede = 14", "'sede'"),
        ("clip = 1.0", "clip = 1.0\nclipp = 2.0", "'clipp'"),
        ("[dev]", "[devel]\nx = 1\n[dev]", "'devel'"),
        ("epochs = 6", "epochs = 6\nwarmup = 0.1", "'warmup'"),  # known, but in another section
    ],
)
def test_key_that_is_unknown(tmp_path: Path, old: str, new: str, key: str) -> None:
    message = refusal(changed(tmp_path, old, new))
    assert f"the key {key} is not known" in message


@pytest.mark.parametrize(
    ("old", "key"),
    [
        ("seed = 13", "'seed'"),
        ('captions = ["flickr8k/train.tsv"]', "'captions'"),
        ("clip = 1.0", "'clip'"),
        ('gate = "soft"', "'gate'"),
        ('pairs = "tweetpairs/dev.jsonl"', "'pairs'"),
    ],
)
def test_key_that_is_missing(tmp_path: Path, old: str, key: str) -> None:
    assert f"the key {key} is missing" in refusal(changed(tmp_path, old, ""))


def test_section_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(SHIPPED.split("[multitask]")[0], encoding="utf-8")
    assert "the key 'multitask' is missing" in refusal(path)


def test_the_section_of_a_key_is_named(tmp_path: Path) -> None:
    assert "[alignment]" in refusal(changed(tmp_path, "weight_decay = 0.1\n", ""))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("seed = 13", 'seed = "13"', "seed"),
        ("epochs = 6", "epochs = 6.5", "epochs"),
        ("epochs = 6", "epochs = true", "epochs"),
        ("clip = 1.0", 'clip = "1.0"', "clip"),
        ("clip = 1.0", "clip = true", "clip"),
        ("interleave = true", "interleave = 1", "interleave"),
        ("interleave = true", 'interleave = "false"', "interleave"),
        ("clip = 1.0", "clip = [1.0]", "clip"),
        ('gate = "soft"', "gate = 0.5", "gate"),
        ('preset = "mini"', "preset = 1", "preset"),
        ('captions = ["flickr8k/train.tsv"]', 'captions = "flickr8k/train.tsv"', "captions"),
        ('captions = ["flickr8k/train.tsv"]', "captions = [8]", "captions"),
        ('tweets = ["twitter2015/valid.txt", "twitter2017/valid.txt"]', 'tweets = "twitter2015"', "tweets"),
    ],
)
def test_value_of_a_wrong_type(tmp_path: Path, old: str, new: str, key: str) -> None:
    assert f"{key} = " in refusal(changed(tmp_path, old, new))


@pytest.mark.parametrize("value", ["3", "true", '"tweetpairs/dev.jsonl"', "[]"])
def test_value_in_place_of_a_section(tmp_path: Path, value: str) -> None:
    head, _, tail = SHIPPED.partition("[dev]")
    path = tmp_path / "recipe.toml"
    path.write_text(f"dev = {value}\n{head}[features]{tail.split('[features]')[1]}", encoding="utf-8")
    message = refusal(path).removeprefix(str(path))
    assert "dev" in message
    assert "the key" not in message  # no key of [dev] is wrong: [dev] is no table


@pytest.mark.parametrize("value", ["-2", "25"])
def test_characters_are_read_in_two_directions(tmp_path: Path, value: str) -> None:
    assert "even" in refusal(changed(tmp_path, "characters = 0", f"characters = {value}"))


def test_preset_that_is_unknown(tmp_path: Path) -> None:
    message = refusal(changed(tmp_path, 'preset = "mini"', 'preset = "maxi"'))
    assert "'maxi'" in message
    assert "mini, paper, paper-large" in message


def test_recipe_that_is_not_toml(tmp_path: Path) -> None:
    message = refusal(changed(tmp_path, "seed = 13", "seed: 13"))
    assert "not valid TOML" in message
    assert "line 3" in message


def test_recipe_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes('preset = "miní"'.encode("latin-1"))
    refusal(path)


@pytest.mark.parametrize("name", ["nothing.toml", "."])
def test_recipe_that_is_missing(tmp_path: Path, name: str) -> None:
    assert "no recipe" in refusal(tmp_path / name)


def test_unlabelled_tweets_need_a_teacher(tmp_path: Path) -> None:
    teacher = 'weights = "sentence-transformers/all-mpnet-base-v2"'
    assert "need a teacher" in refusal(changed(tmp_path, teacher, 'weights = ""'))
