"""`rpbert publish`: the page as a Hugging Face Space, the checkpoint as a model on the Hub."""

import argparse
import os
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled

from rpbert.cli.options import CHECKPOINT_VARIABLE
from rpbert.errors import UserError
from rpbert.shipped import DEFAULT_CHECKPOINT, PACKAGE

CLONE = PACKAGE.parent
PARTS = ("app.py", "requirements.txt", "README.md", "LICENSE", "rpbert", "assets", "checkpoints")  # what a Space needs
LEFT_OUT = {"__pycache__"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--space", metavar="USER/NAME", help="make or update this Space")
    parser.add_argument(
        "--model", metavar="USER/NAME", help="make or update this model; the Space then loads its checkpoint from there"
    )
    parser.add_argument("--private", action="store_true", help="nobody else sees what is made")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be uploaded")


def run(arguments: argparse.Namespace) -> None:
    """The command. Raises `UserError` outside a clone, without a login, and for what the Hub refuses."""
    if not (arguments.space or arguments.model):
        raise UserError("Please name what to publish: --space USER/NAME, --model USER/NAME, or both.")
    if not (CLONE / "app.py").is_file():
        raise UserError("An installed package cannot be published. Please run this in a clone of the repository.")
    api = HfApi()
    try:
        if arguments.model:
            files = {path.name: path for path in sorted(DEFAULT_CHECKPOINT.iterdir())}
            _upload(api, arguments, arguments.model, "model", files)
        if arguments.space:
            _upload(api, arguments, arguments.space, "space", space_files(arguments.model))
            if arguments.model and not arguments.dry_run:
                api.add_space_variable(arguments.space, CHECKPOINT_VARIABLE, arguments.model)
    except LocalTokenNotFoundError as error:
        raise UserError("You are not logged in to the Hugging Face Hub. Please run: hf auth login") from error
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError) as error:
        raise UserError(f"The Hugging Face Hub did not take it: {error}") from error


def space_files(model: str | None) -> dict[str, Path | bytes]:
    """What a Space holds, by its path there; with a `model` on the Hub, no weights."""
    parts = [part for part in PARTS if part != "checkpoints" or model is None]
    paths = [path for part in parts for path in _files_below(CLONE / part)]
    files: dict[str, Path | bytes] = {path.relative_to(CLONE).as_posix(): path for path in paths}
    if model is not None:
        files["README.md"] = front_matter((CLONE / "README.md").read_text(encoding="utf-8"), model).encode()
    return files


def front_matter(readme: str, model: str) -> str:
    """The README of a Space whose weights are the model's: the Hub links it, and has it there when the Space starts."""
    start, settings, body = readme.split("---\n", 2)
    assert start == "", "README.md begins with the settings of a Space"
    return f"---\n{settings}models:\n  - {model}\npreload_from_hub:\n  - {model}\n---\n{body}"


def _files_below(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [file for file in sorted(path.rglob("*")) if file.is_file() and not LEFT_OUT & set(file.parts)]


def _upload(
    api: HfApi, arguments: argparse.Namespace, name: str, kind: str, files: dict[str, Path] | dict[str, Path | bytes]
) -> None:
    """One commit with all files, after the repository was made if it is new. The library sends large ones apart.

    From a Space go the files that an earlier upload left in the folders that are uploaded.
    """
    sizes = [len(content) if isinstance(content, bytes) else os.path.getsize(content) for content in files.values()]
    told = f"{len(files)} files, {sum(sizes) / 1e6:.1f} MB, for the {kind} {name}"
    if arguments.dry_run:
        print("Would upload", told)
        print(*(f"  {path}" for path in files), sep="\n")
        return
    api.create_repo(
        name, repo_type=kind, private=arguments.private, exist_ok=True, space_sdk="gradio" if kind == "space" else None
    )
    there = api.list_repo_files(name, repo_type=kind) if kind == "space" else []
    gone = [path for path in there if path.split("/")[0] in PARTS and path not in files]  # own additions stay
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        *(CommitOperationAdd(path, content) for path, content in files.items()),
        *(CommitOperationDelete(path) for path in gone),
    ]
    done = api.create_commit(name, operations, commit_message="Upload by rpbert publish", repo_type=kind)
    print(f"Uploaded {told}: {done.commit_url}")
