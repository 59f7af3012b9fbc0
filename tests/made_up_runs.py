"""Made-up records of one sentence, for tests of what is made of a run."""

from rpbert.evaluation.records import Chance, Header, Record, Run, labels_of
from rpbert.model.crf import Span

TEXT = "Ana Lima met Jordan in New York City"
OFFSETS = ((0, 3), (4, 8), (9, 12), (13, 19), (20, 22), (23, 26), (27, 31), (32, 36))
ANA, JORDAN, CITY = (0, 2, "PER"), (3, 4, "PER"), (5, 8, "LOC")


def record(
    gold: list[Span] | None,
    own: list[Span],
    without: list[Span] | None = None,
    chances: dict[Span, tuple[float, float, float]] | None = None,
    picture: str | None = "1.jpg",
    row: int = 0,
) -> Record:
    """A record of the sentence above; probabilities of 0.5 where nothing else is said."""
    without = own if without is None else without
    every = dict.fromkeys([*(gold or []), *own, *without])
    values = {span: (chances or {}).get(span, (0.5, 0.5, 0.5)) for span in every}
    return Record(
        row=row,
        id=str(row),
        text=TEXT,
        offsets=OFFSETS,
        labels=None if gold is None else labels_of(gold, len(OFFSETS)),
        visible=None,
        seen=None,
        image_adds=1,
        text_represented=0,
        english=True,
        picture=picture,
        other="2.jpg",
        scene=None,
        belongs=None,
        adds=0.7,
        shows=0.2,
        gate=0.7,
        own=tuple(own),
        without=tuple(without),
        swapped=tuple(own),
        chances=tuple(Chance(span, *three) for span, three in values.items()),
        loss=1.0,
    )


def run_of(*records: Record) -> Run:
    return Run(Header("toy", "f", len(records), "abc", "soft"), records)
