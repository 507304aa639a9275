"""From values to means with intervals: the report, as JSON has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigatino.evaluation.earlier import Earlier
from rigatino.evaluation.measures import scale, taken, unscale
from rigatino.evaluation.run import Outcome, Plan
from rigatino_models.metrics import distributions
from rigatino_models.metrics.bootstrap import estimates

Table = dict[str, Any]


def make(plan: Plan, outcome: Outcome, settings: Mapping[str, Any], earlier: Earlier | None = None) -> Table:
    """All that was measured, with the fillers of an earlier report that are not among today's.

    settings, photos, fillers (what ran); results: kind -> filler -> measure -> mean, low, high, values; differences:
    kind -> other filler -> measure -> mean, low, high of the first filler minus the other (of ratios: divided by);
    distributions: kind -> filler -> fid, u_ids, p_ids; seconds: kind -> filler -> median of a fill. Raises Failure
    reports_differ.
    """
    table: Table = {
        "settings": dict(settings),
        "interrupted": outcome.interrupted,
        "photos": outcome.names,
        "fillers": {filler.name: filler.facts for filler in plan.fillers},
        "results": {kind: {} for kind in plan.kinds},
        "distributions": _distributions(outcome) if len(outcome.real) > 1 else {},
        "seconds": {kind: {} for kind in plan.kinds},
    }
    for (kind, name), found in outcome.values.items():
        values = {measure: [one[measure] for one in found] for measure in taken(settings)}
        table["results"][kind][name] = _means(values)
        table["seconds"][kind][name] = float(np.median(outcome.seconds[kind, name]))
    if earlier:
        earlier.check(settings, plan.kinds, outcome.names)  # a photograph may have become unreadable
        _join(table, earlier)
    return table | {"differences": {kind: _differences(rows) for kind, rows in table["results"].items()}}


def _join(table: Table, earlier: Earlier) -> None:
    """Take along what was measured earlier, as far as it goes for the photographs of today."""
    for name in [name for name in earlier.fillers if name not in table["fillers"]]:
        table["fillers"][name] = earlier.fillers[name]
        for kind, rows in table["results"].items():
            rows[name] = _means(earlier.of(kind, name, len(table["photos"])))
            table["seconds"][kind][name] = earlier.rows[kind][name].seconds
            if table["photos"] == earlier.photos and kind in table["distributions"]:
                table["distributions"][kind][name] = earlier.rows[kind][name].distributions


def _means(values: Mapping[str, Sequence[float]]) -> Table:
    table = _estimates(list(values), _matrix(values))
    for name, column in values.items():
        table[name]["values"] = list(column)
    return table


def _differences(rows: Mapping[str, Table]) -> Table:
    """The first filler minus each other one, in the scale in which each measure is averaged."""
    first, *others = ({name: row["values"] for name, row in filler.items()} for filler in rows.values())
    names = list(first)
    return {
        other: _estimates(names, _matrix(first) - _matrix(values))
        for other, values in zip(list(rows)[1:], others, strict=True)
    }


def _matrix(values: Mapping[str, Sequence[float]]) -> NDArray[np.float64]:
    """Values [N,M], each measure in the scale in which it is averaged."""
    return np.stack([scale(name, np.asarray(column, np.float64)) for name, column in values.items()], 1)


def _estimates(names: Sequence[str], values: NDArray[np.float64]) -> Table:
    found = zip(names, estimates(values), strict=True)
    return {name: {part: unscale(name, v) for part, v in e._asdict().items()} for name, e in found}


def _distributions(outcome: Outcome) -> Table:
    real = np.stack(outcome.real)
    table: Table = {}
    for (kind, name), found in outcome.fake.items():
        fake = np.stack(found)
        scores = distributions.discriminative_scores(real, fake)
        fid = distributions.frechet_distance(real, fake)
        table.setdefault(kind, {})[name] = {"fid": fid, "u_ids": scores.unpaired, "p_ids": scores.paired}
    return table
