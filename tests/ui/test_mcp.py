"""The API as an MCP server: an AI assistant's client lists the tools and uses one."""

import ast
import asyncio
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import CallToolResult, TextContent, Tool

from rpbert.analyzer import Analyzer
from rpbert.errors import UserError
from rpbert.ui.app import build_demo, serve
from rpbert.ui.workbench import Workbench

FROZEN: dict[str, Any] = json.loads((Path(__file__).parent / "api.json").read_text(encoding="utf-8"))
TWEET = "Barack Obama meets Angela Merkel in Berlin"


@pytest.fixture(scope="module")
def address(analyzer: Analyzer) -> Iterator[str]:
    demo = build_demo(Workbench([analyzer]))
    yield f"{serve(demo, block=False, mcp=True)}gradio_api/mcp/"
    demo.close()


async def _list_and_call(address: str) -> tuple[list[Tool], list[CallToolResult]]:
    """The tools, and what `analyze` says to a tweet and to a mistake."""
    async with streamablehttp_client(address) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        tools = (await session.list_tools()).tools
        calls = [{"text": TWEET, "gate": "closed"}, {"text": TWEET, "gate": "ajar"}]
        return tools, [await session.call_tool("analyze", call) for call in calls]


def _text(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def test_the_endpoints_are_tools(address: str, analyzer: Analyzer) -> None:
    tools, (answer, mistake) = asyncio.run(_list_and_call(address))
    assert [f"/{tool.name}" for tool in tools] == list(FROZEN)
    for tool in tools:
        parameters = tool.inputSchema["properties"]
        assert tool.description
        assert parameters.keys() == FROZEN[f"/{tool.name}"]["parameters"].keys()
        assert all(parameter["description"] for parameter in parameters.values())
        assert tool.inputSchema["required"] == ["text"]
    found = ast.literal_eval(_text(answer))  # gradio writes results as Python does
    assert found["entities"] == analyzer.analyze(TWEET, None, "closed").to_json()["entities"]
    assert found["entities"]
    assert mistake.isError
    assert "The gate 'ajar' is not known" in _text(mistake)


def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("rpbert.ui.app.find_spec", lambda name: None if name == "mcp" else find(name))
    with pytest.raises(UserError, match=r"pip install 'gradio\[mcp\]'"):
        serve(gr.Blocks(), block=False, mcp=True)


def test_the_page_alone_serves_no_tools(app_url: str) -> None:
    with pytest.raises(BaseExceptionGroup):
        asyncio.run(_list_and_call(f"{app_url}gradio_api/mcp/"))
