"""Many users at once: sixteen clients of the running app, each with its own tweets, for five minutes.

    python benchmarks/load.py [--clients 16] [--seconds 300] [--json FILE]

Each client asks for readings, and every tenth time for a map. Reported are the waits, the errors, the answers that
differ from those to a single user, and the memory. An answer that the queue is full is no error: it is counted apart.
"""

import argparse
import json
import random
import statistics
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package stands one folder up

from gradio_client import handle_file

from benchmarks.serving import RunningApp
from rpbert.ui.samples import Sample, load_samples

MAP_EVERY = 10  # requests of a client
MAP_PRECISION = 3
PRECISION = 4  # decimals that must agree: floating-point sums depend on what else is computed


class Crowd:
    """What the clients saw."""

    def __init__(self, app: RunningApp, samples: list[Sample]) -> None:
        self.app, self.samples = app, samples
        self.alone = {("reading", sample.id): core(app.analyze(sample.text, sample.picture)) for sample in samples}
        for sample in samples:
            if sample.picture is not None:
                self.alone["map", sample.id] = cells(app.explain(sample.text, sample.picture))
        self.lock = threading.Lock()

    def begin(self, clients: int, seconds: float) -> list[threading.Thread]:
        """Let so many clients ask for so long; what they see is counted anew."""
        self.waits: dict[str, list[float]] = {"reading": [], "map": []}
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=self.one_client, args=(number, until)) for number in range(clients)]
        for thread in threads:
            thread.start()
        return threads

    def one_client(self, number: int, until: float) -> None:
        """Ask until the time is over, and at least for one map."""
        client, dice, asked = self.app.new_client(), random.Random(number), 0
        while time.monotonic() < until or asked < MAP_EVERY:
            sample, asked = dice.choice(self.samples), asked + 1
            kind = "map" if asked % MAP_EVERY == 0 and sample.picture is not None else "reading"
            picture = None if sample.picture is None else handle_file(str(sample.picture))
            began = time.monotonic()
            try:
                endpoint = "/explain" if kind == "map" else "/analyze"
                answer = client.predict(sample.text, picture, "soft", api_name=endpoint)
            except Exception as error:  # whatever a client may get is what is measured
                with self.lock:
                    full = "queue" in str(error).lower() and "full" in str(error).lower()
                    self.counts["queue full" if full else "error"] += 1
                    if not full:
                        self.errors.append(f"{kind}: {error}"[:200])
                continue
            with self.lock:
                self.waits[kind].append(time.monotonic() - began)
                self.counts[kind] += 1
                if (core if kind == "reading" else cells)(answer) != self.alone[kind, sample.id]:
                    self.counts["answer differs"] += 1


def core(answer: Any) -> Any:
    """What must be the same for everybody: names and relation, rounded."""
    names = [
        (name["start"], name["end"], name["type"], round(name["confidence"], PRECISION)) for name in answer["entities"]
    ]
    relation = answer["relation"] and {
        key: value and round(value, PRECISION) for key, value in answer["relation"].items()
    }
    return names, relation


def cells(answer: Any) -> Any:
    """What must be the same of a map: every target's cells, rounded (nats)."""
    return [
        (one["target"], [[round(value, MAP_PRECISION) + 0.0 for value in row] for row in one["grid"]])
        for one in answer["targets"]
    ]


def main() -> None:
    """Run the crowd, print what it saw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    with RunningApp() as app:
        crowd = Crowd(app, load_samples())
        before = app.memory("VmRSS")
        clients = crowd.begin(arguments.clients, arguments.seconds)
        time.sleep(arguments.seconds / 2)
        half = app.memory("VmRSS")
        for client in clients:
            client.join()
        rows: dict[str, float] = {
            "clients": arguments.clients,
            "seconds": arguments.seconds,
            **{f"{kind}s answered": len(waits) for kind, waits in crowd.waits.items()},
            **{
                f"wait for a {kind}, median, s": statistics.median(waits)
                for kind, waits in crowd.waits.items()
                if waits
            },
            **{f"wait for a {kind}, slowest, s": max(waits) for kind, waits in crowd.waits.items() if waits},
            "told that the queue is full": crowd.counts["queue full"],
            "errors": crowd.counts["error"],
            "answers that differ from a single user's": crowd.counts["answer differs"],
            "memory before, MB": before,
            "memory at half time, MB": half,
            "memory after, MB": app.memory("VmRSS"),
        }
    for name, value in rows.items():
        print(f"{name:45} {value:10.2f}")
    for error, count in Counter(crowd.errors).most_common(5):
        print(f"{count} times: {error}")
    if arguments.json is not None:
        result = {"benchmark": "load", "rows": {name: {"value": value} for name, value in rows.items()}}
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
