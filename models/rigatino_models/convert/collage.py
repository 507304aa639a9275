"""Neural Collage's weights: chainer's snapshots of a network or a trainer, folders of these, or a file of ours.

In the originals' files every network has its own key paths (`block2/c1/W`); which network it is shows in them. A
discriminator's weights are stored before spectral normalisation, with the vector `u` that estimates it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from torch import Tensor

from rigatino_models.checkpoint import Entry, StateFile
from rigatino_models.checkpoint.trouble import Misfit, Unreadable
from rigatino_models.collage.net import BOTTOM, Collage, CollageConfig
from rigatino_models.collage.spec import LICENCE
from rigatino_models.convert.common import filled, shapes, stated, whole

ORIGIN = "chainer snapshot"
ORIGINS = "folder of chainer snapshots"
PLACE = re.compile(r"(?P<file>.*\.npz/)?(?P<model>updater/model:[^/]+/)?(?P<key>.*)", re.DOTALL)
ORIGINAL = re.compile(r"(.*/)?block2/c1/W")
OURS = ("generator.start.weight", "discriminator.score.weight", "encoder.leak")
SIGNS = {"encoder": "prelu_out/W", "discriminator": "l_y/W", "generator": "block2/b1/gammas/W"}
VALUES = {
    "W": "weight",
    "b": "bias",
    "gamma": "weight",
    "beta": "bias",
    "avg_mean": "running_mean",
    "avg_var": "running_var",
}
LAYERS = {"c1": "conv1", "c2": "conv2", "c_sc": "shortcut", "b1": "norm1", "b2": "norm2"}
BLOCK = re.compile(r"block(\d{1,2})/(c1|c2|c_sc|b1|b2)/(.*)")
NORM_VALUES = {
    "gammas/W": "gamma",
    "betas/W": "beta",
    "avg_mean": "stats.running_mean",
    "avg_var": "stats.running_var",
}
# A network's other layers, in their original's names: pattern -> ours.
OTHERS = {
    "generator": {
        r"l1/(W|b)": "generator.start",
        r"b\d/(gamma|beta|avg_mean|avg_var)": "generator.norm",
        r"l[2-9]/(W|b)": "generator.last",
        r"lA1/(W|b)": "auxiliary.widen1",
        r"lA2/(W|b)": "auxiliary.widen2",
        r"lB1/(W|b)": "auxiliary.narrow1",
        r"lB2/(W|b)": "auxiliary.narrow2",
    },
    "discriminator": {r"l\d/(W|b)": "discriminator.score", r"l_y/(W)": "discriminator.class_scores"},
    "encoder": {r"(?:l1|block1)/(W|b)": "encoder.first", r"(?:l[2-9]|l8_enc)/(W|b)": "encoder.last"},
}
SINGLE = {
    "prelu_out/W": "encoder.leak",
    "preluW/W": "auxiliary.leak",
    "preluMiddleW/W": "auxiliary.code_leak",
}
# Counters, rates of the auxiliary network's training, and a layer of the encoder that the original never runs.
UNUSED = {
    "generator": r".*/N|_fast_alpha/W",
    "discriminator": r".*/N",
    "encoder": r".*/N|b7/.*",
}
WIDEST, LONGEST, MOST_CLASSES, MOST_LEVELS = 8192, 65536, 10_000, 9
LONGEST_LATENT = 1024  # two of them go into a message's text


def adapted(file: StateFile) -> StateFile:
    """The original's networks with our keys; a file of ours as it is. Raises Misfit, Unreadable."""
    if not any(map(ORIGINAL.fullmatch, file.entries)):
        return file
    entries: dict[str, Entry] = {}
    for kind, keys in _networks(file.entries).items():
        for name, entry in _renamed(kind, keys):
            if name in entries:
                raise Misfit(entry.source, f"the file has {entries[name].source} in its place already")
            entries[name] = entry
    origin = ORIGINS if file.path.is_dir() else ORIGIN
    return StateFile(file.path, origin, entries, file.size, {"licence": LICENCE})


def prefix(keys: Mapping[str, Any]) -> str | None:
    """Nothing stands before our keys; None for keys that are not a collage's."""
    ours = any(key in keys for key in OURS) or any(map(ORIGINAL.fullmatch, keys))
    return "" if ours else None


def ignored(key: str) -> bool:
    """Nothing besides the networks is in a file of ours."""
    return False


def config(file: StateFile, names: Mapping[str, str]) -> dict[str, Any]:
    """CollageConfig's fields, from our metadata or else from the shapes. Raises Misfit."""
    if "config" in file.metadata:
        return _listed(_checked(stated(file.metadata["config"], CollageConfig)))
    return _listed(_checked(_inferred({ours: file.entries[theirs].shape for ours, theirs in names.items()})))


def expected(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Key -> shape of the networks. Raises Misfit for hyper-parameters that no collage can have."""
    return shapes(partial(Collage, _checked(config)))


def build(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Collage:
    """The networks with these tensors, float32."""
    return filled(partial(Collage, _checked(config)), tensors)


def _networks(entries: Mapping[str, Entry]) -> dict[str, dict[str, Entry]]:
    """Kind of network -> its entries by the keys within it. Raises Unreadable, Misfit."""
    groups: dict[tuple[str, str], dict[str, Entry]] = {}
    for key, entry in entries.items():
        file, model, rest = (part or "" for part in PLACE.fullmatch(key).groups())  # type: ignore[union-attr]
        groups.setdefault((file, model), {})[rest] = Entry(entry.shape, entry.dtype, entry.load, key)
    trainers = {file for file, model in groups if model}
    found: dict[str, dict[str, Entry]] = {}
    for (file, model), keys in groups.items():
        if file in trainers and not model:
            continue  # optimisers, iterators and the like of a trainer
        kind = next((kind for kind, sign in SIGNS.items() if sign in keys), None)
        if kind is None:
            raise Misfit(next(iter(keys.values())).source, "this key is of no network of a collage")
        if kind in found:
            raise Unreadable(f"it holds several networks of one kind ({kind}); leave one of each")
        found[kind] = keys
    return found


def _renamed(kind: str, keys: Mapping[str, Entry]) -> Iterator[tuple[str, Entry]]:
    """Our keys of one network, normalised weights as they act. Raises Misfit."""
    for key, entry in keys.items():
        if re.fullmatch(UNUSED[kind], key):
            continue
        if kind != "discriminator":
            yield _name(kind, key), entry
        elif key.endswith("/W"):
            yield _name(kind, key), _normalised(entry, keys.get(f"{key.removesuffix('W')}u"))
        elif not key.endswith("/u"):
            yield _name(kind, key), entry


def _name(kind: str, key: str) -> str:
    """Our key; the original's own where there is none, which no network expects."""
    if key in SINGLE:
        return SINGLE[key]
    if block := BLOCK.fullmatch(key):
        number, layer, value = block.groups()
        place = int(number) - (1 if kind == "discriminator" else 2)
        values = NORM_VALUES if layer in ("b1", "b2") else VALUES
        return f"{kind}.blocks.{place}.{LAYERS[layer]}.{values.get(value, value)}"
    for pattern, ours in OTHERS[kind].items():
        if found := re.fullmatch(pattern, key):
            return f"{ours}.{VALUES[found[1]]}"
    return key


def _normalised(weight: Entry, u: Entry | None) -> Entry:
    """The weight as it acts. Raises Misfit for a vector that does not belong to it."""
    if u is None:
        raise Misfit(f"{weight.source.removesuffix('W')}u", "this key is missing")
    if u.dtype is None or not u.dtype.is_floating_point or u.shape != (1, *weight.shape[:1]):
        raise Misfit(u.source, f"it is not a row of {weight.shape[0] if weight.shape else 0} numbers")
    dtype = torch.float32 if weight.dtype and weight.dtype.is_floating_point else None
    return Entry(weight.shape, dtype, partial(_divided, weight, u), weight.source)


def _divided(entry: Entry, u: Entry) -> Tensor:
    """The weight by its largest singular value, as the original estimates it: one step of power iteration from u."""
    weight = entry.load().double()
    matrix = weight.flatten(1)
    image = matrix @ _unit(u.load().double()[0] @ matrix)
    norm = float(_unit(image) @ image)
    if norm == 0:
        raise Misfit(entry.source, "its spectral norm is 0")
    return (weight / norm).float()


def _unit(vector: Tensor) -> Tensor:
    unit: Tensor = vector / (vector.norm() + 1e-12)
    return unit


def _inferred(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """CollageConfig's fields from the shapes of the tensors. Raises Misfit."""
    found: dict[str, Any] = {"names": ()}
    if "generator.start.weight" in shapes:
        start, found["latent"] = _axes(shapes, "generator.start.weight", 2)
        found["generator"] = (start // BOTTOM**2, *_outputs(shapes, "generator"))
        found["classes"] = _axes(shapes, "generator.blocks.0.norm1.gamma", 2)[0]
    if "encoder.leak" in shapes:
        (found["latent"],) = _axes(shapes, "encoder.leak", 1)
        found["encoder"] = (*_axes(shapes, "encoder.first.bias", 1), *_outputs(shapes, "encoder"))
        found["classes"] = _axes(shapes, "encoder.blocks.0.norm1.gamma", 2)[0]
    if "discriminator.class_scores.weight" in shapes:
        found["classes"] = _axes(shapes, "discriminator.class_scores.weight", 2)[0]
        found |= _judging(shapes)
    if "auxiliary.leak" in shapes:
        layers = ("widen1", "widen2", "narrow1")
        found["auxiliary"] = tuple(_axes(shapes, f"auxiliary.{layer}.bias", 1)[0] for layer in layers)
    return found


def _judging(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """What the shapes say of the discriminator."""
    outputs = _outputs(shapes, "discriminator")
    hidden = _outputs(shapes, "discriminator", "conv1")
    changing = [i for i in range(1, len(outputs)) if outputs[i] != outputs[i - 1]]
    return {
        "discriminator": outputs,
        "wide": all(hidden[i] == outputs[i] for i in changing),
        "flat": f"discriminator.blocks.{len(outputs) - 1}.shortcut.bias" not in shapes,
    }


def _outputs(shapes: Mapping[str, tuple[int, ...]], part: str, layer: str = "conv2") -> tuple[int, ...]:
    """The channels that a layer of each block gives."""
    keys = (f"{part}.blocks.{i}.{layer}.bias" for i in range(MOST_LEVELS))
    return tuple(_axes(shapes, key, 1)[0] for key in keys if key in shapes)


def _axes(shapes: Mapping[str, tuple[int, ...]], key: str, number: int) -> tuple[int, ...]:
    if key not in shapes:
        raise Misfit(key, "this key is missing")
    if len(shapes[key]) != number:
        raise Misfit(key, f"its shape is {list(shapes[key])}, of {number} axes it should be")
    return shapes[key]


def _checked(values: Mapping[str, Any]) -> CollageConfig:
    """The configuration, if networks can have it. Raises Misfit."""
    lists = ("generator", "discriminator", "encoder", "auxiliary", "names")
    for name in lists:
        if not isinstance(values.get(name, ()), list | tuple):
            raise Misfit(name, "it is not a list")
    config = CollageConfig(**dict(values) | {name: tuple(values.get(name, ())) for name in lists})
    for name, value, most in (
        ("classes", config.classes, MOST_CLASSES),
        ("latent", config.latent, LONGEST_LATENT),
    ):
        if not whole(value, 1, most):
            raise Misfit(name, f"it is not a number from 1 to {most}")
    for name in ("generator", "discriminator", "encoder"):
        if (widths := getattr(config, name)) and not _are_widths(widths):
            raise Misfit(
                name, f"its widths are not 2 to {MOST_LEVELS} numbers of channels from 1 to {WIDEST}"
            )
    for name in ("wide", "flat"):
        if type(getattr(config, name)) is not bool:
            raise Misfit(name, "it is not true or false")
    if config.flat and config.discriminator and len(set(config.discriminator[-2:])) > 1:
        raise Misfit("discriminator", "its last block changes the number of channels and not the size")
    if config.auxiliary and not _are_units(config.auxiliary):
        raise Misfit("auxiliary", f"it has not three numbers of units from 1 to {LONGEST}")
    if config.names and not are_names(config.names, config.classes):
        raise Misfit("names", "they are not one for each class, of characters that can be printed")
    return config


def are_names(names: Sequence[Any], classes: int) -> bool:
    """Whether these can name so many classes. No name takes over a terminal."""
    return len(names) == classes and all(isinstance(name, str) and name.isprintable() for name in names)


def _are_widths(widths: tuple[Any, ...]) -> bool:
    return 2 <= len(widths) <= MOST_LEVELS and all(whole(width, 1, WIDEST) for width in widths)


def _are_units(units: tuple[Any, ...]) -> bool:
    return len(units) == 3 and all(whole(unit, 1, LONGEST) for unit in units)


def _listed(config: CollageConfig) -> dict[str, Any]:
    """The configuration as JSON has it."""
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()
    }
