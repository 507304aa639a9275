"""Reports of before: what other fillers did on the same holes need not be measured again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rigatino.atomic import why
from rigatino_wire.errors import Failure

ALIKE = (
    "seed",
    "side",
    "perceptual",
    "lpips",
    "inception",
)  # settings without which values cannot be compared
Values = dict[str, list[float]]  # of each measure, one per photograph


@dataclass(frozen=True)
class Earlier:
    """A results.json as far as it is needed: kinds of holes -> fillers -> what was measured."""

    file: Path
    settings: dict[str, Any]
    photos: list[str]
    fillers: dict[str, dict[str, Any]]
    values: dict[str, dict[str, Values]]
    seconds: dict[str, dict[str, float]]
    distributions: dict[str, dict[str, dict[str, float]]]

    @classmethod
    def read(cls, file: Path) -> Earlier:
        """Raises Failure file_missing, file_unreadable."""
        try:
            table = json.loads(file.read_text("utf-8"))
            values = {
                kind: {filler: _values(row, len(table["photos"])) for filler, row in rows.items()}
                for kind, rows in table["results"].items()
            }
            names = ("settings", "photos", "fillers", "seconds", "distributions")
            if not all(isinstance(table[name], dict) for name in names if name != "photos"):
                raise ValueError("parts have the wrong type")
            return cls(file=file, values=values, **{name: table[name] for name in names})
        except FileNotFoundError as error:
            raise Failure("file_missing", file=str(file)) from error
        except OSError as error:
            raise Failure("file_unreadable", file=str(file), why=why(error)) from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            reason = "it is no report of rigatino evaluate"
            raise Failure("file_unreadable", file=str(file), why=reason) from error

    def check(self, settings: Mapping[str, Any], kinds: Sequence[str], photos: Sequence[Path]) -> None:
        """Whether the holes are the same, in photographs of the same names. Raises Failure reports_differ."""
        differing = [name for name in ALIKE if self.settings.get(name) != settings.get(name)]
        if not set(kinds) <= self.values.keys():
            differing.append("masks")
        if self.photos[: len(photos)] != [path.name for path in photos]:
            differing.append("photographs")
        if differing:
            raise Failure("reports_differ", file=str(self.file), what=", ".join(differing))

    def of(self, kind: str, filler: str, photos: Sequence[str]) -> Values:
        """A filler's values on these photographs."""
        rows = [self.photos.index(name) for name in photos]
        return {name: [column[row] for row in rows] for name, column in self.values[kind][filler].items()}


def _values(row: Mapping[str, Mapping[str, Any]], count: int) -> Values:
    """The values of one filler, each measure's `count` numbers."""
    values = {name: [float(value) for value in measure["values"]] for name, measure in row.items()}
    if any(len(column) != count for column in values.values()):
        raise ValueError("values are missing")
    return values
