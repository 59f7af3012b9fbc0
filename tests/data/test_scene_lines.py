"""The words in the pictures of a data set: from a file, from the pictures, from a cache."""

import json
from pathlib import Path

import pytest
from PIL import Image
from posters import poster

from rpbert.data import scene_lines
from rpbert.data.readers import Example
from rpbert.data.scene_lines import read_scene_file, read_scenes, with_scenes
from rpbert.errors import UserError
from rpbert.model.scene_text import SceneLine

GOAL = {"text": "GOAL", "score": 0.9, "area": 0.2}


def scene_file(folder: Path, *rows: object) -> Path:
    path = folder / "scenes.jsonl"
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


# ---- a file -------------------------------------------------------------------------------------------------------


def test_lines_by_the_id_of_their_pair(tmp_path: Path) -> None:
    path = scene_file(
        tmp_path, {"id": "a", "lines": [GOAL, {"text": "2\u2028: 1", "score": 1, "area": 0}]}, {"id": 7, "lines": []}
    )
    assert read_scene_file(path) == {"a": (SceneLine("GOAL", 0.9, 0.2), SceneLine("2\u2028: 1", 1.0, 0.0)), "7": ()}


def test_lines_without_a_letter_are_left_out(tmp_path: Path) -> None:
    path = scene_file(tmp_path, {"id": "a", "lines": [{**GOAL, "text": "***"}, GOAL]})
    assert [line.text for line in read_scene_file(path)["a"]] == ["GOAL"]


def test_more_than_is_needed_is_no_mistake(tmp_path: Path) -> None:
    path = scene_file(tmp_path, {"id": "a", "lines": [{**GOAL, "quad": [[0, 0]] * 4}], "reader": "rapidocr"})
    assert read_scene_file(path)["a"][0].text == "GOAL"


@pytest.mark.parametrize(
    "row",
    [
        "",
        "no JSON",
        [1, 2],
        {"id": "a"},
        {"lines": []},
        {"id": "a", "lines": 3},
        {"id": "a", "lines": ["GOAL"]},
        {"id": "a", "lines": [{"text": "GOAL", "score": 0.9}]},
        {"id": "a", "lines": [{**GOAL, "score": "sure"}]},
        {"id": "a", "lines": [{**GOAL, "area": None}]},
    ],
    ids=str,
)
def test_a_bad_line_is_named(tmp_path: Path, row: object) -> None:
    path = scene_file(tmp_path, {"id": "first", "lines": [GOAL]}, row)
    with pytest.raises(UserError) as caught:
        read_scene_file(path)
    assert f"{path}, line 2:" in str(caught.value)
    assert "text, score and area" in str(caught.value)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        read_scene_file(tmp_path / "none.jsonl")


# ---- the pictures themselves ---------------------------------------------------------------------------------------


class Counting:
    """Stands in for the reader, and counts: it "reads" the size of a picture."""

    read_so_far = 0

    def read(self, image: Image.Image) -> tuple[SceneLine, ...]:
        Counting.read_so_far += 1
        return (SceneLine(f"{image.width} wide", 0.9, 0.5, ((0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5))),)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> type[Counting]:
    monkeypatch.setattr(Counting, "read_so_far", 0)
    monkeypatch.setattr(scene_lines, "SceneTextReader", Counting)
    return Counting


def drawn(folder: Path, width: int) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{width}.png"
    Image.new("RGB", (width, 8)).save(path)
    return path


def test_what_is_known_is_not_read_again(counting: type[Counting], tmp_path: Path) -> None:
    one, two = drawn(tmp_path, 30), drawn(tmp_path, 40)
    known = {"a": (SceneLine("GOAL", 0.9, 0.2),), "without": (SceneLine("lost", 0.9, 0.2),)}
    examples = [
        Example("a", ("x",), picture=one),
        Example("b", ("y",), picture=two),
        Example("c", ("z",), picture=two),
        Example("without", ("v",)),
    ]
    read = with_scenes(examples, known)
    assert [[line.text for line in example.scene] for example in read] == [["GOAL"], ["40 wide"], ["40 wide"], []]
    assert counting.read_so_far == 1  # a picture that two tweets share is read once
    assert [example.id for example in read] == ["a", "b", "c", "without"]


def test_no_reader_is_started_where_nothing_is_to_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(scene_lines, "SceneTextReader", None)
    (example,) = with_scenes([Example("a", ("x",), picture=drawn(tmp_path, 30))], {"a": ()})
    assert example.scene == ()


def test_what_was_read_is_kept(counting: type[Counting], tmp_path: Path) -> None:
    paths = [drawn(tmp_path / "images", width) for width in (50, 30, 40)]
    first = read_scenes(paths, tmp_path / "cache")
    assert counting.read_so_far == 3
    assert first[paths[0]][0].text == "50 wide"
    again = read_scenes(reversed(paths), tmp_path / "cache")
    assert counting.read_so_far == 3
    assert again == first  # corners included
    assert not list((tmp_path / "cache").glob("*.new"))


def test_another_picture_under_the_same_name_is_noticed(counting: type[Counting], tmp_path: Path) -> None:
    path = drawn(tmp_path / "images", 30)
    read_scenes([path], tmp_path / "cache")
    Image.new("RGB", (60, 8)).save(path)
    assert read_scenes([path], tmp_path / "cache")[path][0].text == "60 wide"


def test_a_run_that_is_killed_while_it_reads_leaves_nothing_half(
    counting: type[Counting], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drawn(tmp_path / "images", 30)

    class KilledError(Exception):
        pass

    def killed(self: Path, text: str, encoding: str) -> None:
        self.write_bytes(text.encode(encoding)[:5])
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", killed)
        with pytest.raises(KilledError):
            read_scenes([path], tmp_path / "cache")
    assert read_scenes([path], tmp_path / "cache")[path][0].text == "30 wide"


def test_a_real_poster_through_the_real_reader(tmp_path: Path) -> None:
    poster("MONACO").save(tmp_path / "poster.png")
    (example,) = with_scenes([Example("a", ("x",), picture=tmp_path / "poster.png")], {})
    assert [line.text for line in example.scene] == ["MONACO"]


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not a picture")
    with pytest.raises(UserError, match=r"a\.png"):
        read_scenes([tmp_path / "a.png"])
