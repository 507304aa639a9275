"""What became of the pictures of a run: lines of JSON, added as it happens, so that a run can be gone on with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from rigatino.atomic import why
from rigatino_wire.errors import Failure

NAME = "manifest.jsonl"
PLANNED, FILLED, UNMARKED, FAILED = "planned", "filled", "unmarked", "failed"


@dataclass(frozen=True)
class Line:
    """One picture: its name, its mask, and what came of it: planned, filled, unmarked or failed.

    key: what the result depends on; a picture of the same key is not done again. outputs: files that this run, or one
    before, wrote or is to write. why: of a failure, its sentence. ran: what filled it, and how.
    """

    picture: str
    mask: str
    state: str
    key: str
    outputs: list[str] = field(default_factory=list)
    why: str = ""
    ran: dict[str, Any] = field(default_factory=dict)


class Manifest:
    """The file in the folder of results."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def read(self) -> dict[str, Line]:
        """The last line of each picture. A line that was cut short is passed over. Raises Failure file_unreadable."""
        if not self.path.exists():
            return {}
        try:
            lines = self.path.read_text("utf-8", errors="replace").splitlines()
        except OSError as error:
            raise Failure("file_unreadable", file=str(self.path), why=why(error)) from error
        return {line.picture: line for line in map(_line, lines) if line}

    def mend(self) -> None:
        """End a last line that was cut short, so that the next is one of its own. Raises Failure file_unwritable."""
        try:
            with self.path.open("ab+") as file:
                if file.tell():
                    file.seek(-1, 2)
                    if file.read(1) != b"\n":
                        file.write(b"\n")
        except OSError as error:
            raise Failure("file_unwritable", file=str(self.path), why=why(error)) from error

    def add(self, line: Line) -> None:
        """Add what became of a picture. Raises Failure file_unwritable."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(line)) + "\n")
        except OSError as error:
            raise Failure("file_unwritable", file=str(self.path), why=why(error)) from error


def _line(text: str) -> Line | None:
    try:
        facts = json.loads(text)
        line = Line(**facts)
    except (ValueError, TypeError, RecursionError):
        return None
    kinds = {"outputs": list, "ran": dict}
    right = all(isinstance(getattr(line, part.name), kinds.get(part.name, str)) for part in fields(Line))
    return line if right and all(isinstance(name, str) for name in line.outputs) else None
