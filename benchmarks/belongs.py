"""Does the model see which picture goes with a tweet? 24 tweets written for it, each with three photographs.

One photograph fits the tweet, one shares a theme with it, one has nothing to do with it. Prints P(belongs) of all three
and two counts: how often the fitting one has the highest, and how often the unrelated one is under one half.

    python benchmarks/belongs.py [--checkpoint FOLDER] [--json FILE]
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rpbert.analyzer import Analyzer
from rpbert.model.pictures import open_picture
from rpbert.shipped import ASSETS, DEFAULT_CHECKPOINT

PICTURES = {
    "astronaut": "astronaut_eileen_collins.jpg",
    "cameraman": "cameraman.jpg",
    "cat": "cat_chelsea.jpg",
    "coffee": "coffee.jpg",
    "coins": "coins_pompeii.jpg",
    "dandelion": "dandelion.jpg",
    "dogs": "dogs_friends.jpg",
    "hubble": "hubble_deep_field.jpg",
    "pagoda": "pagoda_china.jpg",
    "mountains": "picos_de_europa.jpg",
    "rocket": "rocket_falcon9.jpg",
    "sunset": "sunset.jpg",
}
KINDS = ("fitting", "theme", "unrelated")
TWEETS = [  # text, the picture that fits, one that shares a theme, one that is unrelated
    ("SpaceX just launched another Falcon 9 from Cape Canaveral!", "rocket", "astronaut", "cat"),
    ("Rocket on the pad tonight, fingers crossed for the launch #spaceflight", "rocket", "hubble", "coffee"),
    ("Eileen Collins in her orange space suit, what a hero", "astronaut", "rocket", "dandelion"),
    ("Proud to meet a real NASA astronaut today #womeninscience", "astronaut", "hubble", "dogs"),
    ("My cat stares at me until I get up and feed her", "cat", "dogs", "rocket"),
    ("Those green eyes! Caturday with little Chelsea #cats", "cat", "dogs", "coins"),
    ("First espresso of the day at my favourite cafe in Melbourne", "coffee", "sunset", "hubble"),
    ("Can't work before my coffee, happy Monday everyone", "coffee", "cat", "rocket"),
    ("Two puppies playing in the garden, best friends forever", "dogs", "cat", "coins"),
    ("Who says dogs can't smile? #dogsoftwitter", "dogs", "cat", "hubble"),
    ("Ancient Greek coins found in the ruins of Pompeii", "coins", "pagoda", "dogs"),
    ("Old silver coins at the museum, money was prettier back then #history", "coins", "cameraman", "cat"),
    ("Make a wish and blow! Dandelion seeds in the wind", "dandelion", "sunset", "astronaut"),
    ("Spring is here, dandelions all over the meadow #macro #nature", "dandelion", "mountains", "coffee"),
    ("Thousands of galaxies in one picture, thank you Hubble", "hubble", "rocket", "dogs"),
    ("Stars and galaxies billions of light years away #astronomy", "hubble", "astronaut", "coffee"),
    ("The pagoda by the lake, Summer Palace, Beijing", "pagoda", "sunset", "cat"),
    ("Temples and gardens all day long, China is beautiful #travel", "pagoda", "mountains", "coins"),
    ("Hiking in the Picos de Europa, the view from the top was worth it", "mountains", "sunset", "coffee"),
    ("Snow on the mountains, green valleys below #Asturias", "mountains", "pagoda", "coins"),
    ("What a sunset at the beach tonight", "sunset", "mountains", "coins"),
    ("The sky is on fire, good night from the coast #sunset", "sunset", "hubble", "dogs"),
    ("Filming on the lawn all afternoon, our cameraman never gets tired", "cameraman", "astronaut", "coffee"),
    ("Old black and white photo of a man with his camera on a tripod", "cameraman", "coins", "cat"),
]


def main() -> None:
    """Print the table; with `--json` also write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default=str(DEFAULT_CHECKPOINT))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    analyzer = Analyzer.from_pretrained(arguments.checkpoint)
    opened = {name: open_picture(ASSETS / "samples" / file) for name, file in PICTURES.items()}
    rows: dict[str, dict[str, float]] = {}
    print("fitting  theme  unrelated  tweet (the three pictures)")
    for text, *names in TWEETS:
        relations = [analyzer.analyze(text, opened[name]).relation for name in names]
        found = [relation.belongs for relation in relations if relation is not None and relation.belongs is not None]
        assert len(found) == len(names), "this checkpoint does not ask whether a picture belongs"
        rows[f"{text} ({', '.join(names)})"] = dict(zip(KINDS, found, strict=True))
        print("{:7.2f} {:6.2f} {:10.2f}  {} ({})".format(*found, text, ", ".join(names)))
    highest = sum(row["fitting"] == max(row.values()) for row in rows.values())
    under = sum(row["unrelated"] < 0.5 for row in rows.values())
    print(f"\nP(belongs) is highest for the fitting picture in {highest} of {len(rows)} tweets")
    print(f"P(belongs) of the unrelated picture is under one half in {under} of {len(rows)} tweets")
    if arguments.json is not None:
        counts = {"highest_for_fitting": highest, "unrelated_under_half": under}
        result = {"benchmark": "belongs", "checkpoint": analyzer.identity, **counts, "rows": rows}
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
