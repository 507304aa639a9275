"""GFC's weights: the original's Model_G.caffemodel, whose layers have our names, or a file of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from rigatino_models.checkpoint import Entry, StateFile, open_state
from rigatino_models.checkpoint.caffe import ORIGIN
from rigatino_models.checkpoint.trouble import Misfit, Unreadable, named
from rigatino_models.convert.common import filled, shapes, stated, whole
from rigatino_models.gfc.net import DOWN, LAST, UP, Gfc, GfcConfig
from rigatino_models.gfc.parsing import Parsing
from rigatino_models.gfc.spec import LICENCE

FIRST = f"{LAST}.weight"
KINDS = ("weight", "bias")  # of a layer's blobs, in Caffe's order
DENSE = ("fc3", "defc3")
# What tells the original's other networks from the generator.
OTHERS = {"conv_decode0/0": "parsing network", "conv5/0": "discriminator"}
WIDEST, WIDEST_CODE = 4096, 65_536


def adapted(file: StateFile) -> StateFile:
    """The original's file with our keys; a file of ours as it is. Raises Unreadable."""
    if file.origin != ORIGIN:
        return file
    for key, what in OTHERS.items():
        if key in file.entries and f"{LAST}/0" not in file.entries:
            raise Unreadable(f"it is the {what} of Generative Face Completion; give Model_G.caffemodel")
    return StateFile(file.path, ORIGIN, _named(file.entries), file.size, {"licence": LICENCE})


def prefix(keys: Mapping[str, Any]) -> str | None:
    """Nothing stands before our keys; None for keys that are not GFC's."""
    caffe = {f"{LAST}/0", *OTHERS}
    return "" if FIRST in keys or any(key in caffe for key in keys) else None


def ignored(key: str) -> bool:
    """Nothing besides the network is in a file."""
    return False


def config(file: StateFile, names: Mapping[str, str]) -> dict[str, Any]:
    """GfcConfig's fields, from our metadata or else from the shapes. Raises Misfit."""
    if "config" in file.metadata:
        values = stated(file.metadata["config"], GfcConfig)
        if not isinstance(values["widths"], list) or not isinstance(values["inner"], list):
            raise Misfit("config", "widths and inner are lists")
    else:
        values = _inferred({ours: file.entries[theirs].shape for ours, theirs in names.items()})
    found = _checked(values)
    return asdict(found) | {"widths": list(found.widths), "inner": list(found.inner)}


def expected(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Key -> shape of the network. Raises Misfit for hyper-parameters that no GFC can have."""
    return shapes(partial(Gfc, _checked(config)))


def build(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Gfc:
    """The network with these tensors, float32."""
    return filled(partial(Gfc, _checked(config)), tensors)


def parsing(path: Path) -> Parsing:
    """The original's Model_parsing.caffemodel, in evaluation mode, for training. Raises ModelError."""
    with open_state(path) as file, named(path):
        entries = _named(file.entries) if file.origin == ORIGIN else file.entries
        wanted = shapes(Parsing)
        for key, shape in wanted.items():
            if key not in entries:
                raise Misfit(key, "this key is missing")
            if entries[key].shape != shape:
                raise Misfit(key, f"its shape is {list(entries[key].shape)}, not {list(shape)}")
        return filled(Parsing, {key: entries[key].load() for key in wanted}).eval().requires_grad_(False)


def _named(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Caffe's blobs "conv0_1/0", "conv0_1/1" by our keys "conv0_1.weight", "conv0_1.bias"."""
    found = {}
    for key, entry in entries.items():
        layer, number = key.rsplit("/", 1)
        kind = KINDS[int(number)] if int(number) < len(KINDS) else number
        found[f"{layer}.{kind}"] = _plain(entry, key, 1 if kind == "bias" else 2 if layer in DENSE else 4)
    return found


def _plain(entry: Entry, key: str, dimensions: int) -> Entry:
    """Without the leading ones that Caffe's first files have, where every blob has four dimensions."""
    more = max(0, len(entry.shape) - dimensions)
    if any(side != 1 for side in entry.shape[:more]):
        more = 0
    shape = entry.shape[more:]
    return Entry(shape, entry.dtype, lambda: entry.load().view(shape), key)


def _inferred(sizes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """GfcConfig's fields from the shapes of its tensors. Raises Misfit."""
    return {
        "widths": [_outputs(sizes, names[0]) for names in DOWN],
        "inner": [_outputs(sizes, names[0]) for names in reversed(UP)],
        "code": _outputs(sizes, "fc3"),
    }


def _outputs(sizes: Mapping[str, tuple[int, ...]], layer: str) -> int:
    key = f"{layer}.bias"
    if key not in sizes:
        raise Misfit(key, "this key is missing")
    if len(sizes[key]) != 1:
        raise Misfit(key, f"its shape is {list(sizes[key])}, not that of a bias")
    return sizes[key][0]


def _checked(values: Mapping[str, Any]) -> GfcConfig:
    """The configuration, if a network can have it. Raises Misfit."""
    config = GfcConfig(tuple(values["widths"]), tuple(values["inner"]), values["code"])
    for name, widths in (("widths", config.widths), ("inner", config.inner)):
        if len(widths) != len(DOWN) or not all(whole(width, 1, WIDEST) for width in widths):
            raise Misfit(name, f"they are not {len(DOWN)} numbers of channels from 1 to {WIDEST}")
    if not whole(config.code, 1, WIDEST_CODE):
        raise Misfit("code", f"it is not a number from 1 to {WIDEST_CODE}")
    return config
