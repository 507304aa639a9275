"""What keeping freed memory in the process gains: training steps of the small LaMa with and without it, in turn.

    python benchmarks/allocator.py [--rounds 3] [--steps 6]

The last line is one JSON object: seconds per step of both (medians), and their ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

import torch

from rigatino_models.lama.net import SMALL, Lama
from rigatino_models.memory import keep_freed_memory


def main() -> None:
    """Measure each way in processes of its own, since malloc's settings last for a process's life."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--one", choices=["kept", "usual"], help="measure one way and print its seconds")
    arguments = parser.parse_args()
    if arguments.one:
        print(seconds_per_step(arguments.one == "kept", arguments.steps))
        return
    words = [sys.executable, __file__, "--steps", str(arguments.steps), "--one"]
    times: dict[str, list[float]] = {"usual": [], "kept": []}
    for _ in range(arguments.rounds):
        for way, taken in times.items():
            taken.append(float(subprocess.run([*words, way], capture_output=True, check=True).stdout))
    medians = {way: statistics.median(taken) for way, taken in times.items()}
    print(json.dumps({**medians, "ratio": round(medians["usual"] / medians["kept"], 2)}))


def seconds_per_step(kept: bool, steps: int) -> float:
    """Forward and backward of 16 pictures of 128 pixels in bf16, after two steps to warm up."""
    if kept:
        keep_freed_memory()
    net = Lama(SMALL).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = torch.rand(16, 3, 128, 128).contiguous(memory_format=torch.channels_last)
    hole = (torch.rand(16, 1, 128, 128) > 0.7).float()
    start = 0.0
    for step in range(steps + 2):
        if step == 2:
            start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            raw = net(image, hole)
        (raw.float() - image).abs().mean().backward()
    return (time.perf_counter() - start) / steps


if __name__ == "__main__":
    main()
