"""Writes a LaMa's weights as people have them: the original's layouts, in every format."""

from __future__ import annotations

import sys
import types
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lama_reference import ROOT, State
from torch import Tensor, nn

CONFIG = """\
run_title: ''
training_model:
  kind: default
  concat_mask: true
losses:
  adversarial:
    gated: true
generator:
  kind: ffc_resnet
  input_nc: 4
  add_out_act: sigmoid  # the published one
  resnet_conv_kwargs:
    ratio_gin: 0.75
    ratio_gout: ${generator.resnet_conv_kwargs.ratio_gin}
    enable_lfu: false
  out_ffc: False
discriminator:
  kind: pix2pixhd_nlayer
"""
EXTRAS = {
    "discriminator.model0.0.weight": torch.ones(2, 3, 4, 4),
    "discriminator.model1.1.num_batches_tracked": torch.tensor(3),
    "loss_resnet_pl.impl.conv1.weight": torch.ones(2, 2),
    "generator_average.model.1.ffc.convl2l.weight": torch.ones(1),
    "val_evaluator.scores.lpips.scale": torch.ones(3),
}


def prefixed(state: State, prefix: str) -> State:
    """The state with another prefix in place of `generator.`."""
    return {prefix + key.removeprefix(ROOT.removesuffix("model.")): value for key, value in state.items()}


def lightning(path: Path, state: State, act: object = "sigmoid", old: bool = False) -> Path:
    """A checkpoint of Lightning 1.2.9, with OmegaConf objects whose classes are gone when it is read."""
    with omegaconf() as (mapping, node):
        settings = mapping({"generator": mapping({"kind": node("ffc_resnet"), "add_out_act": node(act)})})
        checkpoint = {
            "epoch": 39,
            "global_step": 1000,
            "pytorch-lightning_version": "1.2.9",
            "callbacks": {mapping: {"best_model_score": torch.tensor(0.5), "monitor": "val_f1"}},
            "lr_schedulers": [],
            "state_dict": {**state, **EXTRAS},
            "hparams_name": "config",
            "hyper_parameters": settings,
            "hparams_type": mapping,
        }
        torch.save(checkpoint, path, _use_new_zipfile_serialization=not old)
    return path


def folder(path: Path, state: State, config: str = CONFIG) -> Path:
    """The original's folder: config.yaml and models/best.ckpt."""
    (path / "models").mkdir(parents=True)
    (path / "config.yaml").write_text(config)
    lightning(path / "models" / "best.ckpt", state)
    return path


def zipped(path: Path, source: Path, inside: str = "big-lama/") -> Path:
    """A folder in a zip, compressed as usual."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(source.rglob("*")):
            archive.write(file, inside + str(file.relative_to(source)))
    return path


def torchscript(path: Path, state: State) -> Path:
    """A traced module with the wrapper's prefix, model.generator.model."""
    wrapper = Holder()
    for key, value in prefixed(state, "model.generator.").items():
        wrapper.put(key.split("."), value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(wrapper, (torch.rand(1, 3, 8, 8), torch.rand(1, 1, 8, 8)))
        traced.save(str(path))
    return path


class Holder(nn.Module):
    """A tree of modules that holds tensors by name."""

    def put(self, names: list[str], value: Tensor) -> None:
        first, *rest = names
        if not rest and value.is_floating_point():
            self.register_parameter(first, nn.Parameter(value.clone()))
        elif not rest:
            self.register_buffer(first, value.clone())
        else:
            if first not in self._modules:
                self.add_module(first, Holder())
            inner = self._modules[first]
            assert isinstance(inner, Holder)
            inner.put(rest, value)

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        return image * (1 - mask)


@contextmanager
def omegaconf() -> Iterator[tuple[Any, Any]]:
    """Classes that pickle like OmegaConf's DictConfig and AnyNode; they cannot be imported afterwards."""
    modules = {
        name: types.ModuleType(name) for name in ("omegaconf", "omegaconf.dictconfig", "omegaconf.nodes")
    }

    class DictConfig:
        def __init__(self, content: dict[str, Any]) -> None:
            self.__dict__.update(_metadata={"optional": True}, _parent=None, _content=content)

    class AnyNode:
        def __init__(self, value: Any) -> None:
            self.__dict__.update(_metadata=None, _parent=None, _val=value)

    for kind, module in ((DictConfig, "omegaconf.dictconfig"), (AnyNode, "omegaconf.nodes")):
        kind.__module__, kind.__qualname__ = module, kind.__name__
        setattr(modules[module], kind.__name__, kind)
    sys.modules.update(modules)
    try:
        yield DictConfig, AnyNode
    finally:
        for name in modules:
            del sys.modules[name]
