"""Data sets with defects: what can be read is read, and every defect is told with its line or name."""

import json
import zipfile
from pathlib import Path

import pytest
from corpus import draw, draw_all
from PIL import Image

from rpbert.data.readers import read_tweets
from rpbert.data.uploads import DataSet, open_upload, read_data_set, tables
from rpbert.errors import UserError

SHIPPED = Path(__file__).parents[2] / "assets" / "error_set"


def opened(path: Path, folder: Path) -> tuple[DataSet, list[str]]:
    found, left_out = open_upload(path, folder)
    return read_data_set(found[0]), left_out


TEN_DEFECTS = """IMGID:red
Ana\tB-PER
sings\tO

IMGID:gone
in\tO
Oslo\tB-LOC

IMGID:torn
in\tO
Rome\tB-LOC

IMGID:green
no tab here

IMGID:blue
Lima\tB-CITY
now\tO

IMGID:../../secret
in\tO
Nice\tB-LOC

IMGID:red
in\tO
Bari\tB-LOC

IMGID:text
\u200b\tO

IMGID:huge
in\tO
Bonn\tB-LOC
"""


def test_a_zip_with_ten_defects(tmp_path: Path) -> None:
    images = tmp_path / "made" / "images"
    for name, colour in (("red", (230, 20, 20)), ("green", (20, 200, 40)), ("blue", (20, 40, 230))):
        Image.new("RGB", (16, 16), colour).save(draw(images / f"{name}.jpg", colour))
    Image.effect_noise((64, 64), 90).save(images / "torn.jpg")
    torn = (images / "torn.jpg").read_bytes()
    (images / "torn.jpg").write_bytes(torn[: len(torn) // 2])
    Image.new("1", (9000, 9000)).save(images / "huge.png")
    (images / "huge.png").rename(images / "huge.jpg")
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as file:
        for picture in images.iterdir():
            file.write(picture, f"set/images/{picture.name}")
        file.writestr("set/dev.txt", TEN_DEFECTS)
        file.writestr("set/notes.docx", "x")
        file.writestr("set/damaged.txt", "some words" * 20)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"some words", b"some wards", 1))  # its checksum no longer fits
    data, left_out = opened(path, tmp_path / "out")
    assert left_out[0].startswith("set/notes.docx: left out")
    assert left_out[1].startswith("set/damaged.txt: left out, for it is damaged")
    expected = [
        "dev.txt, line 5: there is no picture 'gone.jpg' in images",
        "dev.txt, line 14: expected a word, a tab and a label",
        "dev.txt, line 17: the label 'B-CITY' is none of",
        "dev.txt, line 20: there is no picture '../../secret.jpg' in images",
        "dev.txt, line 28: there is no picture 'text.jpg'",
        "dev.txt, tweet text: left out. There is no text to read",
        "dev.txt: the id 'red' comes again; that tweet is called 'red (2)' here.",
        "'torn.jpg' is damaged",
        "The picture has 81 megapixels",
    ]
    told = sorted(data.problems)
    assert len(told) == len(expected)
    for sentence in expected:
        assert any(problem.startswith(sentence) for problem in told), sentence
    names = {example.id: None if example.picture is None else example.picture.name for example in data.examples}
    assert names == {
        "red": "red.jpg",
        "gone": None,
        "torn": None,
        "../../secret": None,
        "red (2)": "red.jpg",
        "huge": None,
    }
    assert data.labelled


def test_a_folder_of_pairs_and_one_inside_a_folder(tmp_path: Path) -> None:
    draw_all(tmp_path / "inner" / "images")
    row = {"id": 1, "image": "red.bmp", "text": "Ana sings", "entities": []}
    (tmp_path / "inner" / "pairs.jsonl").write_text(json.dumps(row), encoding="utf-8")
    (data, left_out) = opened(tmp_path, tmp_path / "unused")
    assert (left_out, data.problems) == ([], ())
    (example,) = data.examples
    assert (example.id, example.labels, example.text) == ("1", ("O", "O"), "Ana sings")
    assert example.picture == tmp_path / "inner" / "images" / "red.bmp"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_tweets_without_labels(tmp_path: Path, kind: str) -> None:
    draw_all(tmp_path / "images")
    text = 'image,text\nred.bmp,"Ana, says ""hi"""\n,no picture\nnone.bmp,lost\n'
    if kind == "jsonl":
        rows = [
            {"image": "red.bmp", "text": 'Ana, says "hi"'},
            {"text": "no picture"},
            {"image": "none.bmp", "text": "lost"},
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
    path = tmp_path / f"tweets.{kind}"
    path.write_text(text, encoding="utf-8")
    data, _ = opened(path, tmp_path / "unused")
    first = 2 if kind == "csv" else 1  # the line numbers are those of an editor
    assert [example.id for example in data.examples] == [str(first + number) for number in range(3)]
    assert data.examples[0].text == 'Ana, says "hi"'
    assert [example.picture is not None for example in data.examples] == [True, False, False]
    assert data.problems == (f"tweets.{kind}, line {first + 2}: there is no picture 'none.bmp' in images",)
    assert not data.labelled


def test_bad_lines_of_tweets_raise_when_nobody_wants_a_report(tmp_path: Path) -> None:
    path = tmp_path / "tweets.jsonl"
    path.write_text('{"text": "Ana"}\n{"text": 5}\n', encoding="utf-8")
    with pytest.raises(UserError, match="line 2: the field 'text' has a wrong value"):
        read_tweets(path)


@pytest.mark.parametrize("image", ["../x.png", "/etc/x.png", "..\\x.png", "C:\\x.png"])
def test_no_table_chooses_among_all_files_of_the_computer(tmp_path: Path, image: str) -> None:
    draw(tmp_path / "x.png", (1, 2, 3))
    (tmp_path / "set" / "images").mkdir(parents=True)
    path = tmp_path / "set" / "tweets.jsonl"
    path.write_text(json.dumps({"text": "Ana", "image": image}), encoding="utf-8")
    (example,) = read_data_set(path).examples
    assert example.picture is None


def test_dev_is_read_first_and_train_is_remembered(tmp_path: Path) -> None:
    for name in ("train", "test", "valid", "other"):
        (tmp_path / f"{name}.txt").write_text("Ana\tB-PER\n", encoding="utf-8")
    found = tables(tmp_path, tmp_path.name)
    assert [path.name for path in found] == ["valid.txt", "test.txt", "train.txt", "other.txt"]
    data = read_data_set(found[0])
    assert data.training == tmp_path / "train.txt"
    assert data.problems == ("valid.txt: there is no folder images beside it; all tweets are read without a picture.",)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.txt", b"", "has no tweets"),
        ("a.txt", "Málaga\tB-LOC".encode("latin-1"), "not UTF-8"),
        ("a.jsonl", b"no\n", "has no tweets"),
        ("a.csv", b"tweet,image\nx,y\n", "no column 'text'"),
        ("a.pdf", b"%PDF", "neither a ZIP"),
        ("a.zip", b"PK", "cannot be opened as a ZIP"),
    ],
)
def test_what_holds_no_tweet(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=what):
        opened(tmp_path / name, tmp_path / "out")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no table of tweets"):
        tables(tmp_path, "set.zip")


# ---- the set that ships -------------------------------------------------------------------------------------------


def test_the_shipped_set_is_sound_and_has_what_it_promises() -> None:
    data, _ = opened(SHIPPED, Path("unused"))
    assert data.problems == ()
    assert len(data.examples) >= 40
    relations = {(example.image_adds, example.text_represented) for example in data.examples}
    assert relations == {(0, 0), (0, 1), (1, 0), (1, 1)}
    rows = [json.loads(line) for line in (SHIPPED / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    for row in rows:
        for entity in row["entities"]:
            assert row["text"][entity["start"] : entity["end"]] == entity["text"]
    kinds: dict[str, set[str]] = {}
    for row in rows:
        for entity in row["entities"]:
            kinds.setdefault(entity["text"].casefold(), set()).add(entity["type"])
    assert {name for name, types in kinds.items() if len(types) > 1} >= {
        "jordan",
        "amazon",
        "washington",
        "paris hilton",
    }
    pictures = {path.name for path in (SHIPPED / "images").iterdir()}
    assert pictures == {row["image"] for row in rows}
    assert all(path.stat().st_size < 100_000 for path in (SHIPPED / "images").iterdir())
