"""Bare networks on arrays: no region, no seam, no scaling. One module per system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from rigatino import weights as library
from rigatino.arrays import Arrays, Floats
from rigatino.bare import collage, comodgan, dfnet, exemplar, gfc, lama, pic
from rigatino.bare.common import Options
from rigatino.failures import translated
from rigatino_models import convert, registry
from rigatino_models.convert import Weights
from rigatino_models.spec import NetworkSpec
from rigatino_wire.errors import Failure

Runner = Callable[[Weights, NetworkSpec, Arrays, Options], dict[str, Floats]]
RUNNERS: Mapping[str, Runner] = {
    "lama": lama.run,
    "exemplar": exemplar.run,
    "collage": collage.run,
    "comodgan": comodgan.run,
    "pic": pic.run,
    "dfnet": dfnet.run,
    "gfc": gfc.run,
}


def run(source: str, arrays: Arrays, options: Options) -> dict[str, Floats]:
    """Run the weights of a file, or of a network that is known by name, on arrays. Raises Failure."""
    path, sha256 = _place(source)
    with translated():
        found = convert.read(path, sha256)
        spec = registry.describe(found.system, "bare", found.config, library.UNSTATED, found.origin)
        return RUNNERS[found.system](found, spec, arrays, options)


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


__all__ = ["RUNNERS", "Options", "run"]
