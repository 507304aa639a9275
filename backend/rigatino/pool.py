"""The networks in memory: loaded when first asked for, the least recently used let go when they take too much."""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from rigatino import budget, weights
from rigatino.failures import translated
from rigatino.settings import Settings
from rigatino.weights import Entry
from rigatino_models.convert import weights as converted
from rigatino_models.inpainter import Inpainter
from rigatino_models.spec import NetworkSpec
from rigatino_wire.errors import Failure

log = logging.getLogger(__name__)
NETWORKS = 0.5  # of the memory that there is for networks and their work
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
# Without these instructions bf16 on a CPU is emulated, and slower than fp32.
BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


@dataclass(frozen=True)
class Loaded:
    """A network ready to run: which, from which weights, in what precision, where."""

    spec: NetworkSpec
    sha256: str
    precision: str
    device: torch.device
    inpainter: Inpainter

    @property
    def nbytes(self) -> int:
        """What the weights take."""
        net = self.inpainter.net
        return sum(value.nbytes for value in (*net.parameters(), *net.buffers()))


class Key(NamedTuple):
    """What tells one loaded network from another: weights may be imported anew under a name."""

    name: str
    sha256: str
    precision: str
    device: torch.device


class Pool:
    """Loads networks by name and keeps those of the last ones that fit into half of the memory."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.device = pick_device(settings.device)
        self._loaded: OrderedDict[Key, Loaded] = OrderedDict()

    def resident(self) -> list[str]:
        """Names of the networks in memory, the most recent last."""
        return [key.name for key in self._loaded]

    def room(self, device: torch.device) -> float:
        """Bytes that work on a device may take beside the networks that are there."""
        return budget.room(device, self.settings.memory, self._held(device))

    def let_go(self) -> None:
        """Let all networks go, and what memory is kept."""
        self._loaded.clear()
        budget.let_go()

    def _held(self, device: torch.device) -> int:
        return sum(loaded.nbytes for loaded in self._loaded.values() if loaded.device == device)

    def _fit(self, device: torch.device) -> None:
        """Let the least recently used networks on a device go until what is left, but for one, fits."""
        whole = min(self.settings.memory, budget.free(device) + self._held(device))
        there = [key for key, loaded in self._loaded.items() if loaded.device == device]
        for key in there[:-1]:
            if self._held(device) <= NETWORKS * whole:
                break
            del self._loaded[key]

    def precision(self, wanted: str) -> str:
        """fp32 or bf16: as wanted, or what this device is good at for "auto"."""
        if wanted != "auto":
            return wanted
        return "bf16" if fast_bf16(self.device) else "fp32"

    def get(self, name: str, precision: str, device: torch.device | None = None) -> Loaded:
        """The network of that name ("" = the bundled one), in that precision or, where it lacks it, in its safest one.

        On the pool's own device unless another is given. Raises Failure unknown_network, weights_*.
        """
        place = device or self.device
        entry = weights.locate(name, self.settings.data_dir)
        wanted, able = self.precision(precision), entry.spec.dtypes
        key = Key(entry.spec.name, entry.sha256, wanted if wanted in able else able[0], place)
        if key not in self._loaded:
            self._loaded[key] = _load(entry, key)
            self._fit(place)
        self._loaded.move_to_end(key)
        return self._loaded[key]


def _load(entry: Entry, key: Key) -> Loaded:
    spec = entry.spec
    with translated():
        form = converted.read(entry.path, key.sha256).fast(TYPES[key.precision]).to(key.device)
    log.info("Loaded %s in %s on %s", key.name, key.precision, key.device)
    inpainter = Inpainter(form, spec.multiple, spec.minimum, spec.square, spec.coarsest, spec.margin)
    return Loaded(spec, key.sha256, key.precision, key.device, inpainter)


def pick_device(wanted: str) -> torch.device:
    """The device of that name, or the best there is for "auto"; Failure bad_setting."""
    if wanted != "auto":
        try:
            device = torch.device(wanted)
            torch.zeros(1, device=device)
        except (RuntimeError, AssertionError):
            expected = "auto, or a device that is there: cpu, cuda, cuda:N or mps"
            raise Failure("bad_setting", name="RIGATINO_DEVICE", value=wanted, expected=expected) from None
        return device
    if torch.cuda.is_available():
        return torch.device("cuda:0")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def fast_bf16(device: torch.device) -> bool:
    """Whether bf16 is worth using: the GPU has it, or the CPU multiplies it in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(_cpu_flags() & BF16_FLAGS)


def _cpu_flags() -> set[str]:
    """Linux's word about the processor; nothing is known elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())
