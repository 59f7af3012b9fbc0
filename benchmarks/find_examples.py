"""Search for the page's examples: tweets written for this project beside photographs that may be shipped.

    python benchmarks/find_examples.py [--checkpoint FOLDER] [--pictures FOLDER] [--limit N]

Every short tweet about an ambiguous name is read by its words alone and with every photograph. An example is good when
the fitting photograph repairs the name (wrong by the words alone, right with it) with a margin, and when few other
photographs do the same; a bad photograph that misleads is looked for in the same way. Prints tables, asserts nothing.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package stands one folder up

from rpbert.analysis import Analysis
from rpbert.analyzer import Analyzer, Prepared
from rpbert.shipped import ASSETS, DEFAULT_CHECKPOINT

FRAMES = (
    "{} was amazing",
    "Look at {}",
    "{} this morning",
    "A walk with {} this morning",
    "A weekend in {}",
    "Missing {} already",
    "So proud of {} today",
    "{} never disappoints",
    "Good night from {}",
    "{} is looking good this season",
    "Nothing beats {}",
    "Finally saw {} today",
    "Say hello to {}",
    "Ready for {}",
)
# What a reader would call a name beside the photograph that fits it.
FITTING: dict[str, tuple[str, tuple[str, ...]]] = {
    "cat_chelsea.jpg": ("PER", ("Chelsea", "Luna", "Oscar", "Milan", "Sydney", "Dallas", "Brooklyn", "Simba")),
    "dogs_friends.jpg": ("PER", ("Austin", "Rocky", "Bella", "Jordan", "Charlotte", "Lincoln", "Apollo", "Max")),
    "picos_de_europa.jpg": ("LOC", ("Georgia", "Madison", "Victoria", "Jordan", "Sierra", "Virginia", "Aspen", "Eden")),
    "sunset.jpg": ("LOC", ("Jordan", "Savannah", "Phoenix", "Florence", "Carolina", "Chad", "Paris", "Orlando")),
    "pagoda_china.jpg": ("LOC", ("China", "Sydney", "Summer Palace", "Lin", "Lotus", "Hope", "Pearl", "Jade")),
    "rocket_falcon9.jpg": ("MISC", ("Falcon", "Dragon", "Apollo", "Atlas", "Discovery", "Orion", "Delta", "Vega")),
    "astronaut_eileen_collins.jpg": ("PER", ("Collins", "Eileen", "Houston", "Austin", "Sally", "Jordan", "Madison")),
    "hubble_deep_field.jpg": ("MISC", ("Hubble", "Webb", "Kepler", "Galileo", "Horizon", "Orion", "Vega")),
    "cameraman.jpg": ("PER", ("Leica", "Houston", "Austin", "Jordan", "Lincoln", "Paris", "Preston")),
    "coins_pompeii.jpg": ("LOC", ("Pompeii", "Florence", "Augusta", "Alexandria", "Troy", "Roma")),
}
LEAST_MARGIN = 0.1  # by which the right reading must gain


@dataclass(frozen=True)
class Found:
    """What a photograph did to the name of a tweet."""

    text: str
    name: str
    truth: str
    picture: str
    alone: str  # the reading by the words alone; "none" for not a name
    shown: str  # with the photograph
    margin: float  # what the right reading gains (repaired) or loses (misled) in probability
    others: float  # share of the other photographs that do the same
    gate: float


def tweets() -> Iterator[tuple[str, str, str, str]]:
    """All (text, name, what a reader calls it, the photograph that fits)."""
    for picture, (truth, names) in FITTING.items():
        for name in names:
            for frame in FRAMES:
                yield frame.format(name), name, truth, picture


def reading(analysis: Analysis, name: str) -> tuple[str, float]:
    """Type and confidence of exactly these words; ("none", 0) when they are no name of their own."""
    for entity in analysis.entities:
        if entity.text == name:
            return entity.type, entity.confidence
    return "none", 0.0


def support(analysis: Analysis, name: str, truth: str) -> float:
    """How probable the right reading is, as far as the analysis tells."""
    for entity in analysis.entities:
        if entity.text == name:
            if entity.type == truth:
                return entity.confidence
            return entity.runner_up.probability if entity.runner_up.type == truth else 0.0
    return 0.0


class Album:
    """Photographs whose regions and words are looked at once."""

    def __init__(self, analyzer: Analyzer, folder: Path) -> None:
        self.analyzer = analyzer
        self.seen = {path.name: analyzer.prepare("picture", path) for path in sorted(folder.glob("*.jpg"))}

    def beside(self, text: str, picture: str) -> Analysis:
        """The tweet read with one of the photographs."""
        prepared: Prepared = self.analyzer.changed(self.seen[picture], text)
        return self.analyzer.predict(prepared)


def search(album: Album, limit: int | None) -> list[Found]:
    """Everything that a fitting photograph repairs, and everything that another one breaks."""
    found = []
    for text, name, truth, fitting in list(tweets())[:limit]:
        alone = album.analyzer.analyze(text)
        readings = {picture: album.beside(text, picture) for picture in album.seen}
        right_alone = reading(alone, name)[0] == truth
        for picture, analysis in readings.items():
            right = reading(analysis, name)[0] == truth
            if right == right_alone or (right and picture != fitting):
                continue
            same = [reading(other, name)[0] == truth for at, other in readings.items() if at != picture]
            margin = abs(support(analysis, name, truth) - support(alone, name, truth))
            others = sum(one == right for one in same) / len(same)
            kinds = reading(alone, name)[0], reading(analysis, name)[0]
            found.append(Found(text, name, truth, picture, *kinds, margin, others, analysis.gate))
    return [one for one in found if one.margin >= LEAST_MARGIN]


def print_table(title: str, rows: Sequence[Found], most: int = 25) -> None:
    """The best candidates: those that few other photographs share, by their margin."""
    print(f"\n{title}: {len(rows)} found\n\nmargin  others  gate  alone -> shown  picture  tweet")
    for one in sorted(rows, key=lambda row: row.others - row.margin)[:most]:
        print(
            f"{one.margin:.2f}    {one.others:.2f}    {one.gate:.2f}  {one.alone} -> {one.shown}  {one.picture}  "
            f"{one.text!r}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default=str(DEFAULT_CHECKPOINT))
    parser.add_argument("--pictures", type=Path, default=ASSETS / "samples", help="folder of photographs (.jpg)")
    parser.add_argument("--limit", type=int, help="only the first N tweets")
    arguments = parser.parse_args()
    album = Album(Analyzer.from_pretrained(arguments.checkpoint), arguments.pictures)
    found = search(album, arguments.limit)
    print_table("The fitting picture repairs the name", [one for one in found if one.shown == one.truth])
    print_table("A picture misleads", [one for one in found if one.alone == one.truth])


if __name__ == "__main__":
    main()
