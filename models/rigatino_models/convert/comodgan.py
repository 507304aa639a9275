"""CoModGAN's weights: the TensorFlow pickles, the two layouts of PyTorch's ports, and our own.

Each layout is a table: what the file calls a tensor -> what we call it, and how it lies there. All hyper-parameters
show in keys and shapes but `skip4` and `clamp`, which differ by layout.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from rigatino_models.checkpoint import Entry, StateFile
from rigatino_models.checkpoint.tflib import DISCRIMINATOR
from rigatino_models.checkpoint.trouble import Misfit
from rigatino_models.comodgan.net import CoModGAN, CoModGANConfig
from rigatino_models.convert.common import filled, shapes, stated, whole
from rigatino_models.convert.comodgan_source import check_settings, decide_skip4

OWN_KEY = "synthesis.start.weight"
LICENCE = "NVIDIA Source Code License-NC (research and evaluation, no commercial use)"
LARGEST_SIDE, WIDEST, DEEPEST = 4096, 8192, 64
Change = Callable[[Tensor], Tensor]
Rows = Iterator[tuple[str, str, Change]]


def same(x: Tensor) -> Tensor:
    """Laid out as ours."""
    return x


def transposed(x: Tensor) -> Tensor:
    """A dense layer of TensorFlow, [inputs,outputs]."""
    return x.t()


def outputs_first(x: Tensor) -> Tensor:
    """A convolution of TensorFlow, [k,k,inputs,outputs]."""
    return x.permute(3, 2, 0, 1)


def turned(x: Tensor) -> Tensor:
    """A convolution of TensorFlow that is used transposed."""
    return x.permute(3, 2, 0, 1).flip(2, 3)


def plus_one(x: Tensor) -> Tensor:
    """A bias of styles that is stored around 0."""
    return x + 1


def without_ones(x: Tensor) -> Tensor:
    """A vector, a single number or a map with axes of length 1 around it."""
    return x.squeeze()


def first(x: Tensor) -> Tensor:
    """A convolution with an axis of length 1 before it."""
    return x.squeeze(0)


@dataclass(frozen=True)
class Layout:
    """One origin's names.

    top, mapping: find resolution and number of a dense layer in a key; rows(sides, mapping layers): the table; dropped:
    keys that mean nothing.
    """

    top: re.Pattern[str]
    mapping: re.Pattern[str]
    rows: Callable[[list[int], int], Rows]
    dropped: re.Pattern[str]
    clamp: float


def _tensorflow(sides: list[int], layers: int) -> Rows:
    def plain(ours: str, theirs: str, change: Change) -> Rows:
        yield f"{theirs}/weight", f"{ours}.weight", change
        yield f"{theirs}/bias", f"{ours}.bias", same

    def styled(ours: str, theirs: str, change: Change = outputs_first, noise: int | None = None) -> Rows:
        yield from plain(ours, theirs, change)
        yield f"{theirs}/mod_weight", f"{ours}.style.weight", transposed
        yield f"{theirs}/mod_bias", f"{ours}.style.bias", plus_one
        if noise is not None:
            yield f"{theirs}/noise_strength", f"{ours}.noise_strength", same
            yield f"synthesis/noise{noise}", f"noise{noise:02}", without_ones

    top = sides[-1]
    for i in range(layers):
        yield from plain(f"mapping.layers.{i}", f"mapping/Dense{i}", transposed)
    yield "dlatent_avg", "w_avg", same
    yield from plain("encoder.from_rgb", f"synthesis/E_{top}x{top}/FromRGB", outputs_first)
    yield from plain("encoder.last", "synthesis/E_4x4/Conv", outputs_first)
    yield from plain("encoder.dense", "synthesis/E_4x4/Dense0", transposed)
    yield from plain("synthesis.start", "synthesis/G_4x4/Dense", transposed)
    yield from styled("synthesis.conv", "synthesis/G_4x4/Conv", noise=0)
    yield from styled("synthesis.rgb", "synthesis/G_4x4/ToRGB")
    yield from plain("critic.from_rgb", f"{DISCRIMINATOR}{top}x{top}/FromRGB", outputs_first)
    yield from plain("critic.last", f"{DISCRIMINATOR}4x4/Conv", outputs_first)
    yield from plain("critic.dense", f"{DISCRIMINATOR}4x4/Dense0", transposed)
    yield from plain("critic.score", f"{DISCRIMINATOR}Output", transposed)
    for level, side in enumerate(sides):
        judge, stage = f"{DISCRIMINATOR}{side}x{side}", f"critic.stages.{len(sides) - 1 - level}"
        yield from plain(f"{stage}.conv", f"{judge}/Conv0", outputs_first)
        yield from plain(f"{stage}.down", f"{judge}/Conv1_down", outputs_first)
        yield f"{judge}/Skip/weight", f"{stage}.skip.weight", outputs_first
        encoder, synthesis = f"synthesis/E_{side}x{side}", f"synthesis/G_{side}x{side}"
        yield from plain(f"encoder.stages.{side}.conv", f"{encoder}/Conv0", outputs_first)
        yield from plain(f"encoder.stages.{side}.down", f"{encoder}/Conv1_down", outputs_first)
        ours = f"synthesis.stages.{side}"
        yield from styled(f"{ours}.up", f"{synthesis}/Conv0_up", turned, 2 * level + 1)
        yield from styled(f"{ours}.conv", f"{synthesis}/Conv1", noise=2 * level + 2)
        yield from styled(f"{ours}.rgb", f"{synthesis}/ToRGB")


def _sequential(sides: list[int], layers: int) -> Rows:
    """The port that ships weights converted from the pickles: layers are sequences, numbered within."""

    def plain(ours: str, theirs: str, weight: str = "", bias: str = "") -> Rows:
        yield f"G_{theirs}{weight}.weight", f"{ours}.weight", same
        yield f"G_{theirs}{bias}.bias", f"{ours}.bias", same

    def styled(ours: str, theirs: str) -> Rows:
        yield f"{theirs}.conv.weight", f"{ours}.weight", first
        yield f"{theirs}.conv.modulation.weight", f"{ours}.style.weight", same
        yield f"{theirs}.conv.modulation.bias", f"{ours}.style.bias", same

    def noisy(ours: str, theirs: str) -> Rows:
        yield from styled(ours, theirs)
        yield f"{theirs}.noise.weight", f"{ours}.noise_strength", without_ones
        yield f"{theirs}.activate.bias", f"{ours}.bias", same

    def rgb(ours: str, theirs: str) -> Rows:
        yield from styled(ours, theirs)
        yield f"{theirs}.bias", f"{ours}.bias", without_ones

    top = sides[-1]
    for i in range(layers):
        yield from plain(f"mapping.layers.{i}", f"mapping.G_mapping.Dense{i}")
    yield from plain("encoder.from_rgb", f"synthesis.E.{top}x{top}_0.FromRGB", ".0", ".1")
    yield from plain("encoder.last", "synthesis.E.4x4.Conv", ".0", ".1")
    yield from plain("encoder.dense", "synthesis.E.4x4.Dense0")
    yield from plain("synthesis.start", "synthesis.G_4x4.Dense")
    yield from noisy("synthesis.conv", "G_synthesis.G_4x4.Conv")
    yield from rgb("synthesis.rgb", "G_synthesis.G_4x4.ToRGB")
    for side in sides:
        encoder, synthesis = f"synthesis.E.{side}x{side}", f"G_synthesis.G_{side}x{side}"
        yield from plain(f"encoder.stages.{side}.conv", f"{encoder}.Conv0", ".0", ".1")
        yield from plain(f"encoder.stages.{side}.down", f"{encoder}.Conv1_down", ".1", ".2")
        yield from noisy(f"synthesis.stages.{side}.up", f"{synthesis}.Conv0_up")
        yield from noisy(f"synthesis.stages.{side}.conv", f"{synthesis}.Conv1")
        yield from rgb(f"synthesis.stages.{side}.rgb", f"{synthesis}.ToRGB")


def _blocks(sides: list[int], layers: int) -> Rows:
    """The port of SH-GAN and MI-GAN: blocks b4, b8, ..."""

    def plain(ours: str, theirs: str) -> Rows:
        yield f"{theirs}.weight", f"{ours}.weight", same
        yield f"{theirs}.bias", f"{ours}.bias", same

    def styled(ours: str, theirs: str, noise: int | None = None) -> Rows:
        yield from plain(ours, theirs)
        yield from plain(f"{ours}.style", f"{theirs}.affine")
        if noise is not None:
            yield f"{theirs}.noise_strength", f"{ours}.noise_strength", same
            yield f"{theirs}.noise_const", f"noise{noise:02}", same

    for i in range(layers):
        yield from plain(f"mapping.layers.{i}", f"mapping.fc{i}")
    yield "mapping.w_avg", "w_avg", same
    yield from plain("encoder.from_rgb", f"encoder.b{sides[-1]}.fromrgb")
    yield from plain("encoder.last", "encoder.b4.conv")
    yield from plain("encoder.dense", "encoder.b4.fc")
    yield from plain("synthesis.start", "synthesis.b4.fc")
    yield from styled("synthesis.conv", "synthesis.b4.conv", 0)
    yield from styled("synthesis.rgb", "synthesis.b4.torgb")
    for level, side in enumerate(sides):
        yield from plain(f"encoder.stages.{side}.conv", f"encoder.b{side}.conv0")
        yield from plain(f"encoder.stages.{side}.down", f"encoder.b{side}.conv1")
        ours, theirs = f"synthesis.stages.{side}", f"synthesis.b{side}"
        yield from styled(f"{ours}.up", f"{theirs}.conv0", 2 * level + 1)
        yield from styled(f"{ours}.conv", f"{theirs}.conv1", 2 * level + 2)
        yield from styled(f"{ours}.rgb", f"{theirs}.torgb")


LAYOUTS = {
    "tensorflow": Layout(
        re.compile(r"synthesis/E_(\d{1,5})x\1/"),
        re.compile(r"mapping/Dense(\d{1,3})/"),
        _tensorflow,
        re.compile(f"lod|{DISCRIMINATOR}.*"),
        0.0,
    ),
    "sequential": Layout(
        re.compile(r"G_synthesis\.E\.(\d{1,5})x\1\."),
        re.compile(r"G_mapping\.G_mapping\.Dense(\d{1,3})\."),
        _sequential,
        re.compile(r"G_synthesis\..*\.kernel"),
        0.0,
    ),
    "blocks": Layout(
        re.compile(r"encoder\.b(\d{1,5})\."),
        re.compile(r"mapping\.fc(\d{1,3})\."),
        _blocks,
        re.compile(r"(encoder|synthesis)\..*\.?resample_filter"),
        256.0,
    ),
}
CRITIC = "critic."
OPTIONAL = re.compile(r"w_avg|noise\d\d|critic\..*")
MODULE = "module."


def prefix(keys: Mapping[str, Any]) -> str | None:
    """Nothing stands before our own keys; None where these are neither ours nor of an original."""
    return "" if OWN_KEY in keys or _layout(keys) else None


def ignored(key: str) -> bool:
    """No key is: `adapted` has dropped what means nothing."""
    return False


def adapted(file: StateFile) -> StateFile:
    """An original's file by our names; its configuration and what was decided stand in the metadata. Raises Misfit."""
    kind = _layout(file.entries)
    if kind is None:
        return file
    entries = _renamed(file.entries, LAYOUTS[kind])
    skip4, why = (
        kind == "blocks",
        f"{'added' if kind == 'blocks' else 'not added'}: the file's layout says so",
    )
    if kind == "tensorflow":
        kept = file.hyper_parameters if isinstance(file.hyper_parameters, dict) else {}
        check_settings(kept.get("settings", {}))
        skip4, why = decide_skip4(kept.get("source", ""))
    found = infer_config(entries, skip4, LAYOUTS[kind].clamp)
    if not found.critic:
        entries = {key: entry for key, entry in entries.items() if not key.startswith(CRITIC)}
    metadata = {"config": json.dumps(asdict(found)), "skip4": why, "licence": LICENCE}
    return replace(file, entries=entries, metadata=metadata)


def config(file: StateFile, names: Mapping[str, str]) -> dict[str, Any]:
    """CoModGANConfig's fields, from the metadata. Raises Misfit."""
    if "config" not in file.metadata:
        raise Misfit("config", "the metadata that weights of ours have are missing")
    return _fields(_stated(file.metadata["config"]))


def expected(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Key -> shape of the network. Raises Misfit for hyper-parameters that no CoModGAN can have."""
    return shapes(partial(CoModGAN, _checked(config)))


def build(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> CoModGAN:
    """The network with these tensors, float32."""
    return filled(partial(CoModGAN, _checked(config)), tensors)


def infer_config(entries: Mapping[str, Entry], skip4: bool, clamp: float) -> CoModGANConfig:
    """The hyper-parameters that show in our keys and their shapes. Raises Misfit."""
    sides = sorted(int(side) for side in _numbered(entries, r"encoder\.stages\.(\d+)\.conv\.weight"))
    layers = len(_numbered(entries, r"mapping\.layers\.(\d+)\.weight"))
    mapping = [_shape(entries, f"mapping.layers.{i}.weight", 2) for i in range(layers)]
    widths = [
        _shape(entries, "encoder.last.weight", 4)[0],
        *(_shape(entries, f"encoder.stages.{side}.conv.weight", 4)[0] for side in sides),
    ]
    inputs = _shape(entries, "encoder.from_rgb.weight", 4)[1]
    if inputs not in (3, 4):
        called = entries["encoder.from_rgb.weight"].source
        raise Misfit(called, f"it takes {inputs} channels, where a picture has 3, with its hole 4")
    found = CoModGANConfig(
        widths=tuple(widths),
        mapping=(mapping[0][1], *(shape[0] for shape in mapping)),
        global_width=_shape(entries, "encoder.dense.weight", 2)[0],
        skip4=skip4,
        clamp=clamp,
        image_to_image=inputs == 3,
        average="w_avg" in entries,
        constants="noise00" in entries,
    )
    found = _checked(asdict(found))
    return replace(found, critic=_judged(entries, found))


def _judged(entries: Mapping[str, Entry], found: CoModGANConfig) -> bool:
    """Whether the discriminator is there, whole and of these widths; one of another make ranks nothing here."""
    if found.image_to_image:
        return False
    wanted = shapes(partial(CoModGAN, replace(found, critic=True))).items()
    there = {key: entry.shape for key, entry in entries.items() if key.startswith(CRITIC)}
    return there == {key: shape for key, shape in wanted if key.startswith(CRITIC)}


def _layout(keys: Mapping[str, Any]) -> str | None:
    """The layout that a key's name shows."""
    for key in keys:
        for kind, layout in LAYOUTS.items():
            if layout.top.match(key.removeprefix(MODULE)):
                return kind
    return None


def _renamed(entries: Mapping[str, Entry], layout: Layout) -> dict[str, Entry]:
    """By our names and laid out as ours, each with the file's name as its source. Raises Misfit."""
    plain = {key.removeprefix(MODULE): key for key in entries}
    tops = [int(found[1]) for found in map(layout.top.match, plain) if found]
    top = max(tops)
    if top & (top - 1) or not 8 <= top <= LARGEST_SIDE:
        raise Misfit(next(key for key in plain if str(top) in key), f"{top} is no resolution of a CoModGAN")
    layers = max((int(found[1]) for found in map(layout.mapping.match, plain) if found), default=0) + 1
    sides = [2**level for level in range(3, top.bit_length())]
    table = {theirs: (ours, change) for theirs, ours, change in layout.rows(sides, layers)}
    for theirs, (ours, _) in table.items():
        if theirs not in plain and not OPTIONAL.fullmatch(ours):
            raise Misfit(theirs, "this key is missing")
    stray = [key for name, key in plain.items() if name not in table and not layout.dropped.fullmatch(name)]
    if stray:
        raise Misfit(stray[0], "this key is not known")
    return {
        ours: _changed(plain[theirs], entries[plain[theirs]], change)
        for theirs, (ours, change) in table.items()
        if theirs in plain
    }


def _changed(key: str, entry: Entry, change: Change) -> Entry:
    """The entry laid out as ours; its shape is found without its values. Raises Misfit."""
    try:
        shape = tuple(change(torch.empty(entry.shape, device="meta")).shape)
    except (RuntimeError, IndexError) as error:
        raise Misfit(key, f"its shape is {list(entry.shape)}") from error
    return Entry(shape, entry.dtype, partial(_load, entry, change), key)


def _load(entry: Entry, change: Change) -> Tensor:
    return change(entry.load()).contiguous()


def _numbered(entries: Mapping[str, Entry], pattern: str) -> set[str]:
    return {found[1] for found in (re.fullmatch(pattern, key) for key in entries) if found}


def _shape(entries: Mapping[str, Entry], key: str, axes: int) -> tuple[int, ...]:
    shape = entries[key].shape
    if len(shape) != axes:
        raise Misfit(entries[key].source or key, f"its shape is {list(shape)}, which has not {axes} axes")
    return shape


def _stated(text: str) -> CoModGANConfig:
    """The configuration of our own metadata. Raises Misfit for one that is malformed."""
    needed = {field.name for field in fields(CoModGANConfig)} - {"critic"}  # which came later
    return _checked({"critic": False} | stated(text, CoModGANConfig, needed))


def _fields(config: CoModGANConfig) -> dict[str, Any]:
    """As JSON has them."""
    return asdict(config) | {"widths": list(config.widths), "mapping": list(config.mapping)}


def _checked(values: Mapping[str, Any]) -> CoModGANConfig:
    """The configuration, if a network can have it. Raises Misfit."""
    widths, mapping = values["widths"], values["mapping"]
    for name, numbers, most in (("widths", widths, LARGEST_SIDE.bit_length()), ("mapping", mapping, DEEPEST)):
        if not isinstance(numbers, list | tuple) or not 2 <= len(numbers) <= most:
            raise Misfit(name, f"a CoModGAN has 2 to {most} of them")
        if not all(whole(number, 1, WIDEST) for number in numbers):
            raise Misfit(name, f"a CoModGAN's are from 1 to {WIDEST}")
    if not whole(values["global_width"], 1, WIDEST):
        raise Misfit("global_width", f"a CoModGAN's is from 1 to {WIDEST}")
    if type(values["clamp"]) not in (int, float) or not 0 <= values["clamp"] <= 1e6:
        raise Misfit("clamp", "it is not a bound on activations, from 0 to a million")
    flags = ("skip4", "image_to_image", "average", "constants", "critic")
    if any(type(values.get(flag, False)) is not bool for flag in flags):
        raise Misfit("config", f"{', '.join(flags)} are true or false")
    if values["image_to_image"] and values.get("critic"):
        raise Misfit("critic", "nothing ranks the answers to a condition")
    return CoModGANConfig(**{**values, "widths": tuple(widths), "mapping": tuple(mapping)})
