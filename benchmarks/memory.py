"""Whether anything leaks: the memory of a process that fills and fills.

    python benchmarks/memory.py [--fills 500] [--side 96] [--every 50]

Regions of changing sizes, each with one hole or two, through the service with the bundled network, second look and
exemplar pass included. There are KINDS of them: libraries keep what they prepare for a size, which is no leak. Memory
is what the process holds after unused memory went back to the system; the first `--every` fills, KINDS, warm up.
The last line is JSON: {"fills", "warm_mb", "last_mb", "growth_mb", "per_fill_kb", "peak_mb"}. Linux only.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import tempfile
from pathlib import Path

import numpy as np
import torch

from rigatino.service import Service
from rigatino.settings import Settings
from rigatino_models.memory import keep_freed_memory, release_freed_memory
from rigatino_wire.messages import Array, Fill

KINDS = 50


def main() -> None:
    """Fill, and watch."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fills", type=int, default=500)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--every", type=int, default=KINDS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as the worker does
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Settings(Path(folder), device="cpu"))
        held = []
        for number in range(1, arguments.fills + 1):
            service.answer(request(number, arguments.side), lambda stage, fraction: None)
            if number % arguments.every == 0:
                held.append(resident())
                print(f"{number}: {held[-1]:.1f} MB", flush=True)
    growth = held[-1] - held[0]
    later = arguments.fills - arguments.every
    found = {
        "fills": arguments.fills,
        "warm_mb": round(held[0], 1),
        "last_mb": round(held[-1], 1),
        "growth_mb": round(growth, 1),
        "per_fill_kb": round(1024 * growth / max(1, later), 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    print(json.dumps(found))


def request(number: int, side: int) -> Fill:
    """The `number`th region, of KINDS; every tenth is long, so that it is reduced at first."""
    number %= KINDS
    random = np.random.default_rng(number)
    height, width = (int(random.integers(side // 2, side)) for _ in range(2))
    if number % 10 == 0:
        height, width = 24, 1500
    image = random.integers(0, 256, (height, width, 4), np.uint8)
    hole = np.zeros((height, width, 1), np.uint8)
    for _ in range(1 + number % 2):
        y, x = int(random.integers(height // 2)), int(random.integers(width // 2))
        hole[y : y + height // 3, x : x + min(width // 3, 60)] = 255
    seen, gap = (Array("u8", array.shape, array.tobytes()) for array in (image, hole))
    return Fill("memory", seen, gap, seed=1, grow=2, feather=2.0)


def resident() -> float:
    """Megabytes that this process holds, after giving back what is free."""
    gc.collect()
    release_freed_memory()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
