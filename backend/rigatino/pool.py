"""The networks in memory: loaded when first asked for, the least recently used one let go."""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import torch

from rigatino import weights
from rigatino.failures import translated
from rigatino.settings import Settings
from rigatino_models.convert import weights as converted
from rigatino_models.inpainter import Inpainter
from rigatino_models.spec import NetworkSpec
from rigatino_wire.errors import Failure

log = logging.getLogger(__name__)
CAPACITY = 2
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


class Pool:
    """Loads networks by name and keeps the last few."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.device = pick_device(settings.device)
        self._loaded: OrderedDict[tuple[str, str], Loaded] = OrderedDict()

    def resident(self) -> list[str]:
        """Names of the networks in memory, the most recent last."""
        return [name for name, _ in self._loaded]

    def precision(self, wanted: str) -> str:
        """fp32 or bf16: as wanted, or what this device is good at for "auto"."""
        if wanted != "auto":
            return wanted
        return "bf16" if fast_bf16(self.device) else "fp32"

    def get(self, name: str, precision: str) -> Loaded:
        """The network of that name ("" = the bundled one), in that precision or, where it lacks it, in its safest one.

        Raises Failure unknown_network, weights_*.
        """
        key = (name or weights.default_network(), self.precision(precision))
        if key not in self._loaded:
            while len(self._loaded) >= CAPACITY:
                self._loaded.popitem(last=False)
            self._loaded[key] = self._load(*key)
        self._loaded.move_to_end(key)
        return self._loaded[key]

    def _load(self, name: str, precision: str) -> Loaded:
        with translated():
            place = weights.locate(name, self.settings.data_dir)
            spec = place.spec
            precision = precision if precision in spec.dtypes else spec.dtypes[0]
            form = converted.read(place.path, place.sha256).fast(TYPES[precision]).to(self.device)
        log.info("Loaded %s in %s on %s", name, precision, self.device)
        inpainter = Inpainter(form, spec.multiple, spec.minimum, spec.square, spec.coarsest)
        return Loaded(spec, place.sha256, precision, self.device, inpainter)


def pick_device(wanted: str) -> torch.device:
    """The device of that name, or the best there is for "auto"; Failure bad_setting."""
    if wanted != "auto":
        try:
            device = torch.device(wanted)
            torch.zeros(1, device=device)
        except (RuntimeError, AssertionError):
            raise Failure(
                "bad_setting", name="RIGATINO_DEVICE", value=wanted, expected="auto, cpu, cuda, cuda:N or mps"
            ) from None
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
