"""A data set as people have it: a ZIP, a folder or a file, with defects. What can be read is read, the rest is listed.

Layouts: MNER (`train|dev|valid|test.txt` with `IMGID:` lines), pair JSONL, JSONL or CSV of tweets without labels; the
pictures stand in `images/` beside the table.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rpbert.data.archives import TEXTS, unpack
from rpbert.data.readers import Example, read_conll, read_tweets
from rpbert.errors import UserError
from rpbert.model.pictures import open_picture
from rpbert.model.texts import split_words

# Which of several tables is meant when nobody says so: errors are studied on dev, and the training part has few.
PREFERRED = ("dev", "valid", "val", "test", "pairs", "train")
NOT_TWEETS = ("scene_text.jsonl", "requirements.txt", "licenses.txt", "license.txt", "readme.txt")
CHECKED_AT_ONCE = 50  # pictures between two reports of progress


@dataclass(frozen=True)
class DataSet:
    """What can be used of a data set, and what was wrong with the rest."""

    name: str
    examples: tuple[Example, ...]
    problems: tuple[str, ...]  # sentences, in the order of the file
    training: Path | None = None  # its training part, when another part is read

    @property
    def labelled(self) -> bool:
        """Whether the names of any tweet are known."""
        return any(example.labels is not None for example in self.examples)


def tables(folder: Path, name: str) -> list[Path]:
    """The tables of tweets in a folder or in its only subfolder, the one to begin with first.

    Raises `UserError` when there is none in what a person knows by this name.
    """
    found = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in TEXTS and path.is_file()]
    found = [path for path in found if path.name.lower() not in NOT_TWEETS]
    if not found:
        inner = [path for path in folder.iterdir() if path.is_dir() and path.name != "images"]
        if len(inner) == 1:
            return tables(inner[0], name)
        raise UserError(
            f"There is no table of tweets in {name!r}. Please put train.txt, dev.txt, valid.txt or test.txt, a "
            ".jsonl or a .csv there, and the pictures into a folder images beside it."
        )
    ranks = {name: rank for rank, name in enumerate(PREFERRED)}
    return sorted(found, key=lambda path: ranks.get(path.stem.lower(), len(ranks)))


def open_upload(path: Path, folder: Path) -> tuple[list[Path], list[str]]:
    """The tables in a ZIP (which is unpacked into `folder`), a folder or a single file; and what was left out.

    Raises `UserError` for what holds no table, or must not be unpacked.
    """
    if path.is_dir():
        return tables(path, path.name), []
    if not path.is_file():
        raise UserError(f"There is no file or folder {path}. Please check the path.")
    if path.suffix.lower() == ".zip":
        left_out = unpack(path, folder)
        return tables(folder, path.name), left_out
    if path.suffix.lower() not in TEXTS:
        raise UserError(f"{path.name!r} is neither a ZIP nor a .txt, .jsonl or .csv file. Please choose one of these.")
    return [path], []


def read_data_set(
    table: Path, images: Path | None = None, progress: Callable[[int, int], None] = lambda done, of: None
) -> DataSet:
    """The tweets of a table with the pictures that can be opened, and a sentence for everything that cannot be used.

    Args:
        images: where pictures are looked for, by default `images/` beside the table.
        progress: told how many of how many pictures have been opened.

    Raises:
        UserError: not one tweet can be used; the sentence says why.
    """
    problems: list[str] = []

    def report(error: UserError) -> None:
        problems.append(str(error).replace(str(folder), folder.name).replace(str(table), table.name))

    folder = images or table.parent / "images"
    conll = table.suffix.lower() == ".txt"
    if conll:
        folder_or_none = folder if folder.is_dir() else None
        if folder_or_none is None:
            problems.append(
                f"{table.name}: there is no folder images beside it; all tweets are read without a picture."
            )
        read = read_conll(table, folder_or_none, report)
    else:
        read = read_tweets(table, folder, report)
    examples = [replace(example, text=example.text or " ".join(example.words)) for example in read]
    examples = _usable(examples, table, problems)
    examples = _with_sound_pictures(examples, problems, progress)
    training = next((path for path in table.parent.glob("train.*") if path.suffix in TEXTS and path != table), None)
    return DataSet(table.name, tuple(examples), tuple(problems), training)


def read_table(table: Path) -> list[Example]:
    """The tweets of a table for their words alone: no picture is opened, and bad lines are left out."""

    def ignore(error: UserError) -> None:
        pass

    if table.suffix.lower() == ".txt":
        return read_conll(table, None, ignore)
    return read_tweets(table, table.parent / "images", ignore)


def _usable(examples: list[Example], table: Path, problems: list[str]) -> list[Example]:
    """Without the tweets that a person could not paste either, and with every id once."""
    usable: list[Example] = []
    seen: set[str] = set()
    for example in examples:
        try:
            split_words(example.text or "")
        except UserError as error:
            problems.append(f"{table.name}, tweet {example.id}: left out. {error}")
            continue
        name, again = example.id, 2
        while name in seen:
            name, again = f"{example.id} ({again})", again + 1
        if name != example.id:
            problems.append(f"{table.name}: the id {example.id!r} comes again; that tweet is called {name!r} here.")
        seen.add(name)
        usable.append(replace(example, id=name))
    if not usable:
        reason = f" {problems[0]}" if problems else ""
        raise UserError(f"{table.name} has no tweet that can be used.{reason}")
    return usable


def _with_sound_pictures(
    examples: list[Example], problems: list[str], progress: Callable[[int, int], None]
) -> list[Example]:
    """Each picture is opened once, whole: one that cannot be decoded is taken from its tweets and listed."""
    paths = list(dict.fromkeys(example.picture for example in examples if example.picture is not None))
    broken: set[Path] = set()
    for number, path in enumerate(paths):
        if number % CHECKED_AT_ONCE == 0:
            progress(number, len(paths))
        try:
            open_picture(path)
        except UserError as error:
            broken.add(path)
            problems.append(f"{error} Its tweets are read without a picture.")
    return [replace(example, picture=None) if example.picture in broken else example for example in examples]
