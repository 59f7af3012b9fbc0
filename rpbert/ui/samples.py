"""The worked examples: tweets written for this project, photographs with licences (assets/samples/LICENSES.md)."""

import json
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from rpbert.shipped import ASSETS

SAMPLES = ASSETS / "samples"


@dataclass(frozen=True)
class Sample:
    """A tweet, its picture (None: text only) and what there is to see."""

    id: str
    title: str
    text: str
    picture: Path | None
    alt: str  # what the picture shows, for those who do not see it

    @property
    def picture_id(self) -> str | None:
        """How links name the picture; None without one."""
        return None if self.picture is None else self.id

    def open(self) -> Image.Image:
        """The picture, RGB."""
        assert self.picture is not None
        with Image.open(self.picture) as picture:
            return picture.convert("RGB")


def load_samples() -> list[Sample]:
    """The examples in the order of the page; the first is what it opens on."""
    rows = json.loads((SAMPLES / "samples.json").read_text(encoding="utf-8"))
    return [
        Sample(row["id"], row["title"], row["text"], SAMPLES / row["picture"] if row["picture"] else None, row["alt"])
        for row in rows
    ]
