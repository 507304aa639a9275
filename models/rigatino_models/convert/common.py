"""What the converters share: a network without and with its tensors, and the configuration that our metadata state."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from rigatino_models.checkpoint.trouble import Misfit

COUNTER = "num_batches_tracked"  # BatchNorm's counter: it means nothing once training is over

Network = TypeVar("Network", bound=nn.Module)


def shapes(make: Callable[[], nn.Module]) -> dict[str, tuple[int, ...]]:
    """Key -> shape of the network that `make` makes; no memory is taken for its tensors."""
    with torch.device("meta"):
        state = make().state_dict()
    return {key: tuple(value.shape) for key, value in state.items()}


def filled(make: Callable[[], Network], tensors: Mapping[str, Tensor]) -> Network:
    """The network that `make` makes with these tensors, float32; BatchNorm's counters need not be among them."""
    with torch.device("meta"):
        network = make()
    counters = {key: torch.tensor(0) for key in network.state_dict() if key.endswith(COUNTER)}
    network.load_state_dict(counters | {key: value.float() for key, value in tensors.items()}, assign=True)
    network.requires_grad_(True)
    return network


def stated(text: str, config: type, needed: Collection[str] | None = None) -> dict[str, Any]:
    """The fields of the dataclass `config` that our metadata state: all of them, or `needed` and any others.

    Raises Misfit for what is malformed; whether the values are possible is the caller's question.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Misfit("config", "the metadata are not JSON") from error
    known = {field.name for field in fields(config)}
    least = known if needed is None else set(needed)
    if not isinstance(values, dict) or not least <= set(values) <= known:
        raise Misfit("config", f"the metadata do not name {', '.join(sorted(known))}")
    return values


def whole(value: object, least: int, most: int) -> bool:
    """Whether a value of the metadata is a whole number within these bounds."""
    return type(value) is int and least <= value <= most
