"""The files of a run: what is done already, what is cut short, what several processes wrote."""

import heapq
from contextlib import ExitStack
from pathlib import Path

from rpbert.errors import UserError
from rpbert.evaluation.records import Header, read_records, to_line

CHUNK = 16  # tweets that are read and written together; so few that a run stops within two seconds


def part_of(path: Path, rank: int) -> Path:
    """Where a process of several writes."""
    return path.with_name(f"{path.name}.part{rank}")


def whole_chunks(path: Path, header: Header, tidy: bool) -> set[int]:
    """First rows of the chunks that `path` has whole.

    With `tidy`, what is cut short is taken out of the file, so that it can be added to.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return set()
    known, records = read_records(path)
    if known != header:
        raise UserError(
            f"{path} holds another run: of {known.data}, checkpoint {known.checkpoint}, gate {known.gate}. Please name "
            "another file, or delete it."
        )
    counts: dict[int, int] = {}
    cut = path.read_bytes()[-1:] != b"\n"
    for record in records:
        begin = record.row - record.row % CHUNK
        counts[begin] = counts.get(begin, 0) + 1
    whole = {begin for begin, count in counts.items() if count == min(CHUNK, header.tweets - begin)}
    if tidy and (cut or len(whole) < len(counts)):
        draft = path.with_name(f"{path.name}.draft")
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            file.write(to_line(header))
            for record in read_records(path)[1]:
                if record.row - record.row % CHUNK in whole:
                    file.write(to_line(record))
        draft.replace(path)
    return whole


def join(path: Path, header: Header) -> None:
    """Put the parts that several processes wrote into `path`, in the order of the data set, and delete them."""
    parts = sorted(path.parent.glob(f"{path.name}.part*"))
    if not parts:
        return
    draft = path.with_name(f"{path.name}.draft")
    with ExitStack() as stack:
        file = stack.enter_context(draft.open("w", encoding="utf-8", newline="\n"))
        file.write(to_line(header))
        sources = []
        for source in (*parts, path):
            if source.is_file() and source.stat().st_size > 0:
                known, records = read_records(source)
                if known == header:
                    sources.append(records)
        for record in heapq.merge(*sources, key=lambda record: record.row):
            file.write(to_line(record))
    draft.replace(path)
    for part in parts:
        part.unlink()
