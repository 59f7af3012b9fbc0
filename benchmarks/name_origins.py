"""Are names of some origins found less reliably? The same sentences with names from eight parts of the world.

    python benchmarks/name_origins.py [--checkpoint FOLDER_OR_HUB_ID] [--json FILE]

Common full names, invented by combining frequent first and family names, stand in the same five sentences. Printed is
the share that is read as exactly one PER, as written and in small letters. Ten names are few: read differences below
0.15 as none.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package stands one folder up

from rpbert.analyzer import Analyzer
from rpbert.cli.options import add_checkpoint

NAMES = {
    "English": "John Miller, Emily Clark, Jack Turner, Sarah Wilson, Tom Baker, Grace Hill, Adam Scott, Lucy Ward, "
    "Peter Moore, Anna Reed",
    "Spanish": "Carlos Jiménez, Lucía Fernández, Javier Morales, Carmen Ortega, Diego Herrera, Elena Castro, "
    "Pablo Reyes, Marta Delgado, Luis Navarro, Rosa Aguilar",
    "West African": "Kwame Mensah, Chinedu Okafor, Ngozi Adeyemi, Fatou Diop, Kofi Owusu, Amina Bello, Yaw Boateng, "
    "Aïssata Traoré, Emeka Nwosu, Adwoa Asante",
    "Arabic": "Omar Haddad, Layla Nasser, Yusuf Khalil, Fatima Mansour, Khalid Saleh, Noor Hamdan, Tariq Aziz, "
    "Huda Farouk, Sami Darwish, Rania Issa",
    "South Asian": "Arjun Sharma, Priya Patel, Imran Qureshi, Lakshmi Iyer, Rahul Verma, Ayesha Malik, Vikram Reddy, "
    "Sunita Rao, Tariq Hussain, Ananya Das",
    "Chinese": "Wei Zhang, Li Na Chen, Xiaoming Wang, Yifan Liu, Mei Huang, Jun Zhao, Hui Wu, Qiang Zhou, Fang Xu, "
    "Lei Sun",
    "Japanese": "Haruto Tanaka, Yui Sato, Kenji Suzuki, Aiko Yamamoto, Takumi Ito, Sakura Nakamura, Daiki Kobayashi, "
    "Hana Kato, Ryo Yoshida, Emi Sasaki",
    "Slavic": "Ivan Petrov, Olga Smirnova, Piotr Kowalski, Katarzyna Nowak, Dmitri Volkov, Milena Jovanović, "
    "Jakub Novák, Oksana Shevchenko, Marek Zieliński, Vesna Horvat",
}
SENTENCES = (
    "So happy to see {} win tonight!",
    "RT @news: {} speaks about the new school",
    "Had coffee with {} this morning :)",
    "{} is my favourite singer, no question",
    "Thanks to {} for the lovely photo",
)


def share_found(analyzer: Analyzer, names: list[str]) -> float:
    """Share of the names, over all sentences, that are read as exactly one PER."""
    hits = []
    for name in names:
        for sentence in SENTENCES:
            start = sentence.index("{}")
            entities = analyzer.analyze(sentence.format(name)).entities
            hits.append(any((e.start, e.end, e.type) == (start, start + len(name), "PER") for e in entities))
    return sum(hits) / len(hits)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    add_checkpoint(parser)
    arguments = parser.parse_args()
    analyzer = Analyzer.from_pretrained(arguments.checkpoint)
    print(f"checkpoint {analyzer.identity}; share of names found, {len(SENTENCES)} sentences per name")
    print(f"{'origin':14} {'as written':>10} {'small letters':>14}")
    rows = {}
    for origin, joined in NAMES.items():
        names = joined.split(", ")
        small = share_found(analyzer, [name.lower() for name in names])
        rows[origin] = {"as written": share_found(analyzer, names), "small letters": small}
        print(f"{origin:14} {rows[origin]['as written']:10.2f} {small:14.2f}")
    if arguments.json is not None:
        result = {"benchmark": "name_origins", "checkpoint": analyzer.identity, "rows": rows}
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
