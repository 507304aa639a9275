"""rigatino doctor: is all there that a fill needs?"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict

import click

from rigatino.doctor import OK, WARNING, WRONG, Point, examine
from rigatino_wire import __version__
from rigatino_wire.errors import Failure

COLOURS = {OK: "green", WARNING: "yellow", WRONG: "red"}
WIDTH = len(WARNING)


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--start", is_flag=True, help="Start the daemon where none of this version runs.")
def command(as_json: bool, start: bool) -> None:
    """Check everything that a fill needs, from Python to GIMP's menu, and say what to do.

    Every point is ok, a warning or wrong. Exit status 1 where one is wrong.
    """
    logging.basicConfig(handlers=[logging.NullHandler()])  # what is logged is told as a point
    points = list(_told(examine(start), as_json))
    wrong = sum(point.state == WRONG for point in points)
    if as_json:
        facts = {"version": __version__, "wrong": wrong, "points": [asdict(point) for point in points]}
        click.echo(json.dumps(facts, indent=2))
    if wrong:
        raise Failure("unwell", wrong=wrong)


def _told(points: Iterable[Point], silent: bool) -> Iterable[Point]:
    """The points, each printed as it comes."""
    for point in points:
        if not silent:
            click.echo(
                f"{click.style(point.state.ljust(WIDTH), COLOURS[point.state])}  {point.name}: {point.text}"
            )
            if point.hint:
                click.echo(f"{' ' * WIDTH}  → {point.hint}")
        yield point
