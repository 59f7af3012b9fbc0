"""Readers: what each format means, and that every bad line is named; all tweets here are invented."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rpbert.data.readers import Caption, Example, read_captions, read_conll, read_lines, read_pairs, repair_bio
from rpbert.errors import UserError


def conll(folder: Path, text: str) -> Path:
    path = folder / "tweets.txt"
    path.write_bytes(text.encode())
    return path


def picture(folder: Path, name: str) -> Path:
    path = folder / "images" / name
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (8, 8), "red").save(path)
    return path


def pair(**fields: Any) -> dict[str, Any]:
    """A row of a pair JSONL; a field given as `...` is left out."""
    row = {"id": "1", "image": "1.png", "text": "Ana Lima sings", **fields}
    return {name: value for name, value in row.items() if value is not ...}


def pairs(folder: Path, *rows: dict[str, Any] | str) -> Path:
    picture(folder, "1.png")
    path = folder / "pairs.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    return path


def entity(start: int, end: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "type": kind, **fields}


def refusal(read: Any, path: Path) -> str:
    with pytest.raises(UserError) as error:
        read(path)
    assert str(path) in str(error.value)
    return str(error.value)


# ---- CoNLL --------------------------------------------------------------------------------------------------------


def test_imgid_lines_name_the_tweets(tmp_path: Path) -> None:
    path = conll(tmp_path, "IMGID:7\nAna\tB-PER\nLima\tI-PER\n\nIMGID:17_06_9\nhi\tO\n\n")
    assert read_conll(path) == [
        Example("7", ("Ana", "Lima"), ("B-PER", "I-PER")),
        Example("17_06_9", ("hi",), ("O",)),
    ]


def test_imgid_lines_name_the_pictures(tmp_path: Path) -> None:
    first, second = picture(tmp_path, "7.jpg"), picture(tmp_path, "17_06_9.jpg")
    path = conll(tmp_path, "IMGID:7\nhi\tO\n\nIMGID:17_06_9\nho\tO\n\nalone\tO\n")
    read = read_conll(path, tmp_path / "images")
    assert [example.picture for example in read] == [first, second, None]  # a picture is not handed on to the next


def test_an_imgid_line_begins_a_tweet_without_a_blank_line_before_it(tmp_path: Path) -> None:
    read = read_conll(conll(tmp_path, "IMGID:1\na\tO\nIMGID:2\nb\tO\n"))
    assert [(example.id, example.words) for example in read] == [("1", ("a",)), ("2", ("b",))]


def test_docstart_and_four_columns(tmp_path: Path) -> None:
    text = "-DOCSTART- -X- -X- O\n\nOslo\t_\t_\tB-LOC\nrocks\t_\t_\tO\n\n-DOCSTART- -X- -X- O\n\nyes\t_\t_\tO\n"
    read = read_conll(conll(tmp_path, text))
    assert [(example.words, example.labels) for example in read] == [
        (("Oslo", "rocks"), ("B-LOC", "O")),
        (("yes",), ("O",)),
    ]
    assert [example.id for example in read] == ["1", "2"]


@pytest.mark.parametrize(
    ("label", "known"),
    [
        ("B-person", "B-PER"),
        ("I-person", "I-PER"),
        ("B-location", "B-LOC"),
        ("B-corporation", "B-ORG"),
        ("I-group", "I-ORG"),
        ("B-product", "B-MISC"),
        ("B-creative-work", "B-MISC"),  # a type with a hyphen in it
        ("I-creative-work", "I-MISC"),
        ("B-OTHER", "B-MISC"),
        ("I-OTHER", "I-MISC"),
        ("B-ORG", "B-ORG"),
        ("O", "O"),
    ],
)
def test_types_of_other_data_sets_become_the_four(tmp_path: Path, label: str, known: str) -> None:
    assert read_conll(conll(tmp_path, f"word\t{label}\n"))[0].labels == (known,)


def test_labels_are_kept_as_annotated(tmp_path: Path) -> None:
    read = read_conll(conll(tmp_path, "at\tO\nOslo\tI-LOC\n"))
    assert read[0].labels == ("O", "I-LOC")  # a scorer wants to see them; training repairs them


def test_crlf(tmp_path: Path) -> None:
    read = read_conll(conll(tmp_path, "IMGID:7\r\nAna\tB-PER\r\n\r\nhi\tO\r\n"))
    assert read == [Example("7", ("Ana",), ("B-PER",)), Example("2", ("hi",), ("O",))]


@pytest.mark.parametrize("inside", ["\u2028", "\u2029", "\x85", "\u200b", "\r", "\x0b", "\x0c", "\x1c"])
def test_what_others_call_a_line_break_does_not_break_a_word(tmp_path: Path, inside: str) -> None:
    read = read_conll(conll(tmp_path, f"Rio{inside}Norte\tB-LOC\nhi\tO\n"))
    assert [example.words for example in read] == [(f"Rio{inside}Norte", "hi")]


@pytest.mark.parametrize("word", ["\u00a0", "\u2028", "\x85", "\u200b", "\u3000"])
def test_a_word_that_looks_blank_does_not_end_the_tweet(tmp_path: Path, word: str) -> None:
    read = read_conll(conll(tmp_path, f"a\tO\n{word}\tO\nb\tB-PER\n"))
    assert [example.words for example in read] == [("a", word, "b")]


def test_last_tweet_without_blank_line_or_newline(tmp_path: Path) -> None:
    assert read_conll(conll(tmp_path, "a\tO\n\nb\tO"))[-1].words == ("b",)


def test_several_blank_lines_are_one(tmp_path: Path) -> None:
    read = read_conll(conll(tmp_path, "\n\na\tO\n\n \nb\tO\n\n\n"))
    assert [(example.id, example.words) for example in read] == [("1", ("a",)), ("2", ("b",))]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("Oslo\tB-CITY", "'B-CITY'"),
        ("Oslo\tX-LOC", "'X-LOC'"),
        ("Oslo\tLOC", "'LOC'"),
        ("Oslo\tB-", "'B-'"),
        ("Oslo\t", "''"),
        ("Oslo B-LOC", "'Oslo B-LOC'"),
        ("Oslo", "tab"),
    ],
)
def test_bad_conll_line(tmp_path: Path, line: str, what: str) -> None:
    message = refusal(read_conll, conll(tmp_path, f"IMGID:1\nhi\tO\n{line}\nho\tO\n"))
    assert "line 3:" in message
    assert what in message


def test_conll_picture_that_is_missing(tmp_path: Path) -> None:
    picture(tmp_path, "1.jpg")
    path = conll(tmp_path, "IMGID:1\nhi\tO\n\nIMGID:2\nho\tO\n")
    message = refusal(lambda file: read_conll(file, tmp_path / "images"), path)
    assert "line 4:" in message
    assert "'2.jpg'" in message


# ---- pair JSONL ---------------------------------------------------------------------------------------------------


def test_a_whole_pair(tmp_path: Path) -> None:
    row = pair(
        id=12,
        image_adds=1,
        text_represented=0,
        lang="en",
        entities=[entity(0, 8, "PER", visible=True, text="Ana Lima")],
    )
    assert read_pairs(pairs(tmp_path, row)) == [
        Example(
            id="12",
            words=("Ana", "Lima", "sings"),
            labels=("B-PER", "I-PER", "O"),
            picture=tmp_path / "images" / "1.png",
            image_adds=1,
            text_represented=0,
            visible=(True, True, None),
            english=True,
            text="Ana Lima sings",
        )
    ]


def test_offsets_count_characters_also_behind_emoji(tmp_path: Path) -> None:
    # The astronaut is 3 characters (woman, joiner, rocket): 5 in UTF-16, 11 in UTF-8. Ana is at 4, Oslo at 16.
    text = "\U0001f469\u200d\U0001f680 Ana Lima in Oslo"
    assert text[4:12] == "Ana Lima"
    assert text[16:20] == "Oslo"
    (example,) = read_pairs(pairs(tmp_path, pair(text=text, entities=[entity(4, 12, "PER"), entity(16, 20, "LOC")])))
    assert example.words[1:] == ("Ana", "Lima", "in", "Oslo")
    assert example.labels == ("O", "B-PER", "I-PER", "O", "B-LOC")


def test_a_hashtag_is_labelled_without_its_sign(tmp_path: Path) -> None:
    (example,) = read_pairs(pairs(tmp_path, pair(text="go #Rovers !", entities=[entity(4, 10, "ORG")])))
    assert example.words == ("go", "#", "Rovers", "!")
    assert example.labels == ("O", "O", "B-ORG", "O")


def test_an_entity_inside_words_is_widened_to_them(tmp_path: Path) -> None:
    text = "NewOslo Londoners cheer"
    (example,) = read_pairs(pairs(tmp_path, pair(text=text, entities=[entity(3, 14, "LOC", visible=False)])))
    assert text[3:14] == "Oslo London"
    assert example.labels == ("B-LOC", "I-LOC", "O")
    assert example.visible == (False, False, None)


def test_neighbouring_entities_stay_two(tmp_path: Path) -> None:
    row = pair(text="Oslo Rome", entities=[entity(0, 4, "LOC", visible=True), entity(5, 9, "LOC", visible=False)])
    (example,) = read_pairs(pairs(tmp_path, row))
    assert example.labels == ("B-LOC", "B-LOC")
    assert example.visible == (True, False)


def test_what_a_pair_does_not_say_is_none(tmp_path: Path) -> None:
    (example,) = read_pairs(pairs(tmp_path, pair()))
    assert (example.labels, example.image_adds, example.text_represented) == (None, None, None)


def test_null_is_the_same_as_missing(tmp_path: Path) -> None:
    (example,) = read_pairs(pairs(tmp_path, pair(image_adds=None, text_represented=None, entities=None)))
    assert (example.labels, example.image_adds, example.text_represented) == (None, None, None)


def test_no_entities_is_a_label_too(tmp_path: Path) -> None:
    (example,) = read_pairs(pairs(tmp_path, pair(entities=[])))
    assert example.labels == ("O", "O", "O")


def test_pair_types_of_other_data_sets(tmp_path: Path) -> None:
    (example,) = read_pairs(pairs(tmp_path, pair(entities=[entity(0, 8, "OTHER")])))
    assert example.labels == ("B-MISC", "I-MISC", "O")


def test_pairs_with_crlf_blank_lines_and_a_line_separator_in_a_tweet(tmp_path: Path) -> None:
    row = json.dumps(pair(text="Ana\u2028Lima"), ensure_ascii=False)
    read = read_pairs(pairs(tmp_path, f"{row}\r", "", f"{row}\r"))
    assert [example.words for example in read] == [("Ana", "Lima")] * 2


def test_pictures_from_another_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    other = picture(tmp_path / "elsewhere", "1.png")
    (example,) = read_pairs(pairs(tmp_path, pair()), other.parent)
    assert example.picture == other


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ('{"id": "2", ', "JSON"),
        ("no", "JSON"),
        ("[1, 2]", "'text'"),
        (pair(text=...), "'text'"),
        (pair(text=5), "'text'"),
        (pair(text=""), "no text"),
        (pair(text=" \u200b\n"), "no text"),
        (pair(text="ha" * 1001), "2,002"),
        (pair(id=...), "'id'"),
        (pair(id=1.5), "'id'"),
        (pair(image=...), "'image'"),
        (pair(image="2.png"), "'2.png'"),
        (pair(image=""), "''"),
        (pair(image_adds=2), "'image_adds' must be 0 or 1, found 2"),
        (pair(image_adds=-1), "'image_adds'"),
        (pair(image_adds="1"), "'image_adds'"),
        (pair(text_represented=[1]), "'text_represented'"),
        (pair(entities=3), "'entities'"),
        (pair(entities=["Ana"]), "'start'"),
        (pair(entities=[{"end": 3, "type": "PER"}]), "'start'"),
        (pair(entities=[{"start": 0, "type": "PER"}]), "'end'"),
        (pair(entities=[{"start": 0, "end": 3}]), "'type'"),
        (pair(entities=[entity(0, 3, "CITY")]), "CITY"),
        (pair(entities=[{"start": "0", "end": 3, "type": "PER"}]), "'start'"),
        (pair(entities=[entity(-1, 3, "PER")]), "-1..3"),
        (pair(entities=[entity(9, 15, "PER")]), "9..15"),  # the text has 14 characters
        (pair(entities=[entity(3, 3, "PER")]), "3..3"),
        (pair(entities=[entity(8, 4, "PER")]), "8..4"),
    ],
)
def test_bad_pair(tmp_path: Path, row: dict[str, Any] | str, what: str) -> None:
    message = refusal(read_pairs, pairs(tmp_path, pair(), row))
    assert "line 2:" in message
    assert what in message


def test_an_entity_may_end_with_the_text(tmp_path: Path) -> None:
    (example,) = read_pairs(pairs(tmp_path, pair(entities=[entity(9, 14, "MISC")])))
    assert example.labels == ("O", "O", "B-MISC")


# ---- caption TSV --------------------------------------------------------------------------------------------------


def test_captions(tmp_path: Path) -> None:
    one, two = picture(tmp_path, "1.png"), picture(tmp_path, "2.png")
    path = conll(tmp_path, "1.png\tA red \u2028square .\tmatch\r\n2.png\tA blue dog .\tno-match\n")
    assert read_captions(path) == [Caption("A red \u2028square .", one, True), Caption("A blue dog .", two, False)]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("1.png\tA red square", "separated by tabs"),
        ("1.png A red square match", "separated by tabs"),
        ("1.png\tA red square\tmaybe", "no-match"),
        ("1.png\tA\tred square\tmatch", "separated by tabs"),
        ("2.png\tA red square\tmatch", "'2.png'"),
        ("1.png\t\tmatch", "caption"),  # would stop a training run hours later, in an epoch that draws it
        ("", "separated by tabs"),
    ],
)
def test_bad_caption(tmp_path: Path, line: str, what: str) -> None:
    picture(tmp_path, "1.png")
    message = refusal(read_captions, conll(tmp_path, f"1.png\tA red square\tmatch\n{line}\n"))
    assert "line 2:" in message
    assert what in message


# ---- one tweet a line ----------------------------------------------------------------------------------------------


def test_tweets_without_labels_one_a_line(tmp_path: Path) -> None:
    read = read_lines(conll(tmp_path, "Go #Rovers !\r\n\n \u200b\nhi\u2028there\n"))
    assert read == [Example("1", ("Go", "#", "Rovers", "!")), Example("4", ("hi", "there"))]
    assert all(example.labels is None for example in read)


def test_a_line_that_no_tweet_can_be_is_named(tmp_path: Path) -> None:
    message = refusal(read_lines, conll(tmp_path, "hi\n" + "x" * 2001 + "\n"))
    assert "line 2:" in message
    assert "2,001" in message


# ---- whole files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [read_conll, read_pairs, read_captions, read_lines])
def test_file_that_is_missing(tmp_path: Path, read: Any) -> None:
    assert "no file" in refusal(read, tmp_path / "nothing.txt")


@pytest.mark.parametrize("read", [read_conll, read_pairs, read_captions, read_lines])
def test_folder_in_place_of_a_file(tmp_path: Path, read: Any) -> None:
    assert "no file" in refusal(read, tmp_path)


@pytest.mark.parametrize("read", [read_conll, read_pairs, read_captions, read_lines])
def test_file_that_is_not_utf8(tmp_path: Path, read: Any) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes("Málaga\tB-LOC\n".encode("latin-1"))
    assert "not UTF-8" in refusal(read, path)


@pytest.mark.parametrize("read", [read_conll, read_pairs, read_captions, read_lines])
def test_file_with_nothing_in_it(tmp_path: Path, read: Any) -> None:
    assert "has no" in refusal(read, conll(tmp_path, ""))


@pytest.mark.parametrize("read", [read_conll, read_pairs, read_lines])
def test_file_of_blank_lines(tmp_path: Path, read: Any) -> None:
    assert "has no" in refusal(read, conll(tmp_path, "\n\n"))


# ---- BIO ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotated", "repaired"),
    [
        ("I-PER I-PER O", "B-PER I-PER O"),
        ("O I-LOC", "O B-LOC"),
        ("B-PER I-LOC I-LOC", "B-PER B-LOC I-LOC"),
        ("I-PER I-ORG", "B-PER B-ORG"),
        ("B-PER O I-PER", "B-PER O B-PER"),
        ("B-PER I-PER B-PER", "B-PER I-PER B-PER"),
        ("O B-MISC I-MISC O", "O B-MISC I-MISC O"),
        ("", ""),
    ],
)
def test_repair_bio(annotated: str, repaired: str) -> None:
    assert repair_bio(tuple(annotated.split())) == tuple(repaired.split())
