"""What a recipe will need, told before a run begins."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from rigatino_models.training.method import Method
from rigatino_models.training.methods import method
from rigatino_models.training.settings import Recipe

STATES = 4  # weights, gradients and two moments


def estimate(recipe: Recipe, processes: int = 1) -> dict[str, Any]:
    """Parameters, and for one process: GFLOP of a sample's way through the generator (one multiply-add is two; without
    FFTs), and GiB of weights with what the optimisers and the average keep of them, and of what the generator keeps
    for the way back. Nothing is computed: shapes tell.
    """
    kind = method(recipe)
    with FakeTensorMode():
        first, *others = kind.networks(recipe).values()
        operations, kept = _one_sample(kind, first, recipe)
    part = recipe.optimiser.batch // (processes * recipe.optimiser.accumulate)
    narrow = 0.5 if recipe.optimiser.precision == "bf16" else 1.0
    rivals = sum(map(_size, others))
    return {
        "parameters": _size(first),
        "discriminator_parameters": rivals,
        "steps": recipe.steps,
        "gflop_forward_per_sample": round(operations / 1e9, 2),
        "gib_weights": round(4 * (STATES * (_size(first) + rivals) + _size(first)) / 2**30, 2),
        "gib_activations": round(kept * narrow * part / 2**30, 2),
    }


def _size(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def _one_sample(kind: type[Method[Any]], net: nn.Module, recipe: Recipe) -> tuple[int, int]:
    """(floating-point operations, bytes kept for the way back) of one picture."""
    sizes: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        sizes[tensor.untyped_storage()._cdata] = tensor
        return tensor

    weights = {p.untyped_storage()._cdata for p in net.parameters()}
    with (
        FlopCounterMode(display=False) as counter,
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        kept = kind.forward(net, recipe)
    bytes_kept = sum(t.untyped_storage().nbytes() for key, t in sizes.items() if key not in weights)
    del kept
    return counter.get_total_flops(), bytes_kept
