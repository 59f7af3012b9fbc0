"""Whatever is sent, the answer is a right result or one clear sentence; nothing stays in memory, log or network."""

import gc
import logging
import math
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from hostile import FILES, REFUSED_TEXTS, TEXTS, HostileFile

from rpbert.analysis import Analysis
from rpbert.analyzer import Analyzer
from rpbert.errors import UserError
from rpbert.explain.methods import explain
from rpbert.explain.requests import requested_targets
from rpbert.ui.app import build_demo, serve
from rpbert.ui.samples import SAMPLES
from rpbert.ui.workbench import Workbench

PICTURE = SAMPLES / "picos_de_europa.jpg"
SECRET = "Xanthippe Quarlesworth visits Zzyzx"


@pytest.fixture(scope="module")
def client(analyzer: Analyzer) -> Iterator[Client]:
    demo = build_demo(Workbench([analyzer]))
    yield Client(serve(demo, block=False), verbose=False)
    demo.close()


def check(analysis: Analysis, text: str) -> None:
    """Offsets point into the text as it was sent, and probabilities are probabilities."""
    assert analysis.text == text
    for entity in analysis.entities:
        assert entity.text == text[entity.start : entity.end] != ""
        assert 0 <= entity.confidence <= 1
    relation = analysis.relation
    numbers = [analysis.gate, *([] if relation is None else [relation.image_adds, relation.text_represented])]
    assert all(math.isfinite(number) and 0 <= number <= 1 for number in numbers)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_text_is_read_with_and_without_a_picture(analyzer: Analyzer, text: str) -> None:
    check(analyzer.analyze(text), text)
    check(analyzer.analyze(text, PICTURE), text)


@pytest.mark.parametrize(("text", "told"), REFUSED_TEXTS.values(), ids=REFUSED_TEXTS)
def test_what_is_no_tweet_is_told(analyzer: Analyzer, text: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        analyzer.analyze(text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_is_read_or_told(analyzer: Analyzer, file: HostileFile, tmp_path: Path) -> None:
    path = tmp_path / file.name
    file.write(path)
    if file.told is None:
        check(analyzer.analyze("A picture from Paris", path), "A picture from Paris")
    else:
        with pytest.raises(UserError, match=file.told) as error:
            analyzer.analyze("A picture from Paris", path)
        assert str(tmp_path) not in str(error.value)  # where the server keeps it is nobody's business


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_text_goes_through_the_api(client: Client, analyzer: Analyzer, text: str) -> None:
    sendable = text.encode("utf-8", "replace").decode()  # half an emoji is no JSON
    result = client.predict(sendable, None, "soft", api_name="/analyze")
    expected = analyzer.analyze(sendable).to_json()
    assert result["text"] == sendable
    assert [(e["start"], e["end"], e["type"]) for e in result["entities"]] == [
        (e["start"], e["end"], e["type"]) for e in expected["entities"]
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_goes_through_the_api(client: Client, file: HostileFile, tmp_path: Path) -> None:
    path = tmp_path / file.name
    file.write(path)
    if file.told is None:
        assert client.predict("Paris", handle_file(str(path)), "soft", api_name="/analyze")["relation"]
    else:
        with pytest.raises(AppError, match=file.told):
            client.predict("Paris", handle_file(str(path)), "soft", api_name="/analyze")


def test_memory_comes_back(analyzer: Analyzer, tmp_path: Path) -> None:
    """After a first round that fills the caches, further rounds do not grow by more than a picture cache may."""
    psutil = pytest.importorskip("psutil")
    for file in FILES:
        file.write(tmp_path / file.name)

    def one_round() -> int:
        for file in FILES:
            try:
                analyzer.analyze("Paris", tmp_path / file.name)
            except UserError:
                continue
        gc.collect()
        return int(psutil.Process().memory_info().rss)

    one_round()
    before = one_round()
    for _ in range(2):
        after = one_round()
    assert after - before < 60 * 2**20


def test_nothing_is_asked_of_another_computer(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    connect, look_up, asked = socket.socket.connect, socket.getaddrinfo, []

    def only_here(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in {"127.0.0.1", "::1", "localhost", "0.0.0.0"}:
            asked.append(address)
            raise OSError("the network is shut")
        connect(self, address)

    def look_up_here(host: Any, *rest: Any, **more: Any) -> Any:
        if host not in {"127.0.0.1", "::1", "localhost", "0.0.0.0", None}:
            asked.append(host)
            raise socket.gaierror("the network is shut")
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket.socket, "connect", only_here)
    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)
    demo = build_demo(Workbench([analyzer]))
    try:
        local = Client(serve(demo, block=False), verbose=False)
        assert local.predict("Obama visits Paris", handle_file(str(PICTURE)), "soft", api_name="/explain")
    finally:
        demo.close()
    assert asked == []


def test_no_text_of_a_user_is_in_the_log(
    client: Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        client.predict(SECRET, handle_file(str(PICTURE)), "soft", api_name="/analyze")
        with pytest.raises(AppError):
            client.predict(SECRET * 100, None, "soft", api_name="/analyze")
        with pytest.raises(AppError):
            client.predict(SECRET, None, "ajar", api_name="/analyze")
    out, err = capfd.readouterr()
    server = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore", "gradio_client"))]
    written = out + err + "".join(record.getMessage() for record in server)
    assert not {"Xanthippe", "Quarlesworth", "Zzyzx"} & set(written.split())
    assert "Xanthippe" not in written


def test_analytics_and_sharing_are_off(client: Client) -> None:
    config = client.config
    assert not config["analytics_enabled"]
    assert client.src.startswith("http://127.0.0.1")  # no address at a sharing service
    assert not config.get("run_history")
    assert not any("flag" in str(dependency["api_name"]) for dependency in config["dependencies"])


def test_no_text_of_a_user_is_in_the_log_of_an_unexpected_error(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A traceback shows lines of the code, not what stands in the variables."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Analyzer, "predict", broken)
    with caplog.at_level(logging.DEBUG), pytest.raises(AppError):
        client.predict(SECRET, None, "soft", api_name="/analyze")
    out, err = capfd.readouterr()
    assert "ZeroDivisionError" in out + err + caplog.text  # whoever runs the server sees that something went wrong
    assert not any(word in out + err for word in ("Xanthippe", "Quarlesworth", "Zzyzx"))


def test_importing_the_page_turns_the_librarys_analytics_off() -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GRADIO_")}
    code = "import rpbert.ui, gradio.analytics as library; print(library.analytics_enabled())"
    told = subprocess.run([sys.executable, "-c", code], env=plain, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_maps_of_hostile_text_are_finite(analyzer: Analyzer) -> None:
    for name in ("bidirectional controls", "lone surrogates"):
        prepared = analyzer.prepare(TEXTS[name], PICTURE)
        analysis = analyzer.predict(prepared)
        targets = requested_targets(None, analysis, prepared)
        for one in explain(analyzer, prepared, targets[-1:], "occlusion", "soft", "total"):
            assert all(math.isfinite(value) for row in one.grid for value in row)
