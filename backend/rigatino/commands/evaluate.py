"""`rigatino evaluate`: how well a network fills, next to others, on photographs."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rigatino import atomic
from rigatino.extras import needed
from rigatino.failures import translated
from rigatino_wire.errors import Failure

if TYPE_CHECKING:
    from rigatino.evaluation.earlier import Earlier
    from rigatino.evaluation.fillers import Filler
    from rigatino.evaluation.measures import Judge
    from rigatino.evaluation.report import Table
    from rigatino.evaluation.run import Outcome, Plan
    from rigatino_models.metrics.inception import Inception

log = logging.getLogger(__name__)
FilePath = click.Path(path_type=Path, dir_okay=False)


class Words(click.ParamType[tuple[str, ...]]):
    """Words with commas between them."""

    name = "words"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The words, each once, in their order."""
        if not isinstance(value, str):
            return tuple(value)
        return tuple(dict.fromkeys(word.strip() for word in value.split(",") if word.strip()))


@click.command()
@click.option("--network", default="", help="The network to measure; the bundled one by default.")
@click.option("--images", required=True, type=click.Path(path_type=Path), help="A folder of photographs.")
@click.option(
    "--masks", default="wide,narrow,object", type=Words(), show_default=True, help="Kinds of holes."
)
@click.option("--seed", default=0, type=click.IntRange(0, 2**32 - 1), show_default=True, help="Of the holes.")
@click.option(
    "--against", default="", type=Words(), help="Compare with these: telea, ns, patchmatch, photo, networks."
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The folder for tables and sheet."
)
@click.option("--count", type=click.IntRange(1), help="How many photographs; all by default.")
@click.option("--match", multiple=True, default=["*"], help="A pattern of file names; may be repeated.")
@click.option(
    "--side", default=512, type=click.IntRange(64, 4096), show_default=True, help="Pixels of a side."
)
@click.option("--detail/--no-detail", default=True, help="Copy texture of the surroundings into the fill.")
@click.option("--perceptual", type=FilePath, help="SqueezeNet 1.0's weights: adds LP-sq10.")
@click.option("--lpips", type=FilePath, help="State dict of lpips.LPIPS: adds LPIPS.")
@click.option("--inception", type=FilePath, help="pytorch-fid's Inception-v3: adds FID, U-IDS and P-IDS.")
@click.option(
    "--rows", default=4, type=click.IntRange(1, 100), show_default=True, help="Per kind on the sheet."
)
@click.option("--earlier", type=FilePath, help="A results.json whose other fillers are taken along.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    network: str,
    against: tuple[str, ...],
    images: Path,
    match: tuple[str, ...],
    count: int | None,
    side: int,
    out: Path,
    earlier: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Fill seeded holes in photographs, and measure how well.

    Photographs are cut to their middle square and reduced to --side pixels. Writes table.md, results.json and
    sheet.jpg. docs/measures.md says what each measure is.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    with needed("eval"):
        from rigatino.evaluation import photos
        from rigatino.evaluation.earlier import Earlier
        from rigatino.evaluation.run import Plan, measure
    if not options["masks"]:
        raise click.BadParameter("one kind of hole is needed at least.", param_hint="--masks")
    settings: dict[str, Any] = {
        "images": images.absolute().name,
        "match": list(match),
        "count": count,
        "side": side,
    }
    settings |= {"seed": options["seed"], "masks": list(options["masks"])}
    settings |= {name: _digest(options[name]) for name in ("perceptual", "lpips", "inception")}
    before = Earlier.read(earlier) if earlier else None
    with translated():
        compared, judge, inception = _prepared((network, *against), options)
        chosen = photos.choose(images, match, side, count)
        if before:
            before.check(settings, options["masks"], [path.name for path in chosen])
        _make(out)
        plan = Plan(chosen, options["masks"], compared, options["seed"], side, options["rows"])
        outcome = measure(plan, judge, inception)
    if not outcome.names:
        raise Failure("few_photos", found=0, side=side, folder=str(images), wanted=1)
    table, trouble = _report(plan, outcome, settings, before)
    _deliver(out, table, plan, outcome, as_json)
    _end(outcome.end or trouble, len(outcome.names), len(chosen), out)


def _prepared(
    names: tuple[str, ...], options: dict[str, Any]
) -> tuple[list[Filler], Judge, Inception | None]:
    """Who fills, each once, and who judges; raises Failure and ModelError for what is not there."""
    from rigatino.evaluation import fillers, holes
    from rigatino.evaluation.measures import Judge
    from rigatino.service import Service
    from rigatino.settings import Settings
    from rigatino_models.metrics.inception import Inception

    seed = options["seed"]
    for kind in options["masks"]:
        holes.find(kind)
    service = cache(lambda: Service(Settings.from_environment()))
    made = [fillers.make(name, service, seed, options["detail"]) for name in names]
    once = list({filler.name: filler for filler in reversed(made)}.values())[::-1]
    judge = Judge(seed, options["perceptual"], options["lpips"])
    inception = Inception(options["inception"]) if options["inception"] else None
    return once, judge, inception


def _report(
    plan: Plan, outcome: Outcome, settings: dict[str, Any], before: Earlier | None
) -> tuple[Table, BaseException | None]:
    """The report, and what went wrong with it: where the earlier one does not fit, or the scores of all fills together
    cannot be computed, it holds neither, but all that was measured.
    """
    from rigatino.evaluation import report

    try:
        return report.make(plan, outcome, settings, before), None
    except (Exception, KeyboardInterrupt) as error:
        return report.make(plan, replace(outcome, real=[]), settings), error


def _deliver(folder: Path, table: Table, plan: Plan, outcome: Outcome, as_json: bool) -> None:
    """Write the files, and print the tables also where that fails. Raises Failure file_unwritable."""
    from rigatino.evaluation import sheet, tables

    text = tables.markdown(table)
    try:
        _write(folder, {"results.json": json.dumps(table, indent=1) + "\n", "table.md": text})
        sheet.write(folder / "sheet.jpg", outcome.strips, [filler.name for filler in plan.fillers])
    finally:
        click.echo(json.dumps(table) if as_json else text)


def _end(error: BaseException | None, done: int, wanted: int, folder: Path) -> None:
    """Raise what ended the evaluation early, if anything did; Failure evaluation_interrupted for Ctrl-C."""
    if error is None:
        return
    if isinstance(error, KeyboardInterrupt):
        raise Failure("evaluation_interrupted", done=done, wanted=wanted, folder=str(folder))
    log.warning("The tables in %s hold what was measured, %d of %d photographs.", folder, done, wanted)
    with translated():
        raise error


def _digest(file: Path | None) -> str | None:
    """A file's sha256; Failure file_missing, file_unreadable."""
    if file is None:
        return None
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise Failure("file_missing", file=str(file)) from error
    except OSError as error:
        raise Failure("file_unreadable", file=str(file), why=atomic.why(error)) from error


def _make(folder: Path) -> None:
    """The folder, in which files can be written: hours of measuring come next. Raises Failure file_unwritable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise Failure("file_unwritable", file=str(folder), why=atomic.why(error)) from error


def _write(folder: Path, texts: dict[str, str]) -> None:
    """Raises Failure file_unwritable."""
    for name, text in texts.items():
        with atomic.replacing(folder / name) as part:
            part.write_text(text, "utf-8")
