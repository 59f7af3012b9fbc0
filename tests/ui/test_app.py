"""The app as other programs meet it: its endpoint, its errors, what it does not give away."""

from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from rpbert.analyzer import Analyzer
from rpbert.ui.samples import SAMPLES

TWEET = "Eileen Collins visits Houston #NASA"
ASTRONAUT = SAMPLES / "astronaut_eileen_collins.jpg"


@pytest.fixture(scope="module")
def client(app_url: str) -> Client:
    return Client(app_url, verbose=False)


def test_the_endpoint_says_what_the_analyzer_says(client: Client, analyzer: Analyzer) -> None:
    found = client.predict(TWEET, handle_file(str(ASTRONAUT)), "soft", api_name="/analyze")
    expected = analyzer.analyze(TWEET, ASTRONAUT).to_json()
    assert found["entities"] == expected["entities"]
    assert found["relation"] == expected["relation"]
    assert found["gate"] == expected["gate"]


def test_a_missing_picture_is_no_relation(client: Client) -> None:
    found = client.predict(TWEET, None, "0.3", api_name="/analyze")
    assert found["relation"] is None
    assert found["gate_setting"] == 0.3


@pytest.mark.parametrize(
    ("text", "gate", "told"), [("", "soft", "no text"), ("x" * 3000, "soft", "3,000 characters"), ("Hi", "9", "gate")]
)
def test_mistakes_come_back_as_their_sentence(client: Client, text: str, gate: str, told: str) -> None:
    with pytest.raises(AppError, match=told):
        client.predict(text, None, gate, api_name="/analyze")


def test_a_renamed_document_comes_back_as_its_sentence(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "holiday.png"
    file.write_bytes(b"%PDF-1.7 not a picture")
    with pytest.raises(AppError, match="not a picture that can be read"):
        client.predict("Hi", handle_file(str(file)), "soft", api_name="/analyze")


def test_no_file_of_this_computer_can_be_read(client: Client) -> None:
    """A path in the place of an upload must not be opened."""
    with pytest.raises(AppError):
        client.predict(
            "Hi", {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}, "soft", api_name="/analyze"
        )
