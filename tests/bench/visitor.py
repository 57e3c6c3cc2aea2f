"""Visitor: another user's session that asks and reads but doesn't draw: Bokeh's websocket protocol, and GETs."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from typing import Any, cast

import aiohttp

PAUSE_SECONDS = 0.15
READY = {  # what a browser says once it has drawn the page; then the server opens the source
    "kind": "MessageSent",
    "msg_type": "bokeh_event",
    "msg_data": {"type": "event", "name": "document_ready", "values": {"type": "map", "entries": []}},
}


@dataclass
class Latencies:
    """Milliseconds of each kind of request."""

    index: list[float] = field(default_factory=list)
    heartbeat: list[float] = field(default_factory=list)
    pan: list[float] = field(default_factory=list)
    picture: list[float] = field(default_factory=list)


class Visitor:
    """One websocket session of the explorer."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._count = 0
        self.range = ""
        self.mail = ""
        self.ack = ""

    async def ask(self, kind: str, content: dict[str, Any]) -> str:
        """Send a message; the text of the answer to it. Other messages are read and let go."""
        name = await self.send(kind, content)
        while True:
            header, text = await self.message()
            if header.get("reqid") == name:
                return text
            await self._acknowledge(text)

    async def send(self, kind: str, content: dict[str, Any]) -> str:
        """Send a message; its number."""
        self._count += 1
        name = str(self._count)
        for part in ({"msgid": name, "msgtype": kind}, {}, content):
            await self._socket.send_str(json.dumps(part))
        return name

    async def message(self) -> tuple[dict[str, Any], str]:
        """The next message: header, and content as text; buffers are read and let go."""
        header = json.loads(await self._socket.receive_str(timeout=60))
        await self._socket.receive_str(timeout=60)
        text = await self._socket.receive_str(timeout=60)
        for _ in range(2 * header.get("num_buffers", 0)):
            await self._socket.receive(timeout=60)
        return header, text

    def _is_picture(self, text: str) -> bool:
        return bool(self.mail) and f'"model":{{"id":"{self.mail}"}},"attr":"data"' in text

    async def _acknowledge(self, text: str) -> None:
        """Say that a picture was painted, as a browser does."""
        if self._is_picture(text):
            number = json.loads(text)["events"][0]["data"]["entries"][0][1][0]
            painted = {"type": "map", "entries": [["seq", [number]], ["ms", [1.0]]]}
            event = {"kind": "ModelChanged", "model": {"id": self.ack}, "attr": "data", "new": painted}
            await self.send("PATCH-DOC", {"events": [event]})

    async def look(self) -> None:
        """Read the document, and find the picture's range and mailbox in it."""
        text = await self.ask("PULL-DOC-REQ", {})
        for model in _models(json.loads(text)["doc"]):
            attributes = model.get("attributes", {})
            if _has_colourbar(attributes):
                self.range = attributes["x_range"]["id"]
            if model["name"] == "ColumnDataSource" and '["kind"' in json.dumps(attributes.get("data", {})):
                self.mail = model["id"]
            if model["name"] == "ColumnDataSource" and '["ms"' in json.dumps(attributes.get("data", {})):
                self.ack = model["id"]
        assert self.range and self.mail, "the page has no picture"

    async def pan(self, to: float) -> tuple[float, float]:
        """Milliseconds until a pan was taken, and until its picture was there."""
        begin = time.perf_counter()
        name = await self.send("PATCH-DOC", {"events": _moved(self.range, to)})
        taken = 0.0
        while True:
            header, text = await self.message()
            if header.get("reqid") == name:
                taken = time.perf_counter() - begin
            await self._acknowledge(text)
            if taken and self._is_picture(text):
                return 1e3 * taken, 1e3 * (time.perf_counter() - begin)


def _moved(shown: str, to: float) -> list[dict[str, Any]]:
    ends = {"start": 100 + to, "end": 900 + to}
    return [{"kind": "ModelChanged", "model": {"id": shown}, "attr": end, "new": at} for end, at in ends.items()]


def _models(value: Any) -> Iterator[dict[str, Any]]:
    """Every model written out in a document."""
    if isinstance(value, dict):
        if value.get("type") == "object" and "id" in value:
            yield value
        for item in value.values():
            yield from _models(item)
    elif isinstance(value, list):
        for item in value:
            yield from _models(item)


def _has_colourbar(attributes: dict[str, Any]) -> bool:
    right = attributes.get("right")
    return isinstance(right, list) and any(side.get("name") == "ColorBar" for side in right)


@asynccontextmanager
async def visiting(client: aiohttp.ClientSession, url: str) -> Any:
    """A session of the page at ``url``, its document read."""
    async with client.get(url) as answer:
        page = await answer.text()
    found = re.search(r'"token":\s*"([^"]+)"', page)
    assert found is not None, "the page has no session"
    address = url.partition("?")[0].replace("http", "ws", 1) + "/ws"
    async with client.ws_connect(address, protocols=("bokeh", found.group(1)), max_msg_size=0) as socket:
        visitor = Visitor(socket)
        await visitor.message()  # ACK
        await visitor.look()
        await visitor.ask("PATCH-DOC", {"events": [READY]})
        yield visitor


@contextmanager
def visiting_meanwhile(url: str) -> Iterator[Callable[[], Latencies]]:
    """Another process asks for the index, a heartbeat and a pan in turn; the answer ends it and gives the times."""
    context = get_context("spawn")
    begun, over, answers = context.Event(), context.Event(), context.SimpleQueue()
    process = context.Process(target=_visit_there, args=(url, begun, over, answers))
    process.start()

    def ended() -> Latencies:
        over.set()
        return cast(Latencies, answers.get())

    try:
        assert begun.wait(60), "the visitor didn't come"
        yield ended
    finally:
        over.set()
        process.join(60)


def _visit_there(url: str, begun: Event, over: Event, answers: Any) -> None:
    answers.put(asyncio.run(_visit(url, begun, over)))


async def _visit(url: str, begun: Event, over: Event) -> Latencies:
    found = Latencies()
    async with aiohttp.ClientSession() as client, visiting(client, f"{url}/cubes") as visitor:
        await asyncio.sleep(2)
        await visitor.ask("SERVER-INFO-REQ", {})
        begun.set()
        count = 0
        while not over.is_set():
            count += 1
            found.heartbeat.append(await _timed(visitor.ask("SERVER-INFO-REQ", {})))
            await asyncio.sleep(PAUSE_SECONDS)
            pan, picture = await asyncio.wait_for(visitor.pan(count % 50), 60)
            found.pan.append(pan)
            found.picture.append(picture)
            await asyncio.sleep(PAUSE_SECONDS)
            found.index.append(await _timed(_get(client, f"{url}/")))
            await asyncio.sleep(PAUSE_SECONDS)
    return found


async def _get(client: aiohttp.ClientSession, url: str) -> None:
    async with client.get(url) as answer:
        await answer.read()


async def _timed(work: Any) -> float:
    begin = time.perf_counter()
    await work
    return 1e3 * (time.perf_counter() - begin)


async def come_and_go(url: str, times: int) -> None:
    """Open the explorer and leave it again, many times."""
    async with aiohttp.ClientSession() as client:
        for _ in range(times):
            async with visiting(client, url) as visitor:
                await asyncio.sleep(0.1)
                await visitor.ask("SERVER-INFO-REQ", {})
