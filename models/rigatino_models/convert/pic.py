"""PIC's weights: the original's folder of checkpoints, its spectral norm worked in, or one file of ours.

In the original's files every convolution stands twice, as `conv1` and as a place in `model`, and is stored before
normalisation: `module.weight_bar` is divided by its largest singular value, estimated from `module.weight_u`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from torch import Tensor

from rigatino_models.checkpoint import Entry, StateFile
from rigatino_models.checkpoint.trouble import Misfit, Unreadable
from rigatino_models.convert.common import filled, shapes, stated, whole
from rigatino_models.pic.net import LEVELS, MIDDLE, Pic, PicConfig
from rigatino_models.pic.spec import LICENCE

ORIGIN = "folder of Pluralistic-Inpainting"
PARTS = {"latest_net_E.pth": "encoder", "latest_net_G.pth": "generator", "latest_net_D.pth": "critic"}
LONE_PART = re.compile(r"(module\.)?(infer_prior0|decoder0)\.conv1\.module\.weight_bar")
FIRST = "encoder.block0.conv1.weight"
# The second names of a block's layers, by the kind of block; norms have no other name.
ALIASES = {
    "block0": {"model.0": "conv1", "model.2": "conv2", "shortcut.1": "bypass"},
    "decoder": {
        "model.0": "norm1",
        "model.2": "conv1",
        "model.3": "norm2",
        "model.5": "conv2",
        "shortcut.0": "bypass",
    },
    "out": {"model.2": "conv1"},
    "": {"model.1": "conv1", "model.3": "conv2", "shortcut.0": "bypass"},
}
BLOCK = re.compile(r"((block0|decoder|out)?(?:attn\d\.model|\w*))\.(model\.\d|shortcut\.\d)\.")
UNUSED = re.compile(
    r"critic\.attn2\.(alpha|model\..*)"
)  # the original's critic has these and does not use them
NORMALISED = re.compile(r"(.*)\.module\.(weight_bar|weight_u|weight_v|bias)")
WIDEST, MOST_BLOCKS = 4096, 64


def adapted(file: StateFile) -> StateFile:
    """The original's folder with our keys; a file of ours as it is. Raises Misfit, Unreadable."""
    if any(map(LONE_PART.fullmatch, file.entries)):
        raise Unreadable(f"it is one part of a PIC; give the folder that holds {' and '.join([*PARTS][:2])}")
    if not any(key.startswith(tuple(PARTS)) for key in file.entries):
        return file
    entries = dict(_plain(_once(_named(file.entries))))
    return StateFile(file.path, ORIGIN, entries, file.size, {"licence": LICENCE})


def prefix(keys: Mapping[str, Any]) -> str | None:
    """Nothing stands before our keys; None for keys that are not a PIC's."""
    ours = FIRST in keys or any(
        key.startswith("latest_net_E.pth/") or LONE_PART.fullmatch(key) for key in keys
    )
    return "" if ours else None


def ignored(key: str) -> bool:
    """Nothing besides the network is in a file of ours."""
    return False


def config(file: StateFile, names: Mapping[str, str]) -> dict[str, Any]:
    """PicConfig's fields, from our metadata or else from the shapes. Raises Misfit."""
    if "config" in file.metadata:
        return _listed(_stated(file.metadata["config"]))
    return _listed(_checked(_inferred({ours: file.entries[theirs].shape for ours, theirs in names.items()})))


def expected(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Key -> shape of the network. Raises Misfit for hyper-parameters that no PIC can have."""
    return shapes(partial(Pic, _checked(config)))


def build(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Pic:
    """The network with these tensors, float32."""
    return filled(partial(Pic, _checked(config)), tensors)


def _named(entries: Mapping[str, Entry]) -> Iterator[tuple[str, str, Entry]]:
    """(our name of the layer and what the original stores of it, the file's key, entry)."""
    for part, ours in PARTS.items():
        keys = [key for key in entries if key.startswith(f"{part}/")]
        parallel = all(key.startswith(f"{part}/module.") for key in keys)
        before = f"{part}/module." if parallel else f"{part}/"
        for key in keys:
            name = f"{ours}.{_layer(key.removeprefix(before))}"
            if not UNUSED.fullmatch(name):
                yield name, key, entries[key]


def _layer(key: str) -> str:
    """The key with a layer's first name in place of its second one."""
    found = BLOCK.match(key)
    if not found:
        return key
    block, kind, place = found.groups()
    layer = ALIASES[kind or ""].get(place, place)
    return f"{block}.{layer}.{key[found.end() :]}"


def _once(named: Iterator[tuple[str, str, Entry]]) -> dict[str, Entry]:
    """Each name once; what stands twice is compared when it is read. Raises Misfit for two shapes."""
    found: dict[str, Entry] = {}
    for name, key, entry in named:
        one = Entry(entry.shape, entry.dtype, entry.load, key)
        first = found.setdefault(name, one)
        if first is one:
            continue
        if (first.shape, first.dtype) != (one.shape, one.dtype):
            raise Misfit(key, f"it differs from {first.source}, of which it is a copy")
        found[name] = Entry(first.shape, first.dtype, partial(_same, first, one), first.source)
    return found


def _same(first: Entry, second: Entry) -> Tensor:
    """The tensor that two keys hold. Raises Misfit where they do not agree."""
    tensor, copy = first.load(), second.load()
    if not torch.equal(tensor.nan_to_num(), copy.nan_to_num()):
        raise Misfit(second.source, f"it differs from {first.source}, of which it is a copy")
    return tensor


def _plain(found: Mapping[str, Entry]) -> Iterator[tuple[str, Entry]]:
    """Our keys, normalised weights as they act. Raises Misfit."""
    for name, entry in found.items():
        normalised = NORMALISED.fullmatch(name)
        if not normalised:
            yield name, entry
            continue
        layer, stored = normalised.groups()
        if f"{layer}.module.weight_bar" not in found:
            raise Misfit(entry.source.replace(stored, "weight_bar"), "this key is missing")
        if stored == "weight_bar":
            yield f"{layer}.weight", _normalised(entry, found.get(f"{layer}.module.weight_u"))
        elif stored == "bias":
            yield f"{layer}.bias", entry


def _normalised(bar: Entry, u: Entry | None) -> Entry:
    """The weight as it acts. Raises Misfit for a vector that does not belong to it."""
    if u is None:
        raise Misfit(bar.source.replace("weight_bar", "weight_u"), "this key is missing")
    if u.dtype is None or not u.dtype.is_floating_point or u.shape != bar.shape[:1]:
        raise Misfit(u.source, f"it is not a vector of {bar.shape[0] if bar.shape else 0} numbers")
    dtype = torch.float32 if bar.dtype and bar.dtype.is_floating_point else None
    return Entry(bar.shape, dtype, partial(_divided, bar, u), bar.source)


def _divided(bar: Entry, u: Entry) -> Tensor:
    """weight_bar by its spectral norm, after the one step of power iteration that the original takes on every call.

    The matrix has the first axis as rows, of transposed convolutions too.
    """
    weight = bar.load().double()
    matrix = weight.flatten(1)
    image = matrix @ _unit(matrix.T @ u.load().double())
    norm = float(_unit(image) @ image)
    if norm == 0:
        raise Misfit(bar.source, "its spectral norm is 0")
    return (weight / norm).float()


def _unit(vector: Tensor) -> Tensor:
    unit: Tensor = vector / (vector.norm() + 1e-12)
    return unit


def _inferred(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """PicConfig's fields from the shapes of its tensors. Raises Misfit."""
    inference = sum(f"encoder.infer_prior{i}.bypass.bias" in shapes for i in range(MOST_BLOCKS))
    return {
        "widths": _widths(shapes, "encoder"),
        "latent": _outputs(shapes, "encoder.prior.bypass.bias") // 2,
        "inference": inference,
        "scales": sum(f"generator.out{i}.conv1.bias" in shapes for i in range(LEVELS)),
        "posterior": any(key.startswith("encoder.posterior.") for key in shapes),
        "critic": _widths(shapes, "critic") if any(key.startswith("critic.") for key in shapes) else (),
    }


def _widths(shapes: Mapping[str, tuple[int, ...]], part: str) -> tuple[int, ...]:
    blocks = ["block0", *(f"encoder{i}" for i in range(LEVELS - 1))]
    return tuple(_outputs(shapes, f"{part}.{block}.bypass.bias") for block in blocks)


def _outputs(shapes: Mapping[str, tuple[int, ...]], key: str) -> int:
    if key not in shapes:
        raise Misfit(key, "this key is missing")
    if len(shapes[key]) != 1:
        raise Misfit(key, f"its shape is {list(shapes[key])}, not that of a bias")
    return shapes[key][0]


def _stated(text: str) -> PicConfig:
    """The configuration of our own metadata. Raises Misfit for one that is malformed."""
    values = stated(text, PicConfig)
    if not isinstance(values["widths"], list) or not isinstance(values["critic"], list):
        raise Misfit("config", "widths and critic are lists")
    return _checked(values)


def _checked(values: Mapping[str, Any]) -> PicConfig:
    """The configuration, if a network can have it. Raises Misfit."""
    given = {**values, "widths": tuple(values["widths"]), "critic": tuple(values.get("critic", ()))}
    config = PicConfig(**given)
    for name, widths in (("widths", config.widths), ("critic", config.critic)):
        if (widths or name == "widths") and not _are_widths(widths):
            raise Misfit(
                name, f"they are not {LEVELS} numbers of channels from 1 (at 1/8 size 4) to {WIDEST}"
            )
    if config.widths[MIDDLE] != config.widths[MIDDLE + 1]:
        raise Misfit("widths", "the channels at 1/8 and 1/16 size are not the same")
    limits = {"latent": (1, WIDEST), "inference": (0, MOST_BLOCKS), "scales": (1, LEVELS)}
    for name, (least, most) in limits.items():
        if not whole(getattr(config, name), least, most):
            raise Misfit(name, f"it is not a number from {least} to {most}")
    if type(config.posterior) is not bool:
        raise Misfit("posterior", "it is not true or false")
    return config


def _are_widths(widths: tuple[Any, ...]) -> bool:
    return len(widths) == LEVELS and all(whole(width, 1, WIDEST) for width in widths) and widths[MIDDLE] >= 4


def _listed(config: PicConfig) -> dict[str, Any]:
    """The configuration as JSON has it."""
    return asdict(config) | {"widths": list(config.widths), "critic": list(config.critic)}
