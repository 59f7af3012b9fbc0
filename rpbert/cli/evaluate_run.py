"""`rpbert evaluate DATA --report out.html`: a run over a data set, which goes on where it stopped, and its report."""

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from rpbert.data.scene_lines import read_scenes
from rpbert.data.uploads import DataSet, open_upload, read_data_set, read_table
from rpbert.evaluation.case_table import case_table
from rpbert.evaluation.html_report import html_report, mistakes_only
from rpbert.evaluation.readings import RecentPictures
from rpbert.evaluation.records import Run, load_run
from rpbert.evaluation.run import Runner, names_of
from rpbert.evaluation.run_comparison import compare_runs
from rpbert.evaluation.run_files import join
from rpbert.model.checkpoint import checkpoint_identity, load_checkpoint
from rpbert.model.gates import parse_gate


def run(arguments: argparse.Namespace) -> None:
    """Read all tweets that the file of results does not have yet, then write what was asked for."""
    results = arguments.results or arguments.report.with_suffix(".jsonl")
    with TemporaryDirectory() as folder:
        data = _data_set(arguments, Path(folder))
        rank, processes, wait = _processes()
        model, tokenizer = load_checkpoint(arguments.checkpoint)
        names = None if arguments.training is None else names_of(read_table(arguments.training))
        identity = checkpoint_identity(arguments.checkpoint)
        runner = Runner(model, tokenizer, identity, data, parse_gate(arguments.gate), names)
        if arguments.cache is not None and model.config.scene_text:
            pictures = [example.picture for example in data.examples if example.picture is not None]
            runner.pictures = RecentPictures(model, read_scenes(pictures, arguments.cache))
        if rank == 0:
            join(results, runner.header)  # what a killed run of several processes left
        wait()
        with tqdm(total=len(data.examples), unit="tweet", disable=rank > 0) as bar:
            for progress in runner.run(results, rank, processes):
                bar.update(progress.done - bar.n)
        wait()
        if rank == 0:
            join(results, runner.header)
            _write(arguments, load_run(results), data)


def _data_set(arguments: argparse.Namespace, folder: Path) -> DataSet:
    tables, left_out = open_upload(arguments.path, folder)
    data = read_data_set(tables[0], arguments.images)
    return replace(data, examples=data.examples[: arguments.limit], problems=(*left_out, *data.problems))


def _processes() -> tuple[int, int, Callable[[], None]]:
    """This process's number, how many there are, and how to wait for all; as `accelerate launch` says."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return 0, 1, lambda: None
    from accelerate import PartialState  # noqa: PLC0415 - needed for this alone

    state = PartialState()
    return state.process_index, state.num_processes, state.wait_for_everyone


def _write(arguments: argparse.Namespace, found: Run, data: DataSet) -> None:
    for problem in found.header.problems:
        print(f"note: {problem}")
    print(f"{len(found.records)} tweets of {found.header.data}, checkpoint {found.header.checkpoint}")
    if arguments.report is None:
        return
    cases = case_table(found)
    other = None if arguments.compare is None else compare_runs(load_run(arguments.compare), found)
    pictures = (lambda row: data.examples[row].picture) if arguments.thumbnails else None
    page = html_report(found, cases, mistakes_only(cases), {}, other, pictures)
    arguments.report.write_text(page, encoding="utf-8")
    print(f"The report is in {arguments.report}.")
