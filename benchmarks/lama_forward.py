"""Big-LaMa's forward pass: the plain module (unfolded, float32, channels last) against the fast form, in one run.

    python benchmarks/lama_forward.py [--sizes 256 512 1024] [--repeats 5] [--network big|small] [--weights FILE]

Weights are random with calibrated BatchNorm statistics unless a file is given. The last line is one JSON object:
size -> plain_s, fast_s, ratio, share_of_matmul_peak, peak_mb, max_error, mean_error.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import psutil
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from rigatino_models.convert import load
from rigatino_models.lama.fast import fast
from rigatino_models.lama.net import BIG_LAMA, SMALL, Lama
from rigatino_models.memory import keep_freed_memory


def main() -> None:
    """Measure and print."""
    arguments = parse()
    keep_freed_memory()
    torch.manual_seed(0)
    net = network(arguments.network, arguments.weights)
    dtype = torch.bfloat16 if arguments.dtype == "bf16" else torch.float32
    quick = fast(net, dtype)
    peak = matmul_peak(dtype)
    print(
        f"{torch.get_num_threads()} threads, {arguments.dtype} matmul {peak / 1e9:.0f} GFLOP/s",
        file=sys.stderr,
    )
    results = {}
    for size in arguments.sizes:
        results[str(size)] = measure(net, quick, size, arguments.repeats, peak)
        print(size, results[str(size)], file=sys.stderr)
    print(json.dumps(results))


def parse() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--network", choices=["big", "small"], default="big")
    parser.add_argument("--weights", type=Path, help="safetensors of the network's own layout")
    parser.add_argument("--dtype", choices=["bf16", "fp32"], default="bf16")
    return parser.parse_args()


def network(kind: str, weights: Path | None) -> Lama:
    """The network, channels last, in evaluation mode."""
    net = cast(Lama, load(weights)) if weights else Lama(BIG_LAMA if kind == "big" else SMALL)
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net.eval() if weights else calibrated(net)


@torch.no_grad()
def calibrated(net: Lama) -> Lama:
    """Run a few batches in training mode, so that BatchNorm keeps the signal in range as after real training."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    net.train()
    for _ in range(2):
        net(*sample(128, 2))
    return net.eval()


def sample(size: int, batch: int = 1) -> tuple[Tensor, Tensor]:
    """Smooth random pictures [N,3,S,S] with a square hole."""
    image = torch.nn.functional.interpolate(torch.rand(batch, 3, 16, 16), (size, size), mode="bicubic").clamp(
        0, 1
    )
    hole = torch.zeros(batch, 1, size, size)
    hole[..., size // 3 : 2 * size // 3, size // 3 : 2 * size // 3] = 1
    return image, hole


@torch.inference_mode()
def measure(net: nn.Module, quick: nn.Module, size: int, repeats: int, peak: float) -> dict[str, float]:
    """Both forms in turn, so that a drifting machine meets both alike."""
    image, hole = sample(size)
    with FlopCounterMode(display=False) as counter:
        wanted = net(image, hole)
    got = quick(image, hole)
    pairs = [(seconds(net, image, hole), seconds(quick, image, hole)) for _ in range(repeats)]
    plain_s, fast_s = (statistics.median(times) for times in zip(*pairs, strict=True))
    return {
        "plain_s": round(plain_s, 4),
        "fast_s": round(fast_s, 4),
        "ratio": round(statistics.median(a / b for a, b in pairs), 2),
        "share_of_matmul_peak": round(counter.get_total_flops() / fast_s / peak, 3),
        "peak_mb": round(peak_memory(lambda: quick(image, hole)) / 2**20),
        "max_error": float((wanted - got).abs().max()),
        "mean_error": float((wanted - got).abs().mean()),
    }


def seconds(net: nn.Module, image: Tensor, hole: Tensor) -> float:
    """Wall time of one pass."""
    start = time.perf_counter()
    net(image, hole)
    return time.perf_counter() - start


def matmul_peak(dtype: torch.dtype, size: int = 2048) -> float:
    """FLOP/s of the best of some square products: the ceiling of this machine for this type."""
    a, b = torch.rand(size, size).to(dtype), torch.rand(size, size).to(dtype)
    times = []
    for _ in range(6):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return 2 * size**3 / min(times)


def peak_memory(work: Callable[[], object]) -> int:
    """Largest resident size in bytes while `work` runs, sampled every 2 ms."""
    process, largest, running = psutil.Process(), 0, True

    def watch() -> None:
        nonlocal largest
        while running:
            largest = max(largest, process.memory_info().rss)
            time.sleep(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    work()
    running = False
    thread.join()
    return largest


if __name__ == "__main__":
    main()
