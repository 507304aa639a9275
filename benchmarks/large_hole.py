"""What each quality level makes of holes that are larger than the network's comfortable size, and what it costs.

    python benchmarks/large_hole.py PHOTOS --perceptual squeezenet1_0.safetensors [--side 768] [--comfortable 256]

One hole in the middle square of each photograph, filled by the bundled network at each quality, without and with the
exemplar pass. Photographs are rarely as large as such holes, so the network's comfortable side is lowered instead of
the pictures' raised: what counts is their ratio. `reduced` and `reduced+look` stand for another network's answer: the
original itself, brought down to the comfortable side and enlarged, and the second look at that. Processor seconds of
one core. Needs the extra `eval`. Ctrl-C ends it early. Prints a table; the last line is JSON: {level: {measure: mean}}.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rigatino.evaluation import holes, photos
from rigatino.evaluation.measures import Judge, scale, unscale
from rigatino.service import Service
from rigatino.settings import Settings
from rigatino_models.inpainter import enlarged
from rigatino_models.layers.resize import average
from rigatino_models.second_look import look_again, only_detail
from rigatino_wire.messages import Array, Fill

SHOWN = ("psnr", "lp_sq10", "lp_sq10_native", "swd", "boundary", "texture", "seconds")
Pixels = NDArray[np.uint8]
Level = Callable[[Pixels, Pixels], Pixels]


def main() -> None:
    """Fill and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("--perceptual", type=Path, required=True)
    parser.add_argument("--match", default="*", help="photographs whose names match")
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--side", type=int, default=768)
    parser.add_argument("--comfortable", type=int, default=256)
    parser.add_argument("--mask", default="wide")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip", nargs="*", default=[], help="levels to leave out")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        levels = made(Service(Settings(Path(folder), device="cpu")), arguments.comfortable)
        judge = Judge(arguments.seed, arguments.perceptual)
        found: dict[str, list[dict[str, float]]] = {name: [] for name in levels if name not in arguments.skip}
        chosen = photos.choose(arguments.photos, [arguments.match], arguments.side, arguments.count)
        with suppress(KeyboardInterrupt):
            for index, path in enumerate(chosen):
                picture = photos.read(path, arguments.side)
                if picture is not None:
                    hole = holes.draw(arguments.mask, arguments.side, arguments.seed, index)
                    row = {name: measured(levels[name], picture, hole, judge) for name in found}
                    for name, values in row.items():
                        found[name].append(values)
    print(f"{len(next(iter(found.values())))} photographs")
    means = {name: {key: mean(key, rows) for key in SHOWN} for name, rows in found.items()}
    print("| level | " + " | ".join(SHOWN) + " |")
    for name, row in means.items():
        print(f"| {name} | " + " | ".join(f"{row[key]:.4g}" for key in SHOWN) + " |")
    print(json.dumps(means))


def measured(level: Level, picture: Pixels, hole: Pixels, judge: Judge) -> dict[str, float]:
    """The measures of one fill, and its processor seconds."""
    begun = time.process_time()
    result = level(picture, hole)
    seconds = time.process_time() - begun
    return {**judge.of(picture, hole)(result), "seconds": seconds}


def mean(key: str, rows: list[dict[str, float]]) -> float:
    """The mean over all photographs; a geometric one where the measure says so."""
    values = np.array([row[key] for row in rows])
    return float(values.mean()) if key == "seconds" else unscale(key, float(scale(key, values).mean()))


def made(service: Service, comfortable: int) -> dict[str, Level]:
    """The levels by name."""
    loaded = service.pool.get("", "auto")
    spec = replace(loaded.spec, comfortable=comfortable)
    service.pool.get = lambda *wanted: replace(loaded, spec=spec)  # type: ignore[method-assign]
    levels: dict[str, Level] = {}
    for quality in ("fast", "balanced", "best"):
        levels[quality] = partial(filled, service, quality, False)
        levels[f"{quality}+texture"] = partial(filled, service, quality, True)
    levels["reduced"] = partial(reduced, None, comfortable)
    levels["reduced+look"] = partial(reduced, loaded.inpainter.look, comfortable)
    return levels


def filled(service: Service, quality: str, detail: bool, picture: Pixels, hole: Pixels) -> Pixels:
    """The picture [H,W,3] filled by the service; hole [H,W], 1 = fill."""
    opaque = np.full((*hole.shape, 1), 255, np.uint8)
    arrays = (np.concatenate((picture, opaque), -1), hole[..., None] * np.uint8(255))
    image, gap = (Array("u8", array.shape, array.tobytes()) for array in arrays)
    request = Fill("x", image, gap, quality=quality, detail=detail, grow=0, feather=0.0, seed=0)
    answer = service.answer(request, lambda stage, fraction: None)
    rgba = np.frombuffer(answer.fill.view, np.uint8).reshape(answer.fill.shape)[0]
    x, y = answer.offset
    whole = picture.copy()
    whole[y : y + rgba.shape[0], x : x + rgba.shape[1]] = rgba[..., :3]
    return np.where(hole[..., None] > 0, whole, picture)


def reduced(look: Callable[..., Tensor] | None, comfortable: int, picture: Pixels, hole: Pixels) -> Pixels:
    """The original as another network would give it that knew all of it, and the second look at that."""
    original = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None]
    gap = torch.from_numpy(hole.astype(np.float32))[None, None]
    side = picture.shape[0]
    answer = enlarged(average(original, (comfortable, comfortable)), (side, side))
    if look is not None:
        part = comfortable / side
        answer = only_detail(look_again(look, original * (1 - gap), gap, answer, part), answer, part)
    pixels: Pixels = (answer[0].permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)
    return np.where(hole[..., None] > 0, pixels, picture)


if __name__ == "__main__":
    main()
