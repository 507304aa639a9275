"""docs/protocol.md is normative: its tables and golden bytes against the code."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields
from pathlib import Path
from string import Formatter

import pytest

from rigatino_wire import PROTOCOL, endpoint, frames, messages
from rigatino_wire.errors import TEXTS, Cancelled, ProtocolError, Unreachable
from rigatino_wire.messages import (
    KINDS,
    REPLIES,
    REQUESTS,
    Answer,
    Limits,
    Message,
    NetworkInfo,
    Record,
    rules,
)
from wire.golden import KEY, MESSAGES

DOCUMENT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")
RECORDS: dict[str, type[Record]] = {**KINDS, "network": NetworkInfo, "limits": Limits, "answer": Answer}


def section(title: str) -> str:
    """The text below a heading, up to the next of its rank or above."""
    match = re.search(rf"^(#+) {re.escape(title)}$", DOCUMENT, re.MULTILINE)
    assert match, f"no section {title}"
    rest = DOCUMENT[match.end() :]
    end = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def table(text: str, *columns: str) -> list[list[str]]:
    """The rows of the table with these columns, without backquotes."""
    _, _, rest = text.partition("| " + " | ".join(columns) + " |\n")
    assert rest, f"no table of {columns}"
    rows = []
    for line in rest.splitlines()[1:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
    return rows


def default(kind: type[Record], name: str) -> str:
    found = next(one for one in fields(kind) if one.name == name)  # type: ignore[arg-type]
    if found.default is not MISSING:
        return json.dumps(found.default)
    return "required" if found.default_factory is MISSING else json.dumps(found.default_factory())


def golden(op: str) -> list[bytes]:
    match = re.search(rf"^```golden {op}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert match, f"no golden bytes of {op}"
    lines = [line.split(None, 1) for line in match[1].splitlines()]
    assert [name for name, _ in lines[:3]] == ["magic", "mac", "header"]
    assert all(name == "buffer" for name, _ in lines[3:])
    return [text.encode("ascii") if name == "header" else bytes.fromhex(text) for name, text in lines]


def test_version() -> None:
    assert f"# Rigatino's protocol, version {PROTOCOL}\n" in DOCUMENT


@pytest.mark.parametrize(("title", "kinds"), [("Requests", REQUESTS), ("Replies", REPLIES)])
def test_kinds(title: str, kinds: tuple[type[Message], ...]) -> None:
    assert re.findall(r"^#### `(\w+)`$", section(title), re.MULTILINE) == [kind.op for kind in kinds]


@pytest.mark.parametrize("op", RECORDS)
def test_fields(op: str) -> None:
    kind = RECORDS[op]
    expected = [[name, rule.text, default(kind, name)] for name, rule in rules(kind).items()]
    assert table(section(f"`{op}`"), "field", "value", "default") == expected


def test_limits() -> None:
    rows = table(section("Frames"), "limit", "value", "of")
    assert {name: int(value) for name, value, _ in rows} == {
        name: getattr(messages, name, None) or getattr(frames, name)
        for name in (
            "MAX_FRAME", "MAX_HEADER", "MAX_MESSAGE", "MAX_FRAMES",
            "MAX_PIXELS", "MAX_CANDIDATES", "MAX_NETWORKS", "MAX_CLASSES",
        )
    }  # fmt: skip


def test_frame_layout() -> None:
    rows = table(section("Frames"), "frame", "bytes", "content")
    sizes = [
        len(frames.MAGIC),
        frames.MAC_SIZE,
        f"up to {messages.MAX_HEADER}",
        f"up to {messages.MAX_FRAME}",
    ]
    assert [row[1] for row in rows] == [str(size) for size in sizes]


def test_codes() -> None:
    def kind(code: str) -> str:
        classes = (ProtocolError, Unreachable, Cancelled)
        return next((one.__name__ for one in classes if code in one.codes), "Failure")

    def names(code: str) -> str:
        found = {name for part in TEXTS[code] for _, name, _, _ in Formatter().parse(part) if name}
        return ", ".join(sorted(found)) or "-"

    documented = {row[0]: row[1:] for row in table(section("Failures"), "code", "class", "parameters")}
    assert documented == {code: [kind(code), names(code)] for code in TEXTS}


def test_connection_file(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    connection = endpoint.Connection("ipc:///x", bytes(32), 1, "0", PROTOCOL)
    written = json.loads(endpoint.write_connection(tmp_path, connection).read_text())
    assert list(written) == [row[0] for row in table(section("Address and key"), "name", "value")]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.op)
def test_golden_bytes(message: Message) -> None:
    assert [bytes(frame) for frame in frames.pack(message, KEY)] == golden(message.op)
    read = frames.unpack(golden(message.op), KEY)
    assert type(read) is type(message)
    assert read.to_header() == message.to_header()


def test_every_kind_has_golden_bytes() -> None:
    assert [message.op for message in MESSAGES] == list(KINDS)
    assert re.findall(r"^```golden (\w+)$", DOCUMENT, re.MULTILINE) == list(KINDS)
