"""How well a network fills, next to OpenCV's two diffusions: hole PSNR, hole L1, LP-sq10, and a sheet to look at.

    python benchmarks/quality.py PHOTOS --out DIR [--match 'plasma*' ...] [--count 38] [--network NAME]
                                 [--perceptual squeezenet1_0.safetensors]

Photos are cut to their middle square and reduced to 512 pixels; each gets one wide, one object-shaped and one narrow
hole, drawn from the seed. Fills go through the service, as a user's do, with grow and feather 0. LP-sq10 (lower is
better) is the distance of unit-length SqueezeNet 1.0 features at 256 pixels; it is not LPIPS. Needs the extra `eval`.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from rigatino.service import Service
from rigatino.settings import Settings
from rigatino_models.data import masks
from rigatino_models.losses.squeezenet import PerceptualLoss
from rigatino_models.training import sheet
from rigatino_wire.messages import Array, Fill

SIDE = 512
Pixels = NDArray[np.uint8]
Filler = Callable[[Pixels, Pixels], Pixels]
KINDS: dict[str, Callable[[np.random.Generator], Pixels]] = {
    "wide": lambda rng: masks.strokes(rng, SIDE, masks.Strokes((1, 3), (0.1, 0.5), (0.08, 0.25))),
    "object": lambda rng: masks.blobs(rng, SIDE, (1, 1), (0.08, 0.2)),
    "narrow": lambda rng: masks.strokes(rng, SIDE, masks.NARROW),
}
NAMES = ("psnr", "l1", "lp_sq10")


def main() -> None:
    """Fill, measure, write table.md, results.json and sheet.png."""
    arguments = parse()
    photos = pictures(arguments.photos, arguments.match, arguments.count)
    fillers: dict[str, Filler] = {
        arguments.network or "bundled": network(arguments.network),
        "OpenCV NS": lambda image, hole: cv2.inpaint(image, hole, 5, cv2.INPAINT_NS),
        "OpenCV Telea": lambda image, hole: cv2.inpaint(image, hole, 5, cv2.INPAINT_TELEA),
    }
    distance = PerceptualLoss(arguments.perceptual, (1,) * 8) if arguments.perceptual else None
    scores, rows = measure(photos, fillers, distance, arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = markdown(scores, len(photos))
    (arguments.out / "table.md").write_text(table)
    (arguments.out / "results.json").write_text(json.dumps(scores, indent=1))
    sheet.write(arguments.out / "sheet.png", rows)
    print(table)


def parse() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("--match", nargs="+", default=["*"], help="patterns of file names")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--network", default="")
    parser.add_argument("--perceptual", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def pictures(folder: Path, patterns: list[str], count: int) -> list[Pixels]:
    """Middle squares of 512 pixels of the photos whose name matches, in the order of their names."""
    paths = sorted(
        p for p in folder.iterdir() if any(fnmatch.fnmatch(p.name, pattern) for pattern in patterns)
    )
    squares = []
    for path in paths[:count]:
        with Image.open(path) as image:
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            square = image.convert("RGB").crop((left, top, left + side, top + side))
        squares.append(np.asarray(square.resize((SIDE, SIDE), Image.Resampling.LANCZOS)))
    return squares


def network(name: str) -> Filler:
    """A network behind the service, on the whole picture."""
    service = Service(Settings.from_environment())

    def fill(image: Pixels, hole: Pixels) -> Pixels:
        rgba = np.concatenate((image, np.full((*hole.shape, 1), 255, np.uint8)), -1)
        request = Fill(
            id="quality",
            image=Array("u8", rgba.shape, rgba.tobytes()),
            hole=Array("u8", (*hole.shape, 1), (hole * 255).tobytes()),
            network=name,
            grow=0,
            feather=0.0,
        )
        filled = service.fill(request, lambda stage, fraction: None)
        answer = np.frombuffer(filled.fill.view, np.uint8).reshape(filled.fill.shape)[0]
        (x, y), (height, width) = filled.offset, answer.shape[:2]
        out = image.copy()
        out[y : y + height, x : x + width] = answer[..., :3]
        return np.where(hole[..., None] > 0, out, image)

    return fill


def measure(
    photos: list[Pixels], fillers: dict[str, Filler], distance: PerceptualLoss | None, seed: int
) -> tuple[dict[str, dict[str, dict[str, list[float]]]], list[Tensor]]:
    """kind -> filler -> measure -> one value per photo; and the sheet's rows for the first photos of each kind."""
    scores: dict[str, dict[str, dict[str, list[float]]]] = {}
    rows: list[Tensor] = []
    for kind, make in KINDS.items():
        scores[kind] = {name: {measure: [] for measure in NAMES} for name in fillers}
        for index, image in enumerate(photos):
            hole = make(np.random.default_rng((seed, index, len(kind))))
            results = {name: fill(image, hole) for name, fill in fillers.items()}
            for name, result in results.items():
                for measure, value in compare(image, result, hole, distance).items():
                    scores[kind][name][measure].append(value)
            if index % max(1, len(photos) // 4) == 0:
                row = [sheet.marked(tensor(image), tensor(hole[..., None])), *map(tensor, results.values())]
                rows.append(torch.cat([*row, tensor(image)]))
    return scores, [torch.nn.functional.avg_pool2d(row, 2) for row in rows]


def compare(image: Pixels, result: Pixels, hole: Pixels, distance: PerceptualLoss | None) -> dict[str, float]:
    """PSNR (dB) and L1 (of 255) over the hole, LP-sq10 over the picture at 256 pixels (NaN without its network)."""
    difference = (result.astype(np.float64) - image)[hole > 0]
    lp = float("nan")
    if distance is not None:
        small = [torch.nn.functional.avg_pool2d(tensor(p), SIDE // 256) for p in (result, image)]
        with torch.inference_mode():
            lp = float(distance(*small))
    mse = max(float(np.square(difference).mean()), 1e-3)
    return {"psnr": 10 * np.log10(255**2 / mse), "l1": float(np.abs(difference).mean()), "lp_sq10": lp}


def tensor(pixels: Pixels) -> Tensor:
    """[H,W,C] uint8 -> [1,C,H,W] in [0,1]; a hole of ones stays so."""
    scale = 1 if pixels.shape[-1] == 1 else 255
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / scale


def markdown(scores: dict[str, dict[str, dict[str, list[float]]]], count: int) -> str:
    """The means, and for LP-sq10 the paired difference to the first filler with its 95 % interval."""
    lines = [
        f"{count} photos, 512 px",
        "",
        "| hole | filler | hole PSNR dB | hole L1 | LP-sq10 | minus ours (95 %) |",
        "|---|---|---|---|---|---|",
    ]
    for kind, fillers in scores.items():
        ours = np.asarray(next(iter(fillers.values()))["lp_sq10"])
        for name, values in fillers.items():
            psnr, l1, lp = (float(np.mean(values[measure])) for measure in NAMES)
            gap = np.asarray(values["lp_sq10"]) - ours
            low, high = interval(gap)
            paired = f"{gap.mean():+.4f} ({low:+.4f} .. {high:+.4f})" if gap.any() else ""
            lines.append(f"| {kind} | {name} | {psnr:.2f} | {l1:.2f} | {lp:.4f} | {paired} |")
    return "\n".join(lines) + "\n"


def interval(values: NDArray[np.float64], rounds: int = 2000) -> tuple[float, float]:
    """Bootstrap 95 % interval of the mean."""
    picks = np.random.default_rng(0).integers(0, len(values), (rounds, len(values)))
    low, high = np.percentile(values[picks].mean(1), (2.5, 97.5))
    return float(low), float(high)


if __name__ == "__main__":
    main()
