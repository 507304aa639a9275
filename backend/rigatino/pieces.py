"""A very large region with holes far from each other: only what lies around each is worked on, one after another.

The pixels between them are never more than the bytes that came: as floats, with all that work on them needs, a picture
of 100 megapixels would take many gigabytes for two specks in opposite corners.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigatino.exchange import TYPES, Report
from rigatino.planning import grouped, labelled, spread, view
from rigatino_models.spec import NetworkSpec
from rigatino_wire.messages import Array, Fill, Filled
from rigatino_wire.region import Box

LARGE = 1 << 24  # pixels; a region that has no more is worked on as a whole

Pixels = NDArray[Any]


def split(request: Fill, spec: NetworkSpec) -> list[Fill]:
    """The requests that make up a large one, each for the holes of its own; the request itself where there is but one.

    Several candidates are not split, since each is ranked by all that it fills.
    """
    height, width = request.hole.shape[:2]
    if height * width <= LARGE or request.candidates > 1:
        return [request]
    image, hole = _pixels(request.image), _pixels(request.hole)
    cells, found = labelled(hole[..., 0] > 0)
    frame, reach = Box(0, 0, width, height), request.grow + ceil(request.feather)
    groups = grouped(found, frame, spec)
    pieces = []
    for group in groups if len(groups) > 1 else []:
        box = view(reduce(Box.join, (found[k] for k in group)).grow(reach), frame, spec)
        at = np.s_[box.y : box.bottom, box.x : box.right]
        mine = np.isin(spread(cells, box), [k + 1 for k in group])[..., None]
        if not (hole[at] * ~mine).any():
            pieces.append(_piece(request, box, image[at], hole[at]))
    # Where holes of one lie in the view of another, what is to go must not be seen: they stay together.
    return pieces if pieces and len(pieces) == len(groups) else [request]


def _piece(request: Fill, box: Box, image: Pixels, hole: Pixels) -> Fill:
    x, y = request.offset
    return replace(request, image=_array(image), hole=_array(hole), offset=(x + box.x, y + box.y))


def joined(pieces: Sequence[Fill], fill: Callable[[Fill, Report], Filled], progress: Report) -> Filled:
    """The answers to pieces as one; `fill` answers each."""
    sizes = [piece.hole.nbytes for piece in pieces]
    answers = []
    for number, piece in enumerate(pieces):
        answers.append(fill(piece, _share(progress, sum(sizes[:number]), sizes[number], sum(sizes))))
    boxes = [Box(*answer.offset, answer.fill.shape[2], answer.fill.shape[1]) for answer in answers]
    whole = reduce(Box.join, boxes)
    rgba = np.zeros((1, whole.height, whole.width, 4), TYPES[answers[0].fill.dtype])
    for box, answer in zip(boxes, answers, strict=True):
        y, x = box.y - whole.y, box.x - whole.x
        there, new = rgba[:, y : y + box.height, x : x + box.width], _pixels(answer.fill)
        np.copyto(there, new, where=new[..., 3:] > there[..., 3:])
    return replace(
        answers[0],
        offset=(whole.x, whole.y),
        scale=min(answer.scale for answer in answers),
        notes=list(dict.fromkeys(note for answer in answers for note in answer.notes)),
        seconds=_summed([answer.seconds for answer in answers]),
        fill=_array(rgba),
    )


def _share(progress: Report, before: int, mine: int, whole: int) -> Report:
    return lambda stage, fraction: progress(stage, (before + mine * fraction) / whole)


def _summed(laps: Sequence[Any]) -> dict[str, float]:
    return {
        name: sum(lap.get(name, 0.0) for lap in laps)
        for name in dict.fromkeys(n for lap in laps for n in lap)
    }


def _pixels(array: Array) -> Pixels:
    return np.frombuffer(array.view, TYPES[array.dtype]).reshape(array.shape)


def _array(pixels: Pixels) -> Array:
    dtype = "u8" if pixels.dtype == np.uint8 else "f32"
    return Array(dtype, pixels.shape, np.ascontiguousarray(pixels).data.cast("B"))
