"""Search for the five stories of the tab "How it works", and write those whose claim holds.

    python benchmarks/find_stories.py [--checkpoint FOLDER] [--limit N] [--write]

Each story's claim (`rpbert.ui.walkthrough.stories.holds`) is held against its own picture, another picture, a plain
grey one, and no picture. Prints how many tweets hold for each kind and the one with the largest margin; `--write` puts
these into assets/stories.json. A kind for which nothing holds keeps the story it has, and is named at the end.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package stands one folder up

from find_examples import Album, tweets

from rpbert.analyzer import Analyzer
from rpbert.explain.what_if import blank_picture
from rpbert.shipped import ASSETS, DEFAULT_CHECKPOINT
from rpbert.ui.samples import SAMPLES, load_samples
from rpbert.ui.walkthrough.stories import KINDS, STORIES, Evidence, Story, entity_called, holds, lead_of

GREY = "grey"
READINGS = {"PER": ("PER", "LOC", "ORG"), "LOC": ("PER", "LOC", "ORG"), "MISC": ("MISC", "PER", "ORG")}


def candidates(pictures: list[str], limit: int | None) -> Iterator[Story]:
    """Tweets in a mixed order, each with its own picture and another one, as a story of every kind."""
    alts = {sample.picture.name: sample.alt for sample in load_samples() if sample.picture is not None}
    mixed = [tweet for tweet in tweets() if tweet[3] in pictures]
    random.Random(0).shuffle(mixed)
    for text, name, truth, fitting in mixed[:limit]:
        for other in pictures:
            if other == fitting:
                continue
            for kind in KINDS:
                # The picture that misleads, or that is irrelevant, is the one that does not fit.
                own, beside = (other, fitting) if kind in ("misleads", "irrelevant") else (fitting, other)
                asked = "" if kind in ("irrelevant", "unchanged") else name
                readings = (*READINGS[truth], "none")[:3] if asked and kind != "ambiguous" else ()
                parts = (SAMPLES / own, alts.get(own, ""), SAMPLES / beside, "soft", asked)
                yield Story(kind, f"{name}", text, *parts, truth if asked else "none", readings)


def margin(story: Story, evidence: Evidence) -> float:
    """How clearly the claim holds."""
    if story.kind == "irrelevant":
        return evidence.other.gate - evidence.shown.gate
    if story.kind == "unchanged":
        return evidence.shown.gate
    entity = entity_called(evidence.shown, story.name) or entity_called(evidence.alone, story.name)
    if entity is None:
        return 0.0
    return -lead_of(entity) if story.kind == "ambiguous" else abs(entity.confidence - entity.confidence_without_picture)


def search(album: Album, limit: int | None) -> dict[str, list[tuple[float, Story]]]:
    """All stories whose claim holds, with their margins, by kind."""
    found: dict[str, list[tuple[float, Story]]] = {kind: [] for kind in KINDS}
    read: dict[tuple[str, str], Any] = {}

    def beside(text: str, picture: str) -> Any:
        if (text, picture) not in read:
            read[text, picture] = album.analyzer.analyze(text) if not picture else album.beside(text, picture)
        return read[text, picture]

    for story in candidates([name for name in album.seen if name != GREY], limit):
        places = (story.picture.name, "", story.other.name, GREY)
        evidence = Evidence(*(beside(story.text, place) for place in places))
        if holds(story, evidence):
            found[story.kind].append((margin(story, evidence), story))
    return found


def to_json(story: Story) -> dict[str, Any]:
    """A row of assets/stories.json."""
    values = vars(story)
    return {**values, "picture": story.picture.name, "other": story.other.name, "readings": list(story.readings)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default=str(DEFAULT_CHECKPOINT))
    parser.add_argument("--limit", type=int, help="only N tweets, picked at random")
    parser.add_argument("--write", action="store_true", help="write the best of each kind into assets/stories.json")
    arguments = parser.parse_args()
    album = Album(Analyzer.from_pretrained(arguments.checkpoint), Path(ASSETS / "samples"))
    album.seen[GREY] = album.analyzer.prepare("picture", blank_picture())
    found, rows = search(album, arguments.limit), json.loads(STORIES.read_text(encoding="utf-8"))
    used: set[str] = set()
    for number, kind in enumerate(KINDS):
        fresh = [pair for pair in found[kind] if pair[1].text not in used]
        best = max(fresh, key=lambda pair: pair[0], default=None)
        print(f"{kind}: {len(found[kind])} hold" + (f", best by {best[0]:.2f}: {best[1].text!r}" if best else ""))
        if best is not None:
            used.add(best[1].text)
            row = next(place for place, one in enumerate(rows) if one["kind"] == kind)
            rows[row] = {**to_json(best[1]), "title": f"{number + 1}: {best[1].title}"}
    if arguments.write:
        STORIES.write_text("[\n " + ",\n ".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n", "utf-8")
    missing = [kind for kind in KINDS if not found[kind]]
    print(f"Nothing holds for: {', '.join(missing) or 'no kind'}.")


if __name__ == "__main__":
    main()
