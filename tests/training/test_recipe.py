"""Recipes: what ships can be read, and a wrong key is named before a run of hours begins."""

import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from rpbert.errors import UserError
from rpbert.model.configuration import PRESETS
from rpbert.model.gates import parse_gate
from rpbert.shipped import RECIPES
from rpbert.training.recipe import Dev, Multitask, Recipe, read_recipe

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


BARE = Recipe(preset="mini", seed=0, pairs=[], tweets=[], dev=Dev("", []))  # with every default


def assert_arrived(found: dict[str, Any], written: dict[str, Any], defaults: dict[str, Any]) -> None:
    """Every value of a file stands under its name, and whatever it does not say has its default."""
    assert set(written) <= set(found)
    for name, value in found.items():
        if isinstance(value, dict):
            assert_arrived(value, written.get(name, {}), defaults[name])
        else:
            assert value == written.get(name, defaults[name]), name


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.name)
def test_shipped_recipes(path: Path) -> None:
    recipe = read_recipe(path)
    assert isinstance(recipe, Recipe)
    assert_arrived(asdict(recipe), tomllib.loads(path.read_text(encoding="utf-8")), asdict(BARE))
    assert recipe.preset in PRESETS
    assert parse_gate(recipe.multitask.gate) == recipe.multitask.gate


def test_a_whole_number_will_do_for_a_fraction(tmp_path: Path) -> None:
    recipe = read_recipe(changed(tmp_path, "epochs = 6\n", "epochs = 6\nweight_decay = 1\n"))
    assert recipe.alignment.weight_decay == 1


def test_what_a_recipe_leaves_out_has_its_default(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('preset = "mini"\nseed = 0\npairs = []\ntweets = []\n[dev]\npairs = ""\ntweets = []\n')
    recipe = read_recipe(path)
    assert recipe == BARE
    assert (recipe.multitask.clip, recipe.multitask.gate, recipe.multitask.detach_gate) == (1.0, "soft", True)
    assert recipe.alignment.epochs == recipe.multitask.swapped == 0  # what the paper does not have is off
    assert recipe.teacher.weights == ""
    assert Recipe("mini", 0, [], [], Dev("", [])).captions is not recipe.captions  # lists are nobody else's


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("seed = 13", "seed = 13\nsede = 14", "'sede'"),
        ("interleave = true", "interleave = true\nclipp = 2.0", "'clipp'"),
        ("interleave = true", "interleave = true\nmasked = 0.1", "'masked'"),
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
        ('preset = "mini"', "'preset'"),
        ('pairs = ["tweetpairs/train.jsonl"]', "'pairs'"),
        ('tweets = ["twitter2015/train.txt", "twitter2017/train.txt"]', "'tweets'"),
        ('pairs = "tweetpairs/dev.jsonl"', "'pairs'"),
    ],
)
def test_key_that_is_missing(tmp_path: Path, old: str, key: str) -> None:
    assert f"the key {key} is missing" in refusal(changed(tmp_path, old, ""))


def test_section_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(SHIPPED.split("[dev]")[0], encoding="utf-8")
    assert "the key 'dev' is missing" in refusal(path)
    path.write_text(SHIPPED.split("[multitask]")[0], encoding="utf-8")
    assert read_recipe(path).multitask == Multitask()


def test_the_section_of_a_key_is_named(tmp_path: Path) -> None:
    assert "[dev]" in refusal(changed(tmp_path, 'pairs = "tweetpairs/dev.jsonl"', ""))
    assert "[alignment]" in refusal(changed(tmp_path, "epochs = 6", "epochs = 6\nregion_dropout = 0.1"))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("seed = 13", 'seed = "13"', "seed"),
        ("epochs = 6", "epochs = 6.5", "epochs"),
        ("epochs = 6", "epochs = true", "epochs"),
        ("interleave = true", 'clip = "1.0"', "clip"),
        ("interleave = true", "clip = true", "clip"),
        ("interleave = true", "interleave = 1", "interleave"),
        ("interleave = true", 'interleave = "false"', "interleave"),
        ("interleave = true", "clip = [1.0]", "clip"),
        ("interleave = true", "gate = 0.5", "gate"),
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
    path.write_text(f"dev = {value}\n{head}[alignment]{tail.split('[alignment]')[1]}", encoding="utf-8")
    message = refusal(path).removeprefix(str(path))
    assert "dev" in message
    assert "the key" not in message  # no key of [dev] is wrong: [dev] is no table


@pytest.mark.parametrize("value", ["-2", "25"])
def test_characters_are_read_in_two_directions(tmp_path: Path, value: str) -> None:
    assert "even" in refusal(changed(tmp_path, "[dev]", f"[features]\ncharacters = {value}\n\n[dev]"))


def test_preset_that_is_unknown(tmp_path: Path) -> None:
    message = refusal(changed(tmp_path, 'preset = "mini"', 'preset = "maxi"'))
    assert "'maxi'" in message
    assert "mini, paper, paper-large" in message


def test_recipe_that_is_not_toml(tmp_path: Path) -> None:
    message = refusal(changed(tmp_path, "seed = 13", "seed: 13"))
    assert "not valid TOML" in message
    assert f"line {SHIPPED.splitlines().index('seed = 13') + 1}" in message


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


def test_swapped_pictures_need_a_model_that_asks_what_belongs(tmp_path: Path) -> None:
    assert "which paper does not ask" in refusal(changed(tmp_path, 'preset = "mini"', 'preset = "paper"'))
