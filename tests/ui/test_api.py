"""The API as other programs meet it: what is frozen in api.json, and that it says what the library says."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from rpbert.analyzer import Analyzer
from rpbert.cli import main
from rpbert.errors import UserError
from rpbert.explain.what_if import blank_picture
from rpbert.ui.api import parse_cells
from rpbert.ui.samples import SAMPLES

FROZEN: dict[str, Any] = json.loads((Path(__file__).parent / "api.json").read_text(encoding="utf-8"))
TWEET = "Eileen Collins visits Houston #NASA"
ASTRONAUT = SAMPLES / "astronaut_eileen_collins.jpg"


@pytest.fixture(scope="module")
def client(app_url: str) -> Client:
    return Client(app_url, verbose=False)


def ask(client: Client, name: str, **values: Any) -> dict[str, Any]:
    """An endpoint on the tweet and its picture."""
    found: dict[str, Any] = client.predict(TWEET, handle_file(str(ASTRONAUT)), **values, api_name=name)
    return found


def timeless(value: Any) -> Any:
    """Without the times that something took."""
    if isinstance(value, dict):
        return {key: timeless(part) for key, part in value.items() if key != "seconds"}
    return [timeless(part) for part in value] if isinstance(value, list | tuple) else value


def close(one: Any, other: Any) -> bool:
    """Equal, but for rounding in the last digits of numbers."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(close, one, other))
    return one == (pytest.approx(other, abs=1e-5) if isinstance(one, float) else other)


def test_the_api_is_this_and_nothing_else(client: Client) -> None:
    """Change api.json only together with the readers of the API."""
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    asked = {
        name: {
            parameter["parameter_name"]: [
                parameter["python_type"]["type"].split("(")[0],
                *([parameter["parameter_default"]] if parameter["parameter_has_default"] else []),
            ]
            for parameter in endpoint["parameters"]
        }
        for name, endpoint in endpoints.items()
    }
    assert asked == {name: endpoint["parameters"] for name, endpoint in FROZEN.items()}
    for endpoint in endpoints.values():
        assert [result["component"] for result in endpoint["returns"]] == ["Json"]


@pytest.mark.parametrize("name", [name for name in FROZEN if name != "/explain"])
def test_results_have_these_keys(client: Client, name: str) -> None:
    assert list(ask(client, name)) == FROZEN[name]["result"]


def test_explain_says_what_the_command_line_says(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--method", "gradient_x_input", "--route", "content", "--target", "NASA=PER", "--gate", "0.5", "--json"]
    assert main(["explain", "--text", TWEET, "--image", str(ASTRONAUT), *options]) == 0
    printed = json.loads(capsys.readouterr().out)
    found = ask(client, "/explain", gate="0.5", method="gradient_x_input", route="content", target="NASA=PER")
    assert close(timeless(found), timeless(printed))
    (target,) = found["targets"]
    assert target["target"] == "“NASA” is PER"
    assert [len(row) for row in target["grid"]] == [7] * 7


def test_explain_without_a_target_is_the_relations_and_all_names(client: Client, analyzer: Analyzer) -> None:
    found = ask(client, "/explain")
    assert list(found) == FROZEN["/explain"]["result"]
    assert len(found["targets"]) == 3 + len(analyzer.analyze(TWEET, ASTRONAUT).entities)


def test_what_if_the_gate_were_closed(client: Client, analyzer: Analyzer) -> None:
    found = ask(client, "/what_if", gate_before="open", gate_after="closed")
    assert close(timeless(found["before"]), timeless(analyzer.analyze(TWEET, ASTRONAUT, "open").to_json()))
    assert close(timeless(found["after"]), timeless(analyzer.analyze(TWEET, ASTRONAUT, "closed").to_json()))
    told = {row["text"]: row["kind"] for row in found["differences"]}
    both = {entity["text"] for reading in ("before", "after") for entity in found[reading]["entities"]}
    assert told.keys() == both


def test_what_if_cells_were_hidden(client: Client, analyzer: Analyzer) -> None:
    found = ask(client, "/what_if", hidden_cells="A1, G7 24")
    expected = analyzer.predict(analyzer.prepare(TWEET, ASTRONAUT), cells=[0, 24, 48])
    assert close(timeless(found["after"]), timeless(expected.to_json()))
    assert found["after"]["relation"] != found["before"]["relation"]


def test_what_if_there_were_another_picture_or_none(client: Client, analyzer: Analyzer) -> None:
    without = ask(client, "/what_if", picture_after="without")
    assert without["after"]["relation"] is None
    blank = ask(client, "/what_if", picture_after="blank")
    assert close(timeless(blank["after"]), timeless(analyzer.analyze(TWEET, blank_picture()).to_json()))


def test_what_if_the_picture_said_something_else(client: Client, analyzer: Analyzer) -> None:
    found = ask(client, "/what_if", scene_text_after="PARIS\nFRANCE")
    assert [line["text"] for line in found["after"]["scene_text"]] == ["PARIS", "FRANCE"]
    assert found["before"]["scene_text"] == analyzer.analyze(TWEET, ASTRONAUT).to_json()["scene_text"]
    assert ask(client, "/what_if", scene_text_after="")["after"]["scene_text"] == []


def test_walk_takes_the_way_of_the_prediction(client: Client, analyzer: Analyzer) -> None:
    found, analysis = ask(client, "/walk", gate="0.25"), analyzer.analyze(TWEET, ASTRONAUT, 0.25)
    assert found["gate"] == {"setting": 0.25, "value": 0.25, "masked": False}
    assert analysis.relation is not None
    parts = [found["relation"][task]["probability"] for task in ("belongs", "image_adds")]
    assert parts[0] * parts[1] == pytest.approx(analysis.relation.image_adds, abs=1e-5)
    starts = sum(label.startswith("B-") for label in found["crf"]["best"]["labels"])
    assert starts == len(analysis.entities)


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("/explain", {"method": "lime"}, "method 'lime' is not known: choose one of grad_cam"),
        ("/explain", {"route": "scenic"}, "route 'scenic' is not known"),
        ("/explain", {"target": "Madrid"}, "does not stand in the tweet"),
        ("/what_if", {"hidden_cells": "H9"}, "no cell 'H9'"),
        (
            "/what_if",
            {"hidden_cells": "A1", "picture_after": "without"},
            "no picture in which something could be hidden",
        ),
        ("/what_if", {"scene_text_after": "HI", "picture_after": "without"}, "no picture whose words"),
        ("/what_if", {"picture_after": "mine"}, "picture 'mine' is not known: choose one of same, without, blank"),
        ("/what_if", {"gate_after": "ajar"}, "gate 'ajar' is not known"),
        ("/walk", {"gate": "1.5"}, "gate '1.5' is not known"),
    ],
)
def test_mistakes_come_back_as_their_sentence(client: Client, name: str, values: dict[str, str], told: str) -> None:
    with pytest.raises(AppError, match=told):
        ask(client, name, **values)


def test_a_map_needs_a_picture(client: Client) -> None:
    with pytest.raises(AppError, match="needs a picture"):
        client.predict(TWEET, None, api_name="/explain")


def test_a_client_that_goes_away_ends_its_computation(app_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    began, ended = threading.Event(), threading.Event()

    def endless(*arguments: Any) -> None:
        began.set()
        try:
            while True:
                arguments[-1]()  # its pause, which raises once the work is stopped
                time.sleep(0.05)
        finally:
            ended.set()

    monkeypatch.setattr("rpbert.ui.api.explain", endless)
    (path,) = httpx.post(f"{app_url}gradio_api/upload", files={"files": ASTRONAUT.open("rb")}).json()
    picture = {"path": path, "meta": {"_type": "gradio.FileData"}}
    given = {"data": [TWEET, picture, "soft", "occlusion", "total", ""]}
    asked = httpx.post(f"{app_url}gradio_api/call/explain", json=given).json()
    with httpx.stream("GET", f"{app_url}gradio_api/call/explain/{asked['event_id']}", timeout=60) as answer:
        next(answer.iter_raw())
        assert began.wait(60)
        assert not ended.is_set()
    assert ended.wait(5)


def test_cells_by_name_and_number() -> None:
    assert parse_cells("") == []
    assert parse_cells("g1 A2,0  a1") == [0, 6, 7]
    for wrong in ("A8", "49", "-1", "A1;B1"):
        with pytest.raises(UserError, match="no cell"):
            parse_cells(wrong)
