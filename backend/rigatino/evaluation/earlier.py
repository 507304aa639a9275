"""Reports of before: what other fillers did on the same holes need not be measured again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rigatino.atomic import why
from rigatino.evaluation.measures import taken
from rigatino_wire.errors import Failure

# Settings without which values cannot be compared.
ALIKE = ("seed", "side", "perceptual", "lpips", "inception")


@dataclass(frozen=True)
class Row:
    """What was measured of one filler on one kind of hole: values of each measure, one per photograph, and the rest."""

    values: dict[str, list[float]]
    seconds: float
    distributions: dict[str, float]


@dataclass(frozen=True)
class Earlier:
    """A results.json as far as it is needed; `rows`: kind of hole -> filler -> what was measured."""

    file: Path
    settings: dict[str, Any]
    photos: list[str]
    fillers: dict[str, dict[str, Any]]
    rows: dict[str, dict[str, Row]]

    @classmethod
    def read(cls, file: Path) -> Earlier:
        """Raises Failure file_missing, file_unreadable."""
        try:
            table = json.loads(file.read_text("utf-8"))
            fillers = {name: dict(facts) for name, facts in table["fillers"].items()}
            rows = {kind: {name: _row(table, kind, name) for name in fillers} for kind in table["results"]}
            return cls(file, dict(table["settings"]), list(table["photos"]), fillers, rows)
        except FileNotFoundError as error:
            raise Failure("file_missing", file=str(file)) from error
        except OSError as error:
            raise Failure("file_unreadable", file=str(file), why=why(error)) from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            reason = "it is no whole report of this version's rigatino evaluate"
            raise Failure("file_unreadable", file=str(file), why=reason) from error

    def check(self, settings: Mapping[str, Any], kinds: Sequence[str], photos: Sequence[str]) -> None:
        """Whether the holes are the same, in photographs of the same names. Raises Failure reports_differ."""
        differing = [name for name in ALIKE if self.settings.get(name) != settings.get(name)]
        if not set(kinds) <= self.rows.keys():
            differing.append("masks")
        if self.photos[: len(photos)] != list(photos):
            differing.append("photographs")
        if differing:
            raise Failure("reports_differ", file=str(self.file), what=", ".join(differing))

    def of(self, kind: str, filler: str, count: int) -> dict[str, list[float]]:
        """A filler's values on the first `count` photographs."""
        return {name: column[:count] for name, column in self.rows[kind][filler].values.items()}


def _row(table: Mapping[str, Any], kind: str, filler: str) -> Row:
    """One filler on one kind of hole; a ValueError or LookupError tells that something is missing."""
    measures = table["results"][kind][filler]
    values = {name: [float(v) for v in measures[name]["values"]] for name in taken(table["settings"])}
    if any(len(column) != len(table["photos"]) for column in values.values()):
        raise ValueError("values are missing")
    pooled = table["distributions"].get(kind, {}).get(filler, {})
    return Row(values, float(table["seconds"][kind][filler]), {name: float(pooled[name]) for name in pooled})
