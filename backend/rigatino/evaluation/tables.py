"""A report, to be read: Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rigatino.evaluation.measures import MEASURES
from rigatino.evaluation.report import Table
from rigatino_models.metrics.bootstrap import LEAST, Estimate

TIMES = "×"
POOLED = {"fid": "FID", "u_ids": "U-IDS", "p_ids": "P-IDS"}


def markdown(table: Table) -> str:
    """The tables of a report, to be read."""
    settings, count = table["settings"], len(table["photos"])
    lines = [
        f"{count} photo{'s' if count > 1 else ''} of {settings['side']} px, seed {settings['seed']}. Means, and "
        "differences over the same photos and holes, with their bootstrap 95 % intervals.",
        "",
    ]
    if count < LEAST:
        lines += [
            f"Intervals of fewer than {LEAST} photos are too narrow to call anything better or worse.",
            "",
        ]
    if table["interrupted"]:
        lines += ["The evaluation was interrupted; these are the photos that were done.", ""]
    for kind in table["results"]:
        lines += [f"## {kind}", "", *_results(table, kind), ""]
        if table["differences"][kind]:
            lines += [*_differences(table, kind), ""]
    lines += ["## What ran", "", "| filler | |", "|---|---|"]
    lines += [f"| {name} | {', '.join(_facts(facts))} |" for name, facts in table["fillers"].items()]
    lines += [
        f"| {name} | sha256 {settings[name]} |"
        for name in ("perceptual", "lpips", "inception")
        if settings.get(name)
    ]
    return "\n".join(lines) + "\n"


def _facts(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, value in facts.items():
        if name == "notes":
            yield from (f"{count} fill{'s' if count > 1 else ''}: {note}" for note, count in value.items())
        else:
            yield f"{name} {value}"


def _results(table: Table, kind: str) -> list[str]:
    """Measures down, fillers across."""
    rows = table["results"][kind]
    lines = _head("", rows)
    for name in next(iter(rows.values())):
        lines.append(_line(MEASURES[name].heading, (_cell(name, row[name]) for row in rows.values())))
    pooled = table["distributions"].get(kind, {})
    for name, heading in POOLED.items() if pooled else ():
        found = (pooled.get(filler, {}).get(name) for filler in rows)
        lines.append(_line(heading, ("" if value is None else f"{value:.4f}" for value in found)))
    return [*lines, _line("s per fill", (f"{seconds:.2f}" for seconds in table["seconds"][kind].values()))]


def _differences(table: Table, kind: str) -> list[str]:
    others = table["differences"][kind]
    first = next(iter(table["results"][kind]))
    lines = _head(f"{first} minus", others)
    for name in next(iter(others.values())):
        cells = (_difference(name, row[name], len(table["photos"])) for row in others.values())
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


def _difference(name: str, row: Mapping[str, float], count: int) -> str:
    """The difference over `count` photographs, and in a word whether its interval is clear of zero."""
    measure = MEASURES[name]
    if measure.geometric:
        return "{} ({} … {})".format(
            *(f"{TIMES}{row[part]:.{measure.digits}f}" for part in ("mean", "low", "high"))
        )
    estimate = Estimate(row["mean"], row["low"], row["high"])
    text = "{} ({} … {})".format(*(f"{value:+.{measure.digits}f}" for value in estimate))
    word = "better" if estimate.mean * measure.better > 0 else "worse"
    return f"{text} **{word}**" if estimate.clear(count) else text
