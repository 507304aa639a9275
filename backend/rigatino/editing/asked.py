"""Edits of whole pictures, as the command line asks for them. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from rigatino import atomic, weights
from rigatino.pictures import Picture
from rigatino.retouch import Part, cut, part, sent
from rigatino_wire.client import new_id
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Filled, Paint, Transplant
from rigatino_wire.region import Box, ContextRule

GUESS = "guess"
SHOWN = 8  # classes that a failure names


@dataclass(frozen=True)
class Options:
    """What a user can set of any edit.

    keep: a file for what the network found of the picture. context: surroundings to show, times the hole, 0 for as much
    as the network likes.
    """

    network: str
    base: int
    steps: int
    latent: str
    seam: str
    feather: float
    seed: int
    precision: str
    context: float
    keep: Path | None

    def fields(self) -> dict[str, Any]:
        """As a request has them."""
        return {name: value for name, value in vars(self).items() if name not in ("context", "keep")}

    def shown(self, picture: Picture, mask: NDArray[np.uint8], rule: ContextRule) -> Part:
        """What a request shows of a picture with the mask [H,W]. Raises Failure size_mismatch, hole_empty."""
        return part(picture, mask, 0, self.feather, rule, factor=self.context or None)


def options(base: str, keep: Path | None, network: str, **others: Any) -> Options:
    """The options by their values on the command line. Raises Failure bad_setting, file_unreadable."""
    number = -1 if base == GUESS else class_number(base, network, "base")
    return Options(network=network, base=number, latent=_kept(keep), keep=keep, **others)


def paint(
    picture: Picture,
    mask: NDArray[np.uint8],
    numbers: NDArray[np.uint8],
    palette: Sequence[int],
    strength: float,
    options: Options,
    rule: ContextRule,
) -> Paint:
    """The request to paint palette[numbers] where a mask [H,W] is. Raises Failure size_mismatch, hole_empty."""
    shown = options.shown(picture, mask, rule)
    return Paint(
        id=new_id(),
        **shown.fields(),
        classes=cut(numbers, shown.box),
        palette=palette,
        strength=strength,
        **options.fields(),
    )


def transplant(
    picture: Picture,
    mask: NDArray[np.uint8],
    reference: Picture,
    marked: NDArray[np.uint8] | None,
    sliders: Sequence[float],
    options: Options,
    rule: ContextRule,
) -> Transplant:
    """The request to bring the marked part [h,w] of a reference, or all of it, where a mask [H,W] is.

    Raises Failure size_mismatch, hole_empty.
    """
    height, width = reference.rgba.shape[:2]
    if marked is None:
        marked = np.zeros((height, width), np.uint8)
    elif marked.shape != (height, width):
        raise Failure(
            "size_mismatch", picture=f"{width}x{height}", mask=f"{marked.shape[1]}x{marked.shape[0]}"
        )
    whole = Box(0, 0, width, height)
    return Transplant(
        id=new_id(),
        **options.shown(picture, mask, rule).fields(),
        reference=sent(reference, whole),
        reference_hole=cut(marked, whole),
        sliders=sliders,
        **options.fields(),
    )


def class_number(name: str, network: str, setting: str) -> int:
    """The class of that number or name: a synonym as it is written, or else letters that one name alone has.

    Raises Failure bad_setting, no_network, unknown_network.
    """
    names = weights.class_names(network)
    if name.isascii() and name.isdigit() and int(name) < len(names):
        return int(name)
    wanted = name.strip().casefold()
    exact = [k for k, one in enumerate(names) if wanted in one.casefold().split(", ")]
    found = exact or [k for k, one in enumerate(names) if wanted and wanted in one.casefold()]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(names[k].split(",")[0] for k in found[:SHOWN])
    expected = f"one class of these: {shown}" if found else "what “rigatino classes” lists"
    raise Failure("bad_setting", name=setting, value=name, expected=expected)


def finish(filled: Filled, output: Path, options: Options) -> None:
    """Keep what was found, and say in a line what ran."""
    if options.keep is not None:
        with atomic.replacing(options.keep) as file:
            file.write_text(filled.latent + "\n", "ascii")
    seconds = filled.seconds.get("total", 0.0)
    click.echo(
        f"{output}: changed by {filled.network} in {seconds:.1f} s "
        f"({filled.device}, {filled.precision}, scale {filled.scale:.2f}, seed {filled.seed})",
        err=True,
    )
    for note in filled.notes:
        click.echo(note, err=True)


def _kept(keep: Path | None) -> str:
    """What an earlier edit found; "" where there was none. Raises Failure file_unreadable."""
    if keep is None or not keep.exists():
        return ""
    try:
        return keep.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise Failure("file_unreadable", file=str(keep), why=atomic.why(error)) from error
