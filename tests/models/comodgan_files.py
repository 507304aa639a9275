"""Writes a CoModGAN's weights in the three layouts that people have."""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from comodgan_reference import Shape, State
from torch import Tensor

ADDING = """\
# The network that this pickle holds.
def G_synthesis_RegionGAN(dlatents_in, images_in, masks_in, **_kwargs):
    with tf.variable_scope('G_4x4'):
        with tf.variable_scope('Dense'):
            x = apply_bias_act(dense_layer(x, fmaps=nf(1)*4*4), act=act)
        x = tf.reshape(x, [-1, nf(1), 4, 4])
        x = x + E_features[2]
        with tf.variable_scope('Conv'):
            x = layer(x, layer_idx=0, fmaps=nf(1), kernel=3)
"""
NOT_ADDING = ADDING.replace("        x = x + E_features[2]\n", "        # x = x + E_features[2]\n")
SETTINGS = {"resolution": 32, "fmap_base": 128, "architecture": "skip", "resample_kernel": [1, 3, 3, 1]}


def tensorflow(
    path: Path,
    state: State,
    source: str = ADDING,
    protocol: int = 4,
    settings: dict[str, Any] | None = None,
    single: bool = False,
    critic: State | None = None,
) -> Path:
    """A pickle of generator, discriminator and averaged generator, whose classes are gone when it is read.

    Without a `critic` the discriminator is one of another make.
    """
    with tflib() as network:

        def tree(values: State) -> Any:
            parts: dict[str, list[tuple[str, Any]]] = {
                "": [("lod", np.float32(0))],
                "mapping": [],
                "synthesis": [],
            }
            for name, value in values.items():
                part, _, inner = name.rpartition("/") if "/" not in name else name.partition("/")
                array = value.numpy()
                parts[part].append((inner, array if array.ndim else np.float32(array)))
            made = {
                part: network(part, parts[part], {}, source, settings or SETTINGS) for part in parts if part
            }
            return network("G", parts[""], made, source, settings or SETTINGS)

        averaged = tree(state)
        judge = critic or {"4x4/Dense0/bias": torch.zeros(3)}
        rival = network("D", [(name, value.numpy()) for name, value in judge.items()], {}, source, {})
        young = tree({key: value + 1 for key, value in state.items()})
        with path.open("wb") as file:
            pickle.dump(averaged if single else (young, rival, averaged), file, protocol)
    return path


@contextmanager
def tflib() -> Iterator[Any]:
    """A class that pickles like dnnlib.tflib.network.Network; it cannot be imported afterwards."""
    names = ("dnnlib", "dnnlib.tflib", "dnnlib.tflib.network")
    modules = {name: types.ModuleType(name) for name in names}

    class Network:
        def __init__(
            self, name: str, variables: list[Any], components: dict[str, Any], source: str, settings: Any
        ) -> None:
            self.kept = {
                "version": 4,
                "name": name,
                "static_kwargs": settings,
                "components": components,
                "build_module_src": source,
                "build_func_name": "G_synthesis_RegionGAN",
                "variables": variables,
            }

        def __getstate__(self) -> dict[str, Any]:
            return self.kept

    Network.__module__, Network.__qualname__ = names[-1], "Network"
    modules[names[-1]].Network = Network  # type: ignore[attr-defined]
    sys.modules.update(modules)
    try:
        yield Network
    finally:
        for name in names:
            del sys.modules[name]


def sequential(state: State, shape: Shape, before: str = "") -> State:
    """The port that ships weights converted from the pickles; it has neither mean style nor constant noise."""
    top, out = shape.resolution, {}
    kernel = torch.ones(4, 4) / 16
    for name, value in state.items():
        if name == "dlatent_avg" or name.startswith("synthesis/noise"):
            continue
        *path, kind = name.split("/")
        layer, is_up = path[-1], path[-1] == "Conv0_up"
        if path[0] == "mapping":
            out[f"G_mapping.G_mapping.{layer}.{kind}"] = _torch(value, kind, False)
        elif layer in ("Dense", "Dense0"):
            stage = "G_4x4" if layer == "Dense" else "E.4x4"
            out[f"G_synthesis.{stage}.{layer}.{kind}"] = _torch(value, kind, False)
        elif path[1].startswith("E_"):
            stage = path[1][2:] + ("_0" if layer == "FromRGB" else "")
            index = {"weight": 0, "bias": 1}[kind] + (layer == "Conv1_down")
            out[f"G_synthesis.E.{stage}.{layer}.{index}.{kind}"] = _torch(value, kind, False)
            if layer == "Conv1_down":
                out[f"G_synthesis.E.{stage}.{layer}.0.kernel"] = kernel
        else:
            root, rgb = f"G_synthesis.{path[1]}.{layer}", layer == "ToRGB"
            inner = {
                "weight": "conv.weight",
                "bias": "bias" if rgb else "activate.bias",
                "mod_weight": "conv.modulation.weight",
                "mod_bias": "conv.modulation.bias",
                "noise_strength": "noise.weight",
            }[kind]
            tensor = _torch(value, kind, is_up)
            if kind == "weight" or (kind == "bias" and rgb):
                tensor = tensor[None] if kind == "weight" else tensor.view(1, 3, 1, 1)
            out[f"{root}.{inner}"] = tensor.view(1) if kind == "noise_strength" else tensor
            if is_up:
                out[f"{root}.conv.blur.kernel"] = kernel
            if rgb and path[1] != "G_4x4":
                out[f"{root}.upsample.kernel"] = kernel
    assert f"G_synthesis.E.{top}x{top}_0.FromRGB.0.weight" in out
    return {before + key: value for key, value in out.items()}


def blocks(state: State, shape: Shape) -> State:
    """The port of SH-GAN and MI-GAN."""
    layers = {"Conv0": "conv0", "Conv1_down": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "Conv": "conv"}
    layers |= {"Dense": "fc", "Dense0": "fc", "FromRGB": "fromrgb", "ToRGB": "torgb"}
    kinds = {"mod_weight": "affine.weight", "mod_bias": "affine.bias"}
    out: State = {"mapping.w_avg": state["dlatent_avg"]}
    for name, value in state.items():
        *path, kind = name.split("/")
        if not path:
            continue
        if path[0] == "mapping":
            out[f"mapping.fc{path[-1][5:]}.{kind}"] = _torch(value, kind, False)
        elif len(path) == 1:
            index = int(kind[5:])
            side, layer = 2 ** ((index + 5) // 2), "conv" if not index else f"conv{(index + 1) % 2}"
            out[f"synthesis.b{side}.{layer}.noise_const"] = value[0, 0]
        else:
            part = "encoder" if path[1].startswith("E_") else "synthesis"
            root = f"{part}.b{path[1].split('x')[1]}.{layers[path[-1]]}"
            out[f"{root}.{kinds.get(kind, kind)}"] = _torch(value, kind, path[-1] == "Conv0_up")
            if path[-1] in ("Conv0_up", "Conv1_down"):
                out[f"{root}.resample_filter"] = torch.ones(4, 4) / 16
    for side in shape.sides:
        out[f"synthesis.b{side}.resample_filter"] = torch.ones(4, 4) / 16
    return out


def _torch(value: Tensor, kind: str, is_up: bool) -> Tensor:
    """A tensor of TensorFlow's as PyTorch's ports store it."""
    if kind in ("weight", "mod_weight"):
        value = value.permute(3, 2, 0, 1) if value.ndim == 4 else value.t()
        value = value.flip(2, 3) if is_up and value.ndim == 4 else value
    return (value + 1 if kind == "mod_bias" else value).contiguous()
