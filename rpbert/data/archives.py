"""A ZIP from a stranger: checked whole before a byte is unpacked, and unpacked without trusting what it claims."""

import shutil
import stat
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath

from rpbert.errors import UserError

MAX_FILES = 25_000
MAX_MEGABYTES = 4_000  # unpacked, all files together
MAX_FILE_MEGABYTES = 200
MAX_RATIO = 200  # unpacked to packed, of a file of more than a megabyte; text and pictures stay far below
TEXTS = (".txt", ".jsonl", ".csv")
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst")
MEGABYTE = 1_000_000
CHUNK = 1 << 16


def unpack(archive: Path, folder: Path) -> list[str]:
    """Unpack the tables and pictures of a ZIP into `folder`.

    Returns:
        A sentence for each file that was left out: damaged, or of a kind that no data set needs.

    Raises:
        UserError: not a ZIP, or one that must not be unpacked: encrypted, too large, too many files, a suspicious
            ratio, names that lead out of the folder or come twice, links, archives inside.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            members = [member for member in file.infolist() if not member.is_dir() and not _of_the_system(member)]
            check(members)
            return [sentence for member in members if (sentence := _unpack_one(file, member, folder)) is not None]
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError) as error:
        raise UserError(f"{archive.name} cannot be opened as a ZIP: {error}. Please pack it again.") from error


def check(members: list[zipfile.ZipInfo]) -> None:
    """Raise `UserError` with the first reason not to unpack these members of a ZIP."""
    if len(members) > MAX_FILES:
        raise UserError(f"The archive has {len(members):,} files; at most {MAX_FILES:,} can be read. Please split it.")
    for member in members:
        _check_name(member)
        _check_size(member)
    (name, times) = Counter(member.filename.casefold() for member in members).most_common(1)[0] if members else ("", 1)
    if times > 1:
        raise UserError(f"The archive has the file {name[:80]!r} {times} times. Please pack it again.")
    megabytes = sum(member.file_size for member in members) / MEGABYTE
    if megabytes > MAX_MEGABYTES:
        raise UserError(
            f"The archive unpacks to {megabytes:,.0f} MB; at most {MAX_MEGABYTES:,} MB can be read. Please make the "
            "pictures smaller: the model reads them at 224 pixels."
        )


def _of_the_system(member: zipfile.ZipInfo) -> bool:
    """What a Mac or Windows puts into every archive and nobody means."""
    path = PurePosixPath(member.filename)
    return "__MACOSX" in path.parts or path.name in (".DS_Store", "Thumbs.db", "desktop.ini")


def _check_name(member: zipfile.ZipInfo) -> None:
    name = member.filename
    path = PurePosixPath(name)
    odd = any(ord(character) < 32 for character in name) or "\\" in name or ":" in name
    if odd or path.is_absolute() or ".." in path.parts:
        raise UserError(
            f"The archive has a file named {name[:80]!r}, which leads out of its folder. It was not opened."
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise UserError(f"The archive has the link {name[:80]!r}. Please pack the files themselves.")
    if member.flag_bits & 1:
        raise UserError(f"{name[:80]!r} is encrypted. Please pack the files without a password.")
    if path.suffix.lower() in ARCHIVES:
        raise UserError(f"The archive has another archive in it, {name[:80]!r}. Please unpack that one first.")


def _check_size(member: zipfile.ZipInfo) -> None:
    if member.file_size > MAX_FILE_MEGABYTES * MEGABYTE:
        raise UserError(
            f"{member.filename[:80]!r} unpacks to {member.file_size / MEGABYTE:,.0f} MB; at most "
            f"{MAX_FILE_MEGABYTES} MB a file can be read. Please make it smaller."
        )
    if member.file_size > MEGABYTE and member.file_size > MAX_RATIO * max(member.compress_size, 1):
        raise UserError(
            f"{member.filename[:80]!r} unpacks to more than {MAX_RATIO} times its size, as no table or picture does. "
            "It was not opened."
        )


def _unpack_one(file: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> str | None:
    path = PurePosixPath(member.filename)
    if path.suffix.lower() not in (*TEXTS, *PICTURES):
        return f"{member.filename[:80]}: left out, for it is neither a table (.txt, .jsonl, .csv) nor a picture."
    target = folder.joinpath(*path.parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open(member) as source, target.open("wb") as out:  # zipfile reads no further than the size it claims
            shutil.copyfileobj(source, out, CHUNK)
    except (zipfile.BadZipFile, EOFError, ValueError, OSError) as error:
        target.unlink(missing_ok=True)
        return f"{member.filename[:80]}: left out, for it is damaged in the archive ({error})."
    return None
