"""LaMa's weights: the original's keys are ours after a prefix; all hyper-parameters show in the shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, Protocol

from torch import Tensor

from rigatino_models.checkpoint import StateFile
from rigatino_models.checkpoint.trouble import Misfit
from rigatino_models.convert.common import filled, shapes, stated, whole
from rigatino_models.convert.lama_settings import check_settings
from rigatino_models.lama.net import Lama, LamaConfig

# Which key of the first convolution says what kind of generator follows.
FOURIER_KEY, PLAIN_KEY = "model.1.ffc.convl2l.weight", "model.1.weight"
PREFIX = re.compile(r"((module|model|generator)\.)*")
# What the original's training module saves besides its generator; its own predict script ignores these too.
EXTRAS = re.compile(
    r"(module\.|model\.)?(discriminator|generator_average|adversarial_loss|fake_fakes_gen|visualizer"
    r"|loss_\w+|val_evaluator|test_evaluator|extra_evaluators|refine_mask_for_losses)\."
)
WIDEST, MOST_BLOCKS, MOST_DOWNS = 8192, 256, 6


class Shaped(Protocol):
    """Anything with a shape: a tensor, or an entry not yet read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes along all axes."""


def adapted(file: StateFile) -> StateFile:
    """Nothing differs from our layout."""
    return file


def prefix(keys: Mapping[str, Any]) -> str | None:
    """What stands before `model.1...`, the generator's first layer; None where there is no generator."""
    for key in keys:
        for first in (FOURIER_KEY, PLAIN_KEY):
            before = key.removesuffix(first)
            if before != key and PREFIX.fullmatch(before):
                return before
    return None


def ignored(key: str) -> bool:
    """Whether a key belongs to what the original saves besides the generator."""
    return EXTRAS.match(key) is not None


def config(file: StateFile, names: Mapping[str, str]) -> dict[str, Any]:
    """LamaConfig's fields, from our metadata or else from the shapes. Raises Misfit."""
    check_settings(file.config_yaml, file.hyper_parameters)
    if "config" in file.metadata:
        found = _stated(file.metadata["config"])
    else:
        found = infer_config({ours: file.entries[theirs] for ours, theirs in names.items()})
        if found.gated_skips:  # a network of ours, and not all of it shows in the shapes
            raise Misfit("config", "the metadata that weights of ours have are missing")
    return asdict(found) | {"widths": list(found.widths)}


def expected(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Key -> shape of the network. Raises Misfit for hyper-parameters that no LaMa can have."""
    return shapes(partial(Lama, _checked(config)))


def build(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Lama:
    """The network with these tensors, float32."""
    return filled(partial(Lama, _checked(config)), tensors)


def infer_config(state: Mapping[str, Shaped]) -> LamaConfig:
    """The hyper-parameters of a state dict with our keys (`model.1...`), from its shapes. Raises Misfit."""
    found = _fourier(state) if FOURIER_KEY in state else _plain(state)
    _checked(asdict(found))
    return found


def _fourier(state: Mapping[str, Shaped]) -> LamaConfig:
    """Fourier kind: first convolution, downs at 2, 3, ..., then the blocks."""
    widths = [_outputs(state, FOURIER_KEY)]
    global_width = 0
    while f"model.{len(widths) + 1}.ffc.convl2l.weight" in state:
        layer = f"model.{len(widths) + 1}.ffc"
        key = f"{layer}.convl2g.weight"
        global_width = _outputs(state, key) if key in state else 0
        widths.append(_outputs(state, f"{layer}.convl2l.weight") + global_width)
    first = len(widths) + 1
    if not global_width:
        raise Misfit(f"model.{first - 1}.ffc.convl2g.weight", "this key is missing")
    return LamaConfig(
        widths=tuple(widths),
        blocks=_count(state, first, 1, "conv1.ffc.convl2l.weight"),
        global_width=global_width,
        enable_lfu=f"model.{first}.conv1.ffc.convg2g.lfu.conv_layer.weight" in state,
        gated_skips=any(key.startswith("skips.") for key in state),
    )


def _plain(state: Mapping[str, Shaped]) -> LamaConfig:
    """Regular kind: convolution, BatchNorm, ReLU are three places; then the blocks, then as many steps up."""
    if PLAIN_KEY not in state:
        raise Misfit(PLAIN_KEY, "this key is missing")
    convolutions = _count(state, 4, 3, "weight")
    blocks = _count(state, 4 + 3 * convolutions, 1, "conv_block.1.weight")
    # Without blocks the steps up follow at once, and the run counts both.
    downs = convolutions if blocks else convolutions // 2
    widths = [_outputs(state, f"model.{1 + 3 * i}.weight") for i in range(downs + 1)]
    return LamaConfig(widths=tuple(widths), blocks=blocks, global_width=0)


def _count(state: Mapping[str, Shaped], first: int, step: int, suffix: str) -> int:
    """How many layers from `first` on, at every `step`-th place, have a key with this ending."""
    count = 0
    while f"model.{first + count * step}.{suffix}" in state:
        count += 1
    return count


def _outputs(state: Mapping[str, Shaped], key: str) -> int:
    shape = tuple(state[key].shape)
    if len(shape) != 4:
        raise Misfit(key, f"its shape is {list(shape)}, not that of a convolution")
    return shape[0]


def _stated(text: str) -> LamaConfig:
    """The configuration of our own metadata. Raises Misfit for one that is malformed."""
    values = stated(text, LamaConfig, {"widths"})
    if not isinstance(values["widths"], list):
        raise Misfit("widths", "they are not those of a LaMa")
    return _checked(values)


def _checked(values: Mapping[str, Any]) -> LamaConfig:
    """The configuration, if a network can have it. Raises Misfit."""
    config = LamaConfig(**{**values, "widths": tuple(values["widths"])})
    widths, glob = config.widths, config.global_width
    if not 2 <= len(widths) <= MOST_DOWNS + 1 or not all(whole(width, 1, WIDEST) for width in widths):
        raise Misfit("widths", f"a LaMa has 2 to {MOST_DOWNS + 1} of them, each from 1 to {WIDEST}")
    if not whole(config.blocks, 0, MOST_BLOCKS):
        raise Misfit("blocks", f"a LaMa has 0 to {MOST_BLOCKS} of them")
    if not whole(glob, 0, widths[-1] - 1) or glob == 1:
        raise Misfit("global_width", f"a LaMa has none, or 2 up to less than its last width, {widths[-1]}")
    if any(type(flag) is not bool for flag in (config.enable_lfu, config.gated_skips, config.prefill)):
        raise Misfit("config", "enable_lfu, gated_skips and prefill are true or false")
    if (config.enable_lfu or config.gated_skips) and not glob:
        raise Misfit("global_width", "enable_lfu and gated_skips need Fourier channels")
    if config.enable_lfu and glob // 2 % 4:
        raise Misfit("global_width", "enable_lfu needs a number of Fourier channels that 8 divides")
    return config
