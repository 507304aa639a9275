"""Python, torch, and whether a network fills. torch is imported only when it is looked at."""

from __future__ import annotations

import importlib
import platform
import sys
import time
from pathlib import Path

from rigatino.doctor.point import OK, WARNING, WRONG, Point
from rigatino.settings import Settings
from rigatino_wire import __version__
from rigatino_wire.errors import Failure

AGAIN = "Install Rigatino again; its README says how."
SIDE = 96  # pixels of the picture that is filled for trial
HOLE = slice(36, 60)
LARGEST_ERROR = 40.0  # of 255, within the hole: a ramp is the easiest there is
NVIDIA = Path("/proc/driver/nvidia")


def python() -> Point:
    """The interpreter, and where Rigatino lies."""
    text = f"{platform.python_version()} ({sys.executable}); Rigatino {__version__} in {Path(__file__).parents[1]}"
    return Point("Python", OK, text)


def torch(settings: Settings) -> Point:
    """Whether torch loads, and what it computes on."""
    try:
        found = importlib.import_module("torch")
        from rigatino.pool import fast_bf16, pick_device

        device = pick_device(settings.device)
    except Failure as failure:
        return Point.of("torch", failure)
    except (ImportError, OSError, RuntimeError) as error:
        return Point("torch", WRONG, f"torch cannot be loaded: {_line(error)}.", AGAIN)
    precision = "bf16" if fast_bf16(device) else "fp32"
    if device.type == "cpu" and settings.device == "auto" and NVIDIA.exists():
        hint = "Install the build of torch that fits the GPU's driver; PyTorch's site names it."
        return Point("torch", WARNING, f"{found.__version__} does not use this computer's NVIDIA GPU.", hint)
    where = (
        found.cuda.get_device_name(device) if device.type == "cuda" else f"{found.get_num_threads()} threads"
    )
    return Point("torch", OK, f"{found.__version__} on {device} ({where}), {precision}")


def fill(settings: Settings) -> Point:
    """A tiny fill in this process."""
    try:
        began = time.perf_counter()
        error = _trial(settings)
        seconds = time.perf_counter() - began
    except Failure as failure:
        return Point.of("Fill", failure)
    except (ImportError, OSError, RuntimeError) as problem:
        return Point(
            "Fill", WRONG, f"The trial fill broke off: {_line(problem)}.", "The points above may say why."
        )
    if not error <= LARGEST_ERROR:
        hint = "Try RIGATINO_DEVICE=cpu; if that helps, it is the GPU or its driver."
        return Point("Fill", WRONG, "A network runs, but what it fills is wrong.", hint)
    return Point("Fill", OK, f"A trial fill took {seconds:.1f} s, loading included")


def _trial(settings: Settings) -> float:
    """The mean error of a ramp's middle after it was filled, of 255."""
    import numpy as np

    from rigatino import retouch, weights
    from rigatino.pictures import Picture
    from rigatino.service import Service

    steps = np.linspace(40, 200, SIDE)
    ramp = np.full((SIDE, SIDE, 4), 255, np.uint8)
    ramp[..., :3] = ((steps[:, None] + steps) / 2)[..., None]
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[HOLE, HOLE] = 255
    picture = Picture(ramp, "RGB", {})
    rule = weights.network_infos(settings.data_dir)[0].rule
    request = retouch.request(picture, mask, retouch.Options(seed=0), rule)
    filled = retouch.lay(picture, Service(settings).fill(request, lambda stage, fraction: None))
    return float(np.abs(filled.rgba.astype(float) - ramp)[HOLE, HOLE, :3].mean())


def _line(error: Exception) -> str:
    """The first line of what torch says, which may go on for a page."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
