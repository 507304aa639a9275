"""From values to means with intervals, to JSON, to Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigatino.evaluation.measures import MEASURES, scale, unscale
from rigatino.evaluation.run import Outcome, Plan
from rigatino_models.metrics import distributions
from rigatino_models.metrics.bootstrap import Estimate, estimates

Table = dict[str, Any]
TIMES = "×"
POOLED = {"fid": "FID", "u_ids": "U-IDS", "p_ids": "P-IDS"}


def report(plan: Plan, outcome: Outcome, settings: Mapping[str, Any]) -> Table:
    """All that was measured, as JSON has it.

    settings, photos, fillers (what ran); results: kind -> filler -> measure -> mean, low, high, values; differences:
    kind -> other filler -> measure -> mean, low, high of the first filler minus the other (of ratios: divided by);
    distributions: kind -> filler -> fid, u_ids, p_ids; seconds: kind -> filler -> median of a fill.
    """
    first, *others = (filler.name for filler in plan.fillers)
    values = {key: _matrix(found) for key, found in outcome.values.items()}
    names = [name for name in MEASURES if name in outcome.values[plan.kinds[0], first][0]]
    return {
        "settings": dict(settings) | {"seed": plan.seed, "side": plan.side, "masks": list(plan.kinds)},
        "interrupted": outcome.interrupted,
        "photos": outcome.names,
        "fillers": {filler.name: filler.facts for filler in plan.fillers},
        "results": {
            kind: {filler.name: _means(names, values[kind, filler.name]) for filler in plan.fillers}
            for kind in plan.kinds
        },
        "differences": {
            kind: {other: _estimates(names, values[kind, first] - values[kind, other]) for other in others}
            for kind in plan.kinds
        },
        "distributions": _distributions(plan, outcome) if outcome.real else {},
        "seconds": {
            kind: {
                filler.name: float(np.median(outcome.seconds[kind, filler.name])) for filler in plan.fillers
            }
            for kind in plan.kinds
        },
    }


def markdown(table: Table) -> str:
    """The tables of a report, to be read."""
    settings = table["settings"]
    lines = [
        f"{len(table['photos'])} photos of {settings['side']} px, seed {settings['seed']}. Means, and differences over "
        "the same photos and holes, with their bootstrap 95 % intervals.",
        "",
    ]
    if table["interrupted"]:
        lines += ["The evaluation was interrupted; these are the photos that were done.", ""]
    for kind in table["results"]:
        lines += [f"## {kind}", "", *_results(table, kind), ""]
        if table["differences"][kind]:
            lines += [*_differences(table, kind), ""]
    lines += ["## What ran", "", "| filler | |", "|---|---|"]
    lines += [
        f"| {name} | {', '.join(f'{k} {v}' for k, v in facts.items())} |"
        for name, facts in table["fillers"].items()
    ]
    lines += [
        f"| {name} | sha256 {settings[name]} |"
        for name in ("perceptual", "lpips", "inception")
        if settings.get(name)
    ]
    return "\n".join(lines) + "\n"


def _matrix(found: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
    """Values [N,M] in the order of MEASURES, each in the scale in which it is averaged."""
    names = [name for name in MEASURES if name in found[0]]
    return np.stack([scale(name, np.asarray([one[name] for one in found], np.float64)) for name in names], 1)


def _means(names: Sequence[str], values: NDArray[np.float64]) -> Table:
    table = _estimates(names, values)
    for name, column in zip(names, values.T, strict=True):
        table[name]["values"] = [unscale(name, value) for value in column]
    return table


def _estimates(names: Sequence[str], values: NDArray[np.float64]) -> Table:
    found = zip(names, estimates(values), strict=True)
    return {name: {part: unscale(name, v) for part, v in e._asdict().items()} for name, e in found}


def _distributions(plan: Plan, outcome: Outcome) -> Table:
    real = np.stack(outcome.real)
    table: Table = {}
    for (kind, name), found in outcome.fake.items():
        fake = np.stack(found)
        scores = distributions.discriminative_scores(real, fake)
        fid = distributions.frechet_distance(real, fake) if len(real) > 1 else float("nan")
        table.setdefault(kind, {})[name] = {"fid": fid, "u_ids": scores.unpaired, "p_ids": scores.paired}
    return table


def _results(table: Table, kind: str) -> list[str]:
    """Measures down, fillers across."""
    rows = table["results"][kind]
    lines = _head("", rows)
    for name in next(iter(rows.values())):
        lines.append(_line(MEASURES[name].heading, (_cell(name, row[name]) for row in rows.values())))
    for name, heading in POOLED.items():
        if table["distributions"]:
            found = table["distributions"][kind].values()
            lines.append(_line(heading, (f"{row[name]:.4f}" for row in found)))
    return [*lines, _line("s per fill", (f"{seconds:.2f}" for seconds in table["seconds"][kind].values()))]


def _differences(table: Table, kind: str) -> list[str]:
    others = table["differences"][kind]
    first = next(iter(table["results"][kind]))
    lines = _head(f"{first} minus", others)
    for name in next(iter(others.values())):
        cells = (_difference(name, row[name]) for row in others.values())
        lines.append(_line(MEASURES[name].heading, cells))
    return lines


def _head(corner: str, columns: Iterable[str]) -> list[str]:
    line = _line(corner, columns)
    return [line, "|---" * (line.count("|") - 1) + "|"]


def _line(heading: str, cells: Iterable[str]) -> str:
    return "| " + " | ".join((heading, *cells)) + " |"


def _cell(name: str, row: Mapping[str, float]) -> str:
    digits = MEASURES[name].digits
    return f"{row['mean']:.{digits}f} ({row['low']:.{digits}f} … {row['high']:.{digits}f})"


def _difference(name: str, row: Mapping[str, float]) -> str:
    """The difference, and in a word whether its interval is clear of zero."""
    measure = MEASURES[name]
    if measure.geometric:
        return "{} ({} … {})".format(
            *(f"{TIMES}{row[part]:.{measure.digits}f}" for part in ("mean", "low", "high"))
        )
    estimate = Estimate(row["mean"], row["low"], row["high"])
    text = "{} ({} … {})".format(*(f"{value:+.{measure.digits}f}" for value in estimate))
    word = "better" if estimate.mean * measure.better > 0 else "worse"
    return f"{text} **{word}**" if estimate.clear else text
