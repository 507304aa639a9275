"""docs/gimp.md says what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

from plugin.test_record import REMEMBERED
from rigatino_gimp import record
from rigatino_gimp.edits import PaintSettings, TransplantSettings
from rigatino_gimp.request import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "gimp.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """The table's cells that follow a heading's row."""
    table = PAGE[PAGE.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]


def test_every_argument_is_listed_with_its_default() -> None:
    listed = {cells[0].strip("`"): json.loads(cells[2].strip("`")) for cells in rows("| argument | type")}
    assert listed == Settings()._asdict()


def test_the_arguments_of_edits_are_listed_with_their_defaults() -> None:
    listed = {cells[0].strip("`"): json.loads(cells[2].strip("`")) for cells in rows("| edit | type")}
    assert listed == {
        **PaintSettings()._asdict(),
        **TransplantSettings()._asdict(),
        "map": None,
        "reference": None,
    }


def test_every_field_of_the_record_is_listed() -> None:
    listed = {cells[0].strip("`"): cells[1] for cells in rows("| field | what")}
    fields = json.loads(record.encode(REMEMBERED))
    assert set(listed) == set(fields)
    for name in ("source", "hole", "ran", "answer"):
        assert all(f"`{key}`" in listed[name] for key in fields[name])
