"""What a fill with the bundled network costs, part by part, next to one look of Big-LaMa, all in their fast forms.

    python benchmarks/fill_parts.py [--side 512] [--threads 1] [--runs 4]

A square region with a square hole of 35 % of its side, the network's looks and the exemplar pass; the least processor
time of some runs, which neighbours disturb less than the clock's. Big-LaMa has random weights. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import torch

from rigatino_models import registry
from rigatino_models.convert import weights
from rigatino_models.exemplar.synthesis import copy_texture
from rigatino_models.inpainter import Inpainter
from rigatino_models.lama.fast import fast
from rigatino_models.lama.net import Lama, LamaConfig

BIG = LamaConfig(widths=(64, 128, 256, 512), blocks=18, global_width=384)


def main() -> None:
    """Time the parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=4)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    side = arguments.side
    image, hole = torch.rand(1, 3, side, side), torch.zeros(1, 1, side, side)
    begin, end = round(0.3 * side), round(0.65 * side)
    hole[..., begin:end, begin:end] = 1
    big = Inpainter(fast(Lama(BIG).eval(), torch.bfloat16), 8, 16)
    network = registry.find("")
    net = weights.read(network.path, network.sha256).fast(torch.bfloat16)
    small = Inpainter(net, network.spec.multiple, network.spec.minimum, coarsest=network.spec.coarsest)
    parts: dict[str, Callable[[], object]] = {
        "big_lama_s": lambda: big.raw(image, hole),
        "bundled_s": lambda: small.raw(image, hole),
        "exemplar_pass_s": lambda: copy_texture(image, hole, image),
    }
    found = {name: least(part, arguments.runs) for name, part in parts.items()}
    found["bundled_over_big"] = found["bundled_s"] / found["big_lama_s"]
    found["whole_over_big"] = (found["bundled_s"] + found["exemplar_pass_s"]) / found["big_lama_s"]
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))


def least(part: Callable[[], object], runs: int) -> float:
    """The least processor time of some runs after one that does not count, in seconds."""
    part()
    times = []
    for _ in range(runs):
        begun = time.process_time()
        part()
        times.append(time.process_time() - begun)
    return min(times)


if __name__ == "__main__":
    main()
