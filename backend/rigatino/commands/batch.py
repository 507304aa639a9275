"""`rigatino batch`: the holes in all pictures of a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rigatino import atomic
from rigatino.commands.options import of_a_fill
from rigatino_wire.errors import Failure

if TYPE_CHECKING:
    from rigatino.batch.manifest import Line
    from rigatino.batch.plan import Plan
    from rigatino.retouch import Options


@click.command()
@click.argument("folder", metavar="IN_DIR", type=click.Path(path_type=Path))
@click.option(
    "--masks",
    required=True,
    metavar="DIR|RULE",
    help="A folder with masks of the same names, one file for all, or a rule such as {stem}_mask.png.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder for the results.")
@click.option(
    "--suffix", default="", help="What the results' names end in, such as .png [default: the same]."
)
@click.option(
    "--workers", default=1, type=click.IntRange(1, 64), show_default=True, help="Processes at once."
)
@click.option("--daemon", is_flag=True, help="Ask the daemon; it is started when there is none.")
@of_a_fill
@click.option("--force", is_flag=True, help="Fill all anew, and overwrite what is there.")
def command(
    folder: Path, masks: str, out: Path, suffix: str, workers: int, daemon: bool, force: bool, **settings: Any
) -> None:
    """Fill the holes in all pictures of IN_DIR.

    A rule names the mask of a picture, from IN_DIR on: {stem} stands for its name without the ending, {name} for all
    of it; files that are masks are not filled. A picture whose mask marks nothing is written as it is: a
    copy of the file, if that is upright and the ending stays (else JPEG, which is lossy, changes a little).

    manifest.jsonl in the folder of results says what became of each picture. The same command again goes on with those
    that are missing, failed or have changed since. The exit status is 1 if any picture could not be filled.
    """
    from rigatino import retouch
    from rigatino.batch import plan
    from rigatino.batch.manifest import FAILED, PLANNED, Manifest

    if daemon and workers > 1:
        raise click.UsageError("--workers is for fills without --daemon.")
    if suffix and suffix.lower() not in plan.SUFFIXES:
        raise click.BadParameter(f"choose one of {' '.join(sorted(plan.SUFFIXES))}.", param_hint="--suffix")
    if out.absolute() == folder.absolute() or (out.exists() and folder.exists() and out.samefile(folder)):
        raise click.BadParameter("it is the folder of the pictures.", param_hint="--out")
    options = retouch.Options(**settings)
    weights = _weights(options.network, daemon)
    plan.listed(folder, masks)
    manifest = Manifest(atomic.folder(out))
    taken = Failure("file_unwritable", file=str(out), why="another run is writing to it")
    with atomic.alone(out / ".lock", taken):
        found = plan.plan(folder, masks, out, options, manifest.read(), suffix, force, weights)
        manifest.mend()
        for job in found.jobs:
            manifest.add(job.line(PLANNED))
        states: Counter[str] = Counter()
        for line in _shown(found, _lines(found, options, workers, daemon)):
            manifest.add(line)
            states[line.state] += 1
    counts = {**dict(sorted(states.items(), reverse=True)), "as before": found.kept}
    click.echo(", ".join(f"{count} {state}" for state, count in counts.items() if count), err=True)
    if states[FAILED]:
        total = len(found.jobs) + found.kept
        raise Failure("batch_incomplete", failed=states[FAILED], total=total, manifest=str(manifest.path))


def _weights(network: str, daemon: bool) -> str:
    """The hash of a network's weights; "" where the daemon alone may know it. Raises Failure unknown_network."""
    from rigatino.weights import for_task

    try:
        return for_task(network, "fill").sha256
    except Failure:
        if not daemon:
            raise
        return ""


def _lines(found: Plan, options: Options, workers: int, daemon: bool) -> Iterator[Line]:
    """What becomes of the pictures, as it does."""
    from rigatino.batch import run

    if not found.jobs:
        return iter(())
    if daemon:
        return run.by_daemon(found.jobs, options)
    if workers > 1:
        return run.in_workers(found.jobs, options, workers)
    return run.here(found.jobs, options)


def _shown(found: Plan, lines: Iterator[Line]) -> Iterator[Line]:
    """The lines, with a bar where there is a terminal, and a sentence for each that failed."""
    from tqdm import tqdm

    total = len(found.jobs) + found.kept
    with tqdm(total=total, initial=found.kept, unit="picture", leave=False, disable=None) as bar:
        for line in lines:
            if line.why:
                with bar.external_write_mode():
                    click.echo(f"{line.picture}: {line.why}", err=True)
            bar.update()
            yield line
