"""Bare networks on arrays: no region, no seam, no scaling. One function per system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from rigatino import weights as library
from rigatino.arrays import Arrays, Floats
from rigatino.failures import translated
from rigatino.pool import TYPES
from rigatino_models import convert, registry
from rigatino_models.convert import Weights
from rigatino_models.inpainter import Inpainter, composite
from rigatino_models.spec import NetworkSpec
from rigatino_wire.errors import Failure


@dataclass
class Options:
    """Precision and the network's own settings; each is taken once, and what is left over is a mistake."""

    precision: str = "fp32"
    settings: dict[str, str] = field(default_factory=dict)

    def flag(self, name: str) -> bool:
        """A setting that is true or false, false if not given. Raises Failure bad_setting."""
        value = self.settings.pop(name, "false").lower()
        if value not in ("true", "false"):
            raise Failure("bad_setting", name=name, value=value, expected="true or false")
        return value == "true"

    def done(self, network: str) -> None:
        """Raise Failure bad_setting for a setting that no one took."""
        for name, value in self.settings.items():
            expected = f"no setting of that name: {network} does not have it"
            raise Failure("bad_setting", name=name, value=value, expected=expected)


def run(source: str, arrays: Arrays, options: Options) -> dict[str, Floats]:
    """Run the weights of a file, or of a network that is known by name, on arrays. Raises Failure."""
    path, sha256 = _place(source)
    with translated():
        found = convert.read(path, sha256)
        spec = registry.describe(found.system, "bare", found.config, library.UNSTATED, found.origin)
        return RUNNERS[found.system](found, spec, arrays, options)


def _lama(weights: Weights, spec: NetworkSpec, arrays: Arrays, options: Options) -> dict[str, Floats]:
    """LaMa: image, hole -> raw, out; setting fast=true takes the form that the service uses."""
    image, hole = _picture(arrays)
    quick = options.flag("fast")
    options.done(spec.title)
    network = weights.fast(TYPES[options.precision]) if quick else weights.network()
    with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16" and not quick):
        raw = Inpainter(network, spec.multiple, spec.minimum, spec.square).raw(image, hole)
    return {"raw": _array(raw), "out": _array(composite(image, hole, raw))}


def _exemplar(weights: Weights, spec: NetworkSpec, arrays: Arrays, options: Options) -> dict[str, Floats]:
    """The exemplar engine: image, hole -> raw, out."""
    image, hole = _picture(arrays)
    options.done(spec.title)
    raw = Inpainter(weights.network(), spec.multiple, spec.minimum).raw(image, hole)
    return {"raw": _array(raw), "out": _array(composite(image, hole, raw))}


def _picture(arrays: Arrays) -> tuple[torch.Tensor, torch.Tensor]:
    """The picture [N,3,H,W] and its hole [N,1,H,W]. Raises Failure arrays_wrong."""
    image = arrays.floats("image", "N", 3, "H", "W", within=(0, 1))
    number, _, height, width = image.shape
    hole = arrays.floats("hole", number, 1, height, width, within=(0, 1))
    return torch.from_numpy(image), torch.from_numpy(hole)


def _array(tensor: torch.Tensor) -> Floats:
    return np.ascontiguousarray(tensor.numpy(), np.float32)


def _place(source: str) -> tuple[Path, str]:
    """The file, and the hash that it must have ("" for one that is not on record)."""
    path = Path(source)
    entries = library.known()
    if path.exists():
        recorded = (entry.sha256 for entry in entries if entry.path.resolve() == path.resolve())
        return path, next(recorded, "")
    if any(entry.spec.name == source for entry in entries):
        entry = library.locate(source)
        return entry.path, entry.sha256
    raise Failure("file_missing", file=source)


Runner = Callable[[Weights, NetworkSpec, Arrays, Options], dict[str, Floats]]
RUNNERS: Mapping[str, Runner] = {"lama": _lama, "exemplar": _exemplar}
