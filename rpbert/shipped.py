"""Files that ship with the package and are no Python: the assets, the trained checkpoint, the recipes.

`assets/` and `checkpoints/` stand beside the package in a clone, also after `pip install -e .`.
A wheel carries them inside the package (pyproject.toml), because site-packages belongs to all packages.
"""

from importlib.resources import files
from pathlib import Path

PACKAGE = Path(str(files("rpbert")))


def _folder(name: str) -> Path:
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.with_name(name)


ASSETS = _folder("assets")
DEFAULT_CHECKPOINT = _folder("checkpoints") / "rpbert-mini"
RECIPES = PACKAGE / "training" / "recipes"
