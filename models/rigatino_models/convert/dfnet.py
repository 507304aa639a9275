"""DFNet's weights: the original's state dict by our names, or a file of ours; the shapes tell all hyper-parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from torch import Tensor

from rigatino_models.checkpoint import Entry, StateFile
from rigatino_models.checkpoint.trouble import Misfit
from rigatino_models.convert.common import COUNTER, filled, shapes, stated, whole
from rigatino_models.dfnet.net import LEVELS, DFNet, DFNetConfig
from rigatino_models.dfnet.spec import LICENCE

MODULE = "module."
OWN_KEY = "encoder.0.conv.weight"
THEIR_KEY = "en_0.encode.0.conv.1.weight"
LAYERS = {  # of one level: the original's name -> ours
    "en_{}.encode.0.conv.1": "encoder.{}.conv",
    "en_{}.encode.1": "encoder.{}.norm",
    "de_{}.decode.0.conv": "decoder.{}.conv",
    "de_{}.decode.1": "decoder.{}.norm",
    "fuse_{}.map2img.0.conv": "fusion.{}.own",
    "fuse_{}.blend.blend.0.conv": "fusion.{}.mix.0",
    "fuse_{}.blend.blend.1": "fusion.{}.norms.0",
    "fuse_{}.blend.blend.3.conv": "fusion.{}.mix.1",
    "fuse_{}.blend.blend.4": "fusion.{}.norms.1",
    "fuse_{}.blend.blend.6.conv": "fusion.{}.mix.2",
}
OURS = {theirs.format(i): ours.format(i) for theirs, ours in LAYERS.items() for i in range(LEVELS)}
THEIRS = {ours: theirs for theirs, ours in OURS.items()}
WIDEST = 4096


def adapted(file: StateFile) -> StateFile:
    """The original's tensors by our names; a file of ours as it is. Raises Misfit for a key unknown or missing."""
    if not _is_original(file.entries):
        return file
    entries = {
        _renamed(key.removeprefix(MODULE), OURS): Entry(entry.shape, entry.dtype, entry.load, key)
        for key, entry in file.entries.items()
    }
    for key in expected(_inferred(entries)):
        if key not in entries and not key.endswith(COUNTER):
            raise Misfit(_renamed(key, THEIRS), "this key is missing")
    return replace(file, entries=entries, metadata={"licence": LICENCE})


def prefix(keys: Mapping[str, Any]) -> str | None:
    """Nothing stands before our keys; None for keys that are not a DFNet's."""
    ours = OWN_KEY in keys and "fusion.0.own.weight" in keys
    return "" if ours or _is_original(keys) else None


def ignored(key: str) -> bool:
    """Nothing besides the network is in a file."""
    return False


def config(file: StateFile, names: Mapping[str, str]) -> dict[str, Any]:
    """DFNetConfig's fields, from our metadata or else from the shapes. Raises Misfit."""
    if "config" in file.metadata:
        return _listed(_checked(stated(file.metadata["config"], DFNetConfig)))
    return _inferred(file.entries)


def expected(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Key -> shape of the network. Raises Misfit for hyper-parameters that no DFNet can have."""
    return shapes(partial(DFNet, _checked(config)))


def build(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> DFNet:
    """The network with these tensors, float32."""
    return filled(partial(DFNet, _checked(config)), tensors)


def _is_original(keys: Mapping[str, Any]) -> bool:
    return THEIR_KEY in keys or MODULE + THEIR_KEY in keys


def _renamed(key: str, names: Mapping[str, str]) -> str:
    """The key with another name of its layer. Raises Misfit for a layer that is not known."""
    layer, _, part = key.rpartition(".")
    if layer not in names:
        raise Misfit(key, "this key is not known")
    return f"{names[layer]}.{part}"


def _inferred(entries: Mapping[str, Entry]) -> dict[str, Any]:
    """DFNetConfig's fields from the shapes of its tensors. Raises Misfit."""
    widths = [_outputs(entries, f"encoder.{i}.conv.bias") for i in range(LEVELS)]
    scales = sum(f"fusion.{i}.own.bias" in entries for i in range(LEVELS))
    blend = _outputs(entries, "fusion.0.mix.0.bias")
    return _listed(_checked({"widths": widths, "scales": scales, "blend": blend}))


def _outputs(entries: Mapping[str, Entry], key: str) -> int:
    """How many outputs a layer with this bias has. Raises Misfit."""
    if key not in entries:
        raise Misfit(_renamed(key, THEIRS), "this key is missing")
    entry = entries[key]
    if len(entry.shape) != 1:
        raise Misfit(entry.source or key, f"its shape is {list(entry.shape)}, not that of a bias")
    return entry.shape[0]


def _checked(values: Mapping[str, Any]) -> DFNetConfig:
    """The configuration, if a network can have it. Raises Misfit."""
    widths = values["widths"]
    right = isinstance(widths, list | tuple) and len(widths) == LEVELS
    if not right or not all(whole(width, 1, WIDEST) for width in widths):
        raise Misfit("widths", f"they are not {LEVELS} numbers of channels from 1 to {WIDEST}")
    for name, most in (("scales", LEVELS), ("blend", WIDEST)):
        if not whole(values[name], 1, most):
            raise Misfit(name, f"it is not a number from 1 to {most}")
    return DFNetConfig(**{**values, "widths": tuple(widths)})


def _listed(config: DFNetConfig) -> dict[str, Any]:
    """The configuration as JSON has it."""
    return asdict(config) | {"widths": list(config.widths)}
