"""LaMa's forward pass: the plain module (unfolded, float32, channels last) against the fast form, in one run.

    python benchmarks/lama_forward.py [--sizes 256 512 1024] [--repeats 5] [--networks bundled big] [--dtype bf16|fp32]

Big-LaMa has random weights with calibrated BatchNorm statistics and sees smooth random pictures; the bundled network
sees a photograph. With one thread, seconds are the processor's, which neighbours disturb less. One line of JSON for
each network, Big-LaMa's last: size -> plain_s, fast_s, ratio, share_of_matmul_peak, peak_mb, max_error, mean_error.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from importlib import resources
from typing import cast

import psutil
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from rigatino import pictures
from rigatino_models import registry
from rigatino_models.convert import load
from rigatino_models.lama.fast import fast
from rigatino_models.lama.net import BIG_LAMA, Lama
from rigatino_models.memory import keep_freed_memory


def main() -> None:
    """Measure and print."""
    arguments = parse()
    keep_freed_memory()
    dtype = torch.bfloat16 if arguments.dtype == "bf16" else torch.float32
    peak = matmul_peak(dtype)
    tell(f"{torch.get_num_threads()} threads, {arguments.dtype} matmul {peak / 1e9:.0f} GFLOP/s")
    for name in arguments.networks:
        torch.manual_seed(0)
        net, shown = (big(), sample) if name == "big" else (bundled(), photograph)
        quick = fast(net, dtype)
        results = {}
        for size in arguments.sizes:
            results[str(size)] = measure(net, quick, shown(size), arguments.repeats, peak)
            tell(f"{name} {size} {results[str(size)]}")
        print(json.dumps(results), flush=True)


def parse() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--networks", nargs="+", choices=["bundled", "big"], default=["bundled", "big"])
    parser.add_argument("--dtype", choices=["bf16", "fp32"], default="bf16")
    return parser.parse_args()


def tell(line: str) -> None:
    """What is no result."""
    print(line, file=sys.stderr, flush=True)


def big() -> Lama:
    """Big-LaMa, channels last, with random weights."""
    return calibrated(Lama(BIG_LAMA).to(memory_format=torch.channels_last))  # type: ignore[call-overload]


def bundled() -> Lama:
    """The bundled network, channels last."""
    net = cast(Lama, load(registry.find("").path))
    return net.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]


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


def photograph(size: int) -> tuple[Tensor, Tensor]:
    """The demonstration's picture, as a square of this side, with a square hole."""
    with resources.as_file(resources.files("rigatino") / "demo" / "photo.jpg") as file:
        rgb = torch.from_numpy(pictures.read(file).rgba[..., :3].copy()).permute(2, 0, 1)[None] / 255
    image = torch.nn.functional.interpolate(rgb, (size, size), mode="bicubic", antialias=True).clamp(0, 1)
    return image, sample(size)[1]


@torch.inference_mode()
def measure(
    net: nn.Module, quick: nn.Module, shown: tuple[Tensor, Tensor], repeats: int, peak: float
) -> dict[str, float]:
    """Both forms in turn, so that a drifting machine meets both alike."""
    image, hole = shown
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
    """Time of one pass."""
    start = now()
    net(image, hole)
    return now() - start


def now() -> float:
    """The clock's time, or with one thread the processor's."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def matmul_peak(dtype: torch.dtype, size: int = 2048) -> float:
    """FLOP/s of the best of some square products: the ceiling of this machine for this type."""
    a, b = torch.rand(size, size).to(dtype), torch.rand(size, size).to(dtype)
    times = []
    for _ in range(6):
        start = now()
        a @ b
        times.append(now() - start)
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
