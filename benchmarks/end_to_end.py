"""How long a program waits for a fill, and how much of that is the network: `client.fill` from memory, a real daemon.

    python benchmarks/end_to_end.py [--runs 3] [--networks big-lama,] [--cases 512,12mp,24mp,24mp-corners]

A daemon of its own, in folders of its own, and one small fill to load the network. Big-LaMa has seeded random weights
with calibrated BatchNorm, imported as a file would be; "" is the bundled network. Cases: a picture of 512 pixels with a
hole of 160; 12 megapixels with one of 300; 24 megapixels with one of 1500, 100 with one of 3000; 24 and 100 megapixels
with two of 60 in opposite corners; all holes square, at the quality "balanced".
A fill begins with the whole picture and its mask in memory and ends when the answer is there. Of some runs the quickest
counts. The last line is one JSON object: "NETWORK CASE" -> total_s, network_s (all its looks), texture_s (copied along
its answer), rest_s (all else), rest_share (of network_s), wire_bytes (both ways), peak_mb, daemon_mb (the worker's and
the daemon's since their start, so cases in growing order), client_mb (what the fill took in this process). Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import torch
from lama_forward import calibrated
from numpy.typing import NDArray
from safetensors.torch import save_file

from rigatino import retouch, weights
from rigatino.pictures import Picture
from rigatino_models.lama.net import BIG_LAMA, Lama
from rigatino_wire.client import Client
from rigatino_wire.frames import pack
from rigatino_wire.launch import ensure_daemon, stop_daemon
from rigatino_wire.region import ContextRule
from rigatino_wire.several import as_one, ask

CASES = {
    "512": (512, 512, 160),
    "12mp": (3000, 4000, 300),
    "24mp": (4000, 6000, 1500),
    "24mp-corners": (4000, 6000, 60),
    "100mp-corners": (8000, 12500, 60),
    "100mp": (8000, 12500, 3000),
}
USUAL = "512,12mp,24mp,24mp-corners"
Pixels = NDArray[np.uint8]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--networks", default="big-lama,")
    parser.add_argument("--cases", default=USUAL)
    arguments = parser.parse_args()
    results = {}
    for network in arguments.networks.split(","):
        with daemon(network) as client:
            for case in arguments.cases.split(","):
                name = f"{network or 'bundled'} {case}"
                results[name] = measure(client, network, case, arguments.runs)
                print(name, results[name], file=sys.stderr, flush=True)
    print(json.dumps(results))


@contextmanager
def daemon(network: str) -> Iterator[Client]:
    """A daemon whose data folder holds Big-LaMa under the network's name; "" is the bundled network."""
    with tempfile.TemporaryDirectory(prefix="rigatino-", ignore_cleanup_errors=True) as name:
        runtime, data = Path(name) / "run", Path(name) / "data"
        runtime.mkdir(mode=0o700)
        os.environ.update(RIGATINO_RUNTIME_DIR=str(runtime), RIGATINO_DATA_DIR=str(data))
        if network:
            import_random(network, Path(name) / "random.safetensors", data)
        client = ensure_daemon([sys.executable, "-m", "rigatino"], runtime)
        try:
            yield client
        finally:
            stop_daemon(runtime)


def import_random(name: str, file: Path, data: Path) -> None:
    """Big-LaMa with random weights under this name."""
    torch.manual_seed(0)
    state = calibrated(Lama(BIG_LAMA)).state_dict()
    save_file({f"generator.{key}": value for key, value in state.items()}, file)
    weights.import_file(file, name, data)


def measure(client: Client, network: str, case: str, runs: int) -> dict[str, float]:
    """One case: the run that took least, after a small one that loads the network."""
    described = client.describe()
    name = network or described.default_network
    rule = next(info.rule for info in described.networks if info.name == name)
    picture, mask = (corners if case.endswith("corners") else scene)(*CASES[case])
    fill(client, *scene(*CASES["512"]), name, rule)
    daemon = client.status().pid
    [worker] = psutil.Process(daemon).children()
    found = min(
        (fill(client, picture, mask, name, rule) for _ in range(runs)), key=lambda run: run["total_s"]
    )
    memory = {"peak_mb": peak(worker.pid), "daemon_mb": peak(daemon)}
    return {key: round(value, 4) for key, value in found.items()} | memory


def fill(client: Client, picture: Picture, mask: Pixels, network: str, rule: ContextRule) -> dict[str, float]:
    """Seconds and bytes of one fill."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins again
    held, begun = peak("self"), time.perf_counter()
    requests = retouch.requests(picture, mask, retouch.Options(network, seed=0), rule)
    answers = ask(requests, lambda request, whole: client.fill(request))
    total, filled = time.perf_counter() - begun, as_one(answers)
    taken = peak("self") - held
    looks = filled.seconds["network"] + filled.seconds.get("again", 0.0)
    texture = filled.seconds.get("detail", 0.0)
    rest = total - looks - texture
    sizes = (len(bytes(frame)) for message in (*requests, *answers) for frame in pack(message, b"key"))
    return {
        "total_s": total,
        "network_s": looks,
        "texture_s": texture,
        "rest_s": rest,
        "rest_share": rest / looks,
        "wire_bytes": sum(sizes),
        "client_mb": taken,
    }


def peak(pid: int | str) -> int:
    """The most megabytes that a process ("self": this one) has held since its start."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    facts = dict(line.split(":", 1) for line in lines)
    return round(int(facts["VmHWM"].split()[0]) / 1024)


def scene(height: int, width: int, side: int) -> tuple[Picture, Pixels]:
    """Smooth shapes with grain, and a square hole in the middle."""
    random = np.random.default_rng(0)
    rows, columns = np.ogrid[:height, :width]
    rgba = np.full((height, width, 4), 255, np.uint8)
    for at in range(0, height, 500):  # a hundred megapixels are many gigabytes as other numbers
        waves = np.sin(rows[at : at + 500] / 97) * np.cos(columns / 61) * 90 + 128
        grain = random.integers(-12, 12, (*waves.shape, 3), np.int16)
        rgba[at : at + 500, :, :3] = (waves[..., None] + grain).clip(0, 255)
    mask = np.zeros((height, width), np.uint8)
    top, left = (height - side) // 2, (width - side) // 2
    mask[top : top + side, left : left + side] = 255
    return Picture(rgba, "RGBA"), mask


def corners(height: int, width: int, side: int) -> tuple[Picture, Pixels]:
    """The same with two square holes in opposite corners."""
    picture, mask = scene(height, width, 0)
    for at in (np.s_[50 : 50 + side], np.s_[-50 - side : -50]):
        mask[at, at] = 255
    return picture, mask


if __name__ == "__main__":
    main()
