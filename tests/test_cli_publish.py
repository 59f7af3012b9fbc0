"""`rpbert publish` against a Hub that only writes down what it is asked for."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub import CommitOperationDelete
from huggingface_hub.errors import LocalTokenNotFoundError

from rpbert.cli import main, publish
from rpbert.cli.app import add_options
from rpbert.cli.options import CHECKPOINT_VARIABLE
from rpbert.shipped import DEFAULT_CHECKPOINT


class FakeHub:
    """In place of `HfApi`; `asked` holds what reached it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.files: dict[str, bytes] = {}

    def create_repo(self, name: str, **settings: Any) -> None:
        self.asked.append((f"repo {name}", settings))

    def create_commit(self, name: str, operations: list[Any], **settings: Any) -> Any:
        self.asked.append((f"commit {name}", settings))
        for operation in operations:
            path = f"{name}/{operation.path_in_repo}"
            if isinstance(operation, CommitOperationDelete):
                del self.files[path]
                continue
            with operation.as_file() as file:
                self.files[path] = file.read()
        return SimpleNamespace(commit_url=f"https://hub.test/{name}/commit/1")

    def list_repo_files(self, name: str, repo_type: str) -> list[str]:
        assert repo_type == "space"
        return [path.removeprefix(f"{name}/") for path in self.files if path.startswith(f"{name}/")]

    def add_space_variable(self, name: str, key: str, value: str) -> None:
        self.asked.append((f"variable {name}", {key: value}))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub()
    monkeypatch.setattr(publish, "HfApi", lambda: fake)
    return fake


def test_a_space_holds_all_that_the_app_needs(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "--space", "me/rpbert"]) == 0
    (repo, settings), (commit, kind) = hub.asked
    assert (repo, settings["space_sdk"], settings["private"]) == ("repo me/rpbert", "gradio", False)
    assert (commit, kind["repo_type"]) == ("commit me/rpbert", "space")
    names = {path.removeprefix("me/rpbert/") for path in hub.files}
    assert {
        "app.py",
        "requirements.txt",
        "README.md",
        "rpbert/ui/static/page.js",
        "assets/samples/samples.json",
    } < names
    weights = hub.files["me/rpbert/checkpoints/rpbert-mini/model.safetensors"]
    assert weights == (DEFAULT_CHECKPOINT / "model.safetensors").read_bytes()
    assert not any("__pycache__" in name or name.startswith(("tests", ".git", "benchmarks")) for name in names)
    assert "https://hub.test/me/rpbert/commit/1" in capsys.readouterr().out


def test_what_is_gone_here_goes_there_and_own_additions_stay(hub: FakeHub) -> None:
    hub.files = {"me/rpbert/rpbert/old.py": b"", "me/rpbert/.gitattributes": b"", "me/rpbert/notes/mine.md": b""}
    assert main(["publish", "--space", "me/rpbert"]) == 0
    assert "me/rpbert/rpbert/old.py" not in hub.files
    assert {"me/rpbert/.gitattributes", "me/rpbert/notes/mine.md", "me/rpbert/app.py"} < hub.files.keys()


def test_a_model_of_its_own_leaves_the_space_without_weights(hub: FakeHub) -> None:
    assert main(["publish", "--space", "me/page", "--model", "me/rpbert-mini", "--private"]) == 0
    assert [name for name, _ in hub.asked] == [
        "repo me/rpbert-mini",
        "commit me/rpbert-mini",
        "repo me/page",
        "commit me/page",
        "variable me/page",
    ]
    assert hub.asked[0][1] == {"repo_type": "model", "private": True, "exist_ok": True, "space_sdk": None}
    assert hub.asked[-1][1] == {CHECKPOINT_VARIABLE: "me/rpbert-mini"}
    assert "me/rpbert-mini/model.safetensors" in hub.files
    assert not any(path.startswith("me/page/checkpoints") for path in hub.files)
    head = hub.files["me/page/README.md"].decode().split("---\n")[1]
    assert re.search(r"^models:\n  - me/rpbert-mini\npreload_from_hub:\n  - me/rpbert-mini\n", head, re.MULTILINE)
    assert "sdk: gradio\n" in head


def test_a_dry_run_asks_nothing(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "--space", "me/page", "--model", "me/rpbert-mini", "--dry-run"]) == 0
    assert hub.asked == []
    out = capsys.readouterr().out
    assert "for the model me/rpbert-mini" in out
    assert "\n  rpbert/analyzer.py\n" in out


def test_what_is_missing_is_told(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    assert main(["publish"]) == 2
    assert "--space USER/NAME" in capsys.readouterr().err

    def no_login(*_: Any, **__: Any) -> None:
        raise LocalTokenNotFoundError("no token")

    monkeypatch.setattr(hub, "create_repo", no_login)
    assert main(["publish", "--space", "me/page"]) == 2
    assert "hf auth login" in capsys.readouterr().err


def test_the_app_shows_the_checkpoint_that_the_variable_names(monkeypatch: pytest.MonkeyPatch) -> None:
    import argparse

    def chosen(*given: str) -> list[str]:
        parser = argparse.ArgumentParser()
        add_options(parser)
        checkpoints: list[str] = parser.parse_args(given).checkpoint
        return checkpoints

    assert chosen() == [str(DEFAULT_CHECKPOINT)]
    monkeypatch.setenv(CHECKPOINT_VARIABLE, "me/rpbert-mini")
    assert chosen() == ["me/rpbert-mini"]
    assert chosen("--checkpoint", "here") == ["here"]
