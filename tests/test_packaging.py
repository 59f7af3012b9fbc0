"""The package as it is installed: what a wheel holds, what extras need, and what an import costs."""

import os
import re
import subprocess
import sys
from email import message_from_string
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

import rpbert
from rpbert.cli import main
from rpbert.shipped import ASSETS, DEFAULT_CHECKPOINT, PACKAGE, RECIPES

CLONE = PACKAGE.parent
SAY = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """The wheel that `pip install .` makes."""
    (path,) = WheelBuilder(str(CLONE)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    return ZipFile(path)


def python(*arguments: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-P", *arguments],  # -P: the working folder is no place for packages
        env={**os.environ, "PYTHONPATH": str(CLONE), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def loaded_after(code: str) -> set[str]:
    """The top-level packages that are in memory after `code`."""
    return set(python("-c", f"{code}\n{SAY}").splitlines()[-1].split())


def requirements_of(wheel: ZipFile) -> dict[str, set[str]]:
    """Names of the packages that the wheel asks for, by extra; those without one under the empty name."""
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    found: dict[str, set[str]] = {}
    for line in message_from_string(wheel.read(name).decode()).get_all("Requires-Dist"):
        requirement, _, extra = line.partition("; extra == ")
        found.setdefault(extra.strip("'"), set()).add(re.match(r"[\w-]+", requirement)[0])
    return found


def test_importing_the_package_loads_nothing() -> None:
    loaded = loaded_after("import rpbert") - loaded_after("")
    assert loaded - sys.stdlib_module_names == {"rpbert"}


def test_the_public_names_are_there() -> None:
    assert (rpbert.Analyzer.__module__, rpbert.Analysis.__module__) == ("rpbert.analyzer", "rpbert.analysis")
    assert {name: getattr(rpbert, name).__name__ for name in rpbert.__all__} == {name: name for name in rpbert.__all__}
    with pytest.raises(AttributeError, match="no attribute 'Analyser'"):
        _ = rpbert.Analyser


@pytest.fixture(scope="module")
def told(wheel: ZipFile, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Lines that `rpbert predict` prints out of the wheel; then where the package stands, and all that is loaded.

    The last line is what is loaded once `rpbert explain` is, too. One run for all this: loading torch takes seconds.
    """
    folder = tmp_path_factory.mktemp("installed")
    wheel.extractall(folder)
    place = "from rpbert.shipped import PACKAGE; print(PACKAGE.parent)"
    code = "\n".join(("from rpbert.cli import main; main()", place, SAY, "import rpbert.cli.explain", SAY))
    printed = python("-c", code, "predict", "--text", "Barack Obama in Paris", PYTHONPATH=str(folder)).splitlines()
    assert printed[-3] == str(folder)
    return printed


@pytest.mark.checkpoint
def test_predict_loads_only_what_it_needs(told: list[str]) -> None:
    loaded = set(told[-2].split())
    assert {"rpbert", "torch", "transformers"} <= loaded
    assert not loaded & {"sklearn", "seqeval", "gradio", "captum", "matplotlib"}


@pytest.mark.checkpoint
def test_explain_needs_no_gradio(told: list[str]) -> None:
    loaded = set(told[-1].split())
    assert "captum" in loaded
    assert "gradio" not in loaded


@pytest.mark.checkpoint
def test_a_wheel_reads_a_tweet_without_the_clone(told: list[str]) -> None:
    assert [line.split()[:2] for line in told[:2]] == [["PER", "Barack"], ["LOC", "Paris"]]


def test_a_wheel_has_the_command(wheel: ZipFile) -> None:
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    assert "[console_scripts]\nrpbert = rpbert.cli:main\n" in wheel.read(entry_points).decode()


@pytest.mark.parametrize(("command", "package", "extra"), [("train", "accelerate", "train"), ("app", "gradio", "ui")])
def test_a_missing_extra_is_named(
    command: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=package)

    monkeypatch.setattr("rpbert.cli.import_module", missing)
    assert main([command]) == 2
    told = capsys.readouterr().err
    assert f"needs the package {package}," in told
    assert f"pip install '.[{extra}]'" in told
    with pytest.raises(ModuleNotFoundError):  # what everybody has: a broken installation, no mistake of the user
        main(["predict"])


def test_help_loads_no_model() -> None:
    code = "from rpbert.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert not loaded_after(code) & {"torch", "transformers", "gradio"}


def test_a_wheel_brings_every_file_along(wheel: ZipFile) -> None:
    folders = {"rpbert": PACKAGE, "rpbert/assets": ASSETS, "rpbert/checkpoints": DEFAULT_CHECKPOINT.parent}
    expected = {
        f"{inside}/{path.relative_to(folder).as_posix()}"
        for inside, folder in folders.items()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    needed = ("evaluation/templates/report.html", "ui/static/page.css", "training/recipes/mini.toml")
    assert expected.issuperset(f"rpbert/{name}" for name in needed)
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == expected


def test_extras_hold_what_each_needs(wheel: ZipFile) -> None:
    needs = requirements_of(wheel)
    assert set(needs) == {"", "ui", "train", "dev"}
    assert {"torch", "transformers", "seqeval", "rapidocr", "opencv-python-headless"} <= needs[""]
    assert "opencv-python" not in needs[""], "two packages with one cv2 overwrite each other"
    assert needs["ui"] == {"gradio"}
    assert needs["train"] == {"accelerate", "psutil"}
    assert {"pytest", "ruff", "mypy"} <= needs["dev"]


def test_the_space_runs_the_same_gradio() -> None:
    version = re.search(
        r"^gradio\[mcp\]==(.+)$", (CLONE / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    front_matter = (CLONE / "README.md").read_text(encoding="utf-8").split("---")[1]
    assert version is not None
    assert f"sdk_version: {version[1]}\n" in front_matter


def test_recipes_are_found() -> None:
    assert {path.name for path in RECIPES.glob("*.toml")} >= {"mini.toml", "paper.toml"}
