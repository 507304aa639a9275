"""What a recipe will need, told before a run begins."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from rigatino_models.lama.discriminator import Discriminator
from rigatino_models.lama.net import Lama
from rigatino_models.training.recipe import Recipe

STATES = 5  # weights, gradients, two moments and the average


def estimate(recipe: Recipe, processes: int = 1) -> dict[str, Any]:
    """Parameters, and for one process: GFLOP of a sample's way through the generator (one multiply-add is two; without
    FFTs), and GiB of weights and of what the generator keeps for the way back. Runs one sample, in float32.
    """
    net, adversary = Lama(recipe.network), recipe.adversary
    rival = Discriminator(adversary.width, adversary.layers) if adversary.plays else None
    operations, kept = _one_sample(net, recipe.data.side)
    part = recipe.optimiser.batch // (processes * recipe.optimiser.accumulate)
    narrow = 0.5 if recipe.optimiser.precision == "bf16" else 1.0
    weights = 4 * STATES * (_size(net) + (_size(rival) if rival else 0))
    return {
        "parameters": _size(net),
        "discriminator_parameters": _size(rival) if rival else 0,
        "steps": recipe.steps,
        "gflop_forward_per_sample": round(operations / 1e9, 2),
        "gib_weights": round(weights / 2**30, 2),
        "gib_activations": round(kept * narrow * part / 2**30, 2),
    }


def _size(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def _one_sample(net: nn.Module, side: int) -> tuple[int, int]:
    """(floating-point operations, bytes kept for the way back) of one picture."""
    sizes: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    weights = sum(p.untyped_storage().nbytes() for p in net.parameters())
    with (
        FlopCounterMode(display=False) as counter,
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        kept = net(torch.rand(1, 3, side, side), torch.zeros(1, 1, side, side))
    del kept
    return counter.get_total_flops(), max(0, sum(sizes.values()) - weights)
