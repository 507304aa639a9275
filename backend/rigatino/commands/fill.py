"""`rigatino fill`: a picture, a mask, a filled picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan
from pathlib import Path
from typing import Any

import click

from rigatino.progress import Bar
from rigatino_wire.errors import Failure
from rigatino_wire.messages import MAX_CANDIDATES, Fill, Filled, NetworkInfo, Progress
from rigatino_wire.region import ContextRule


class Number(click.FloatRange):
    """A number within a range; “nan” is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; a usage error for what is none."""
        number = float(super().convert(value, param, ctx))
        if isnan(number):
            self.fail(f"{value} is no number.", param, ctx)
        return number


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.argument("mask", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Where to write the result."
)
@click.option("--network", default="", help="Name of a network; the bundled one by default.")
@click.option("--daemon", is_flag=True, help="Ask the daemon; it is started when there is none.")
@click.option(
    "--seed",
    default=-1,
    type=click.IntRange(-1, 2**53 - 1),
    help="For networks with many answers; -1 = a new one.",
)
@click.option("--grow", default=4, type=click.IntRange(0, 1000), help="Pixels by which the hole grows.")
@click.option("--feather", default=4.0, type=Number(0, 1000), help="Pixels of soft seam beyond that.")
@click.option("--precision", default="auto", type=click.Choice(["auto", "fp32", "bf16"]))
@click.option("--detail/--no-detail", default=True, help="Copy texture of the surroundings into the fill.")
@click.option(
    "--candidates",
    default=1,
    type=click.IntRange(1, MAX_CANDIDATES),
    help="Answers of a network with chance; the others go to OUT-2, OUT-3, ...",
)
@click.option("--variety", default=1.0, type=Number(0, 4), help="What chance adds; 0 = the likeliest answer.")
@click.option("--seam", default="auto", type=click.Choice(["auto", "feather", "poisson"]))
@click.option(
    "--quality",
    default="balanced",
    type=click.Choice(["fast", "balanced", "best"]),
    help="What is spent on holes larger than the network's size.",
)
@click.option("--force", is_flag=True, help="Overwrite the output.")
def command(
    image: Path,
    mask: Path,
    output: Path,
    network: str,
    daemon: bool,
    seed: int,
    grow: int,
    feather: float,
    precision: str,
    detail: bool,
    candidates: int,
    variety: float,
    seam: str,
    quality: str,
    force: bool,
) -> None:
    """Fill the hole that MASK marks in IMAGE.

    The mask is as large as the picture; white (or opaque, where it is painted in black alone) is filled. Pixels
    farther from the hole than grow + feather stay as they are, bit for bit (JPEG, which is lossy, aside).
    """
    from rigatino import pictures, retouch

    picture = pictures.read(image)
    for path in outputs(output, candidates):
        pictures.check_output(path, picture, force)
    options = retouch.Options(
        network, grow, feather, seed, precision, detail, candidates, variety, seam, quality
    )
    answer = by_daemon if daemon else in_process
    with Bar() as bar:
        filled = answer(
            lambda rule: retouch.request(picture, pictures.read_mask(mask), options, rule), network, bar
        )
    for k, path in enumerate(outputs(output, filled.fill.shape[0])):
        pictures.write(path, retouch.lay(picture, filled, k), force)
        click.echo(summary(filled, path, k), err=True)


def outputs(output: Path, count: int) -> list[Path]:
    """Where the candidates go: OUT.png, OUT-2.png, OUT-3.png, ..."""
    return [output, *(output.with_stem(f"{output.stem}-{k}") for k in range(2, count + 1))]


def in_process(make: Callable[[ContextRule], Fill], network: str, bar: Bar) -> Filled:
    """Fill in this process."""
    from rigatino import weights

    request = make(_named(weights.network_infos(), network or weights.default_network()).rule)
    from rigatino.service import Service
    from rigatino.settings import Settings

    return Service(Settings.from_environment()).fill(request, bar.show)


def by_daemon(make: Callable[[ContextRule], Fill], network: str, bar: Bar) -> Filled:
    """Fill through the daemon, which is started or replaced as needed."""
    import sys

    from rigatino_wire.endpoint import runtime_dir
    from rigatino_wire.launch import ensure_daemon

    with ensure_daemon([sys.executable, "-m", "rigatino"], runtime_dir()) as client:
        known = client.describe()
        request = make(_named(known.networks, network or known.default_network).rule)

        def report(progress: Progress) -> None:
            bar.show(progress.stage, progress.fraction)

        return client.fill(request, report)


def summary(filled: Filled, output: Path, candidate: int = 0) -> str:
    """One line about what ran, and what makes this candidate again."""
    answer = filled.answers[candidate]
    score = "" if answer.score is None else f", score {answer.score:.3f}"
    size = f"{filled.fill.shape[2]}x{filled.fill.shape[1]}"
    seconds = filled.seconds.get("total", 0.0)
    return (
        f"{output}: {size} pixels filled by {filled.network} in {seconds:.1f} s "
        f"({filled.device}, {filled.precision}, scale {filled.scale:.2f}, seed {answer.lineage[-1]}{score})"
    )


def _named(infos: Sequence[NetworkInfo], name: str) -> NetworkInfo:
    for info in infos:
        if info.name == name:
            return info
    raise Failure("unknown_network", name=name, known=", ".join(info.name for info in infos))
