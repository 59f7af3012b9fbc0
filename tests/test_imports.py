"""The packages import each other downwards only, and nothing but the page imports gradio."""

import ast
from pathlib import Path

import pytest

import rpbert

PACKAGE = Path(rpbert.__file__).parent
# From the ground up; a room may import itself and those before it.
ROOMS = (
    *("errors", "shipped", "model", "data", "evaluation", "training"),
    *("analysis", "analyzer", "explain", "ui", "cli"),
)
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def room_of(parts: tuple[str, ...]) -> str:
    """The room of a module, by its path below the package."""
    return parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The full names of all modules that a file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            assert node.level == 0, f"{path}: write imports in full"
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", [path for path in FILES if room_of(path.parts) in ROOMS], ids=str)
def test_imports_point_downwards(path: Path) -> None:
    here = ROOMS.index(room_of(path.parts))
    below = {name for name in imported(path) if name.startswith("rpbert.")}
    upwards = {name for name in below if ROOMS.index(room_of(tuple(name.split(".")[1:]))) > here}
    assert not upwards, f"{path} imports from above: {upwards}"


def test_every_file_has_a_room() -> None:
    outside = {str(path) for path in FILES if room_of(path.parts) not in ROOMS}
    assert outside == {"__init__.py", "__main__.py"}


def test_only_the_page_imports_gradio() -> None:
    users = {path.parts[0] for path in FILES if any(name.split(".")[0] == "gradio" for name in imported(path))}
    assert users == {"ui"}
