"""Archives from strangers: what must not be unpacked is refused before a byte is written."""

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rpbert.data import archives
from rpbert.data.archives import unpack
from rpbert.errors import UserError


def archive(folder: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    path = folder / "upload.zip"
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def refused(path: Path, folder: Path) -> str:
    """The refusal; nothing has been unpacked."""
    target = folder / "unpacked"
    target.mkdir()
    with pytest.raises(UserError) as caught:
        unpack(path, target)
    assert list(target.iterdir()) == []
    return str(caught.value)


def test_tables_and_pictures_are_unpacked_and_the_rest_is_told(tmp_path: Path) -> None:
    path = archive(
        tmp_path, {"set/dev.txt": b"a\tO\n", "set/images/1.JPG": b"x", "set/run.exe": b"y", "__MACOSX/._dev.txt": b"z"}
    )
    assert unpack(path, tmp_path / "out") == [
        "set/run.exe: left out, for it is neither a table (.txt, .jsonl, .csv) nor a picture."
    ]
    found = sorted(str(one.relative_to(tmp_path / "out")) for one in (tmp_path / "out").rglob("*") if one.is_file())
    assert found == ["set/dev.txt", "set/images/1.JPG"]


@pytest.mark.parametrize(
    "name", ["../dev.txt", "a/../../dev.txt", "/etc/dev.txt", "C:/dev.txt", "a\\..\\dev.txt", "a\n.txt"]
)
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path, {"dev.txt": b"a\tO\n"})
    with zipfile.ZipFile(path, "a") as file:
        info = zipfile.ZipInfo("x")
        info.filename = name  # as a hostile packer writes it; zipfile itself would tidy it up
        file.writestr(info, b"hostile")
    assert "leads out of its folder" in refused(path, tmp_path)
    assert not (tmp_path / "dev.txt").exists()


def test_links(tmp_path: Path) -> None:
    path = archive(tmp_path, {"dev.txt": b"a\tO\n"})
    with zipfile.ZipFile(path, "a") as file:
        info = zipfile.ZipInfo("images/1.jpg")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    assert "link 'images/1.jpg'" in refused(path, tmp_path)


@pytest.mark.parametrize("name", ["more.zip", "more.tar.gz", "MORE.7Z"])
def test_archives_inside(tmp_path: Path, name: str) -> None:
    assert "another archive" in refused(archive(tmp_path, {"dev.txt": b"a\tO\n", name: b"PK"}), tmp_path)


def test_a_name_that_comes_twice(tmp_path: Path) -> None:
    assert "2 times" in refused(archive(tmp_path, {"dev.txt": b"a\tO\n", "DEV.txt": b"b\tO\n"}), tmp_path)


def test_a_bomb_by_its_ratio(tmp_path: Path) -> None:
    assert "200 times its size" in refused(archive(tmp_path, {"dev.txt": bytes(3_000_000)}), tmp_path)


def test_limits_on_sizes_and_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path, {f"{number}.txt": b"a\tO\n" * 200 for number in range(4)}, zipfile.ZIP_STORED)
    limits: list[tuple[str, float, str]] = [
        ("MAX_FILES", 3, "4 files"),
        ("MAX_FILE_MEGABYTES", 0.0005, "a file"),
        ("MAX_MEGABYTES", 0.003, "unpacks to"),
    ]
    for number, (limit, value, what) in enumerate(limits):
        (tmp_path / str(number)).mkdir()
        with monkeypatch.context() as patch:
            patch.setattr(archives, limit, value)
            assert what in refused(path, tmp_path / str(number))


def test_a_size_that_lies(tmp_path: Path) -> None:
    path = archive(tmp_path, {"dev.txt": b"a\tO\n" * 1000}, zipfile.ZIP_STORED)
    content = path.read_bytes()
    assert content.count((4000).to_bytes(4, "little")) == 4  # packed and unpacked size, in both headers
    path.write_bytes(
        content.replace((4000).to_bytes(4, "little") * 2, (4000).to_bytes(4, "little") + bytes([8, 0, 0, 0]))
    )
    (sentence,) = unpack(path, tmp_path / "out")
    assert sentence.startswith("dev.txt: left out, for it is damaged")
    assert not (tmp_path / "out" / "dev.txt").exists()


def _encrypted(content: bytes) -> bytes:
    central = content.rindex(b"PK\x01\x02")
    return content[: central + 8] + b"\x01" + content[central + 9 :]


def _cut(content: bytes) -> bytes:
    return content[:-30]


@pytest.mark.parametrize(
    ("damage", "what"),
    [(_encrypted, "encrypted"), (_cut, "cannot be opened"), (lambda _: b"no zip", "cannot be opened")],
)
def test_what_cannot_be_opened(tmp_path: Path, damage: Callable[[bytes], bytes], what: str) -> None:
    path = archive(tmp_path, {"dev.txt": b"a\tO\n"})
    path.write_bytes(damage(path.read_bytes()))
    assert what in refused(path, tmp_path)
