"""What the Poisson seam costs by the size of the hole, next to SciPy's direct solver; and distances near a hole.

    python benchmarks/poisson.py [--sides 125,250,500,1000] [--runs 3]

Square holes of these sides, three channels of float32, a guide of noise: the least processor time of some runs, what a
pixel of the hole takes next to one of the smallest hole, and the peak of memory by pixel that is solved for (from
NumPy's own counting, in a run of its own). `fill` is what every fill does (128 pixels from the rim, to 1e-3). The
direct solver factorises the same system up to a side of 500. `near` is what bounding distances to a hole of 300 pixels
saves in a region of 9 megapixels. One thread. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from scipy import ndimage
from scipy.sparse.linalg import splu

from rigatino import compose, poisson
from rigatino_models.memory import keep_freed_memory

LARGEST_DIRECT = 500


def main() -> None:
    """Time every size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sides", default="125,250,500,1000")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    keep_freed_memory()
    sides = [int(side) for side in arguments.sides.split(",")]
    found = {side: measured(side, arguments.runs) for side in sides}
    first = found[sides[0]]["exact_s"] / sides[0] ** 2
    for side, row in found.items():
        row["by_pixel"] = row["exact_s"] / side**2 / first
        print(side, {name: round(value, 3) for name, value in row.items()})
    found_near = near(arguments.runs)
    print(json.dumps({"sides": found, "near": found_near}))


def measured(side: int, runs: int) -> dict[str, float]:
    """Seconds and bytes for one hole."""
    random = np.random.default_rng(0)
    picture, guide = random.random((2, side + 40, side + 40, 3), np.float32)
    hole = np.zeros(picture.shape[:2], bool)
    hole[20:-20, 20:-20] = True

    def exact() -> object:
        return poisson.blend(picture, guide, hole)

    row = {
        "exact_s": least(exact, runs),
        "fill_s": least(lambda: poisson.continued(picture, guide, hole, reach=128, tolerance=1e-3), runs),
        "bytes_by_pixel": peak(exact) / side**2,
        "bytes_by_pixel_in_a_fill": peak(lambda: poisson.continued(picture, guide, hole, tolerance=1e-3))
        / side**2,
    }
    if side <= LARGEST_DIRECT:
        row["direct_over_exact"] = least(lambda: direct(hole), 1) / row["exact_s"]
    return row


def direct(hole: compose.Bools) -> None:
    """Factorise the system and solve it for three channels."""
    system = poisson._laplacian(hole, np.ones_like(hole)).astype(np.float64).tocsc()
    splu(system, permc_spec="MMD_AT_PLUS_A").solve(np.ones((system.shape[0], 3)))


def near(runs: int) -> dict[str, float]:
    """Seconds for the distances of a small hole's surroundings in a large region, and how many times more the whole."""
    known = np.ones((3000, 3000), bool)
    known[1000:1300, 1500:1800] = False
    bounded = least(lambda: (compose.depth(known), compose.distance(~known, 9)), runs)
    whole = least(lambda: [ndimage.distance_transform_edt(side) for side in (known, ~known)], 1)
    return {"bounded_s": bounded, "whole_over_bounded": whole / bounded}


def least(part: Callable[[], object], runs: int) -> float:
    """The least processor time of some runs, in seconds."""
    times = []
    for _ in range(runs):
        begun = time.process_time()
        part()
        times.append(time.process_time() - begun)
    return min(times)


def peak(part: Callable[[], object]) -> float:
    """The most bytes that were held at once."""
    tracemalloc.start()
    part()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return float(most)


if __name__ == "__main__":
    main()
