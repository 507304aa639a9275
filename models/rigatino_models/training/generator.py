"""The generator's weights: where a run begins, how fast they move, and the file that it leaves."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rigatino_models.convert.common import COUNTER
from rigatino_models.convert.weights import Weights, read
from rigatino_models.errors import ModelError
from rigatino_models.lama.net import CAUTION, Lama
from rigatino_models.training.recipe import Recipe, as_table

log = logging.getLogger(__name__)
LICENCE = "your own; those of the photographs it was trained on may bind it"


def placed(net: Lama, device: torch.device) -> Lama:
    """The network on the device, its weights in the order that convolutions want."""
    out: Lama = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return out


def parameter_groups(net: Lama) -> list[dict[str, Any]]:
    """All parameters at the full rate; where the net corrects a first guess, its last layer moves slower."""
    last = next(layer for layer in reversed(net.model) if isinstance(layer, nn.Conv2d))
    slow = list(last.parameters()) if net.config.prefill else []
    names = {id(parameter) for parameter in slow}
    rest = [parameter for parameter in net.parameters() if id(parameter) not in names]
    return [{"params": rest, "share": 1.0}, {"params": slow, "share": 1 / CAUTION}]


def begin_with(net: nn.Module, file: Path) -> None:
    """Take the weights of any file that can be imported that the network has in the same shape; log what it keeps.

    Raises ModelError as convert.weights.read does, and bad_setting for a file of which nothing fits.
    """
    wanted = net.state_dict()
    found = {
        key: value.float()
        for key, value in read(file).tensors.items()
        if key in wanted and value.shape == wanted[key].shape
    }
    if not found:
        raise ModelError(
            "bad_setting", name="start", value=str(file), expected="weights of which some fit the network"
        )
    kept = sorted(key for key in wanted.keys() - found.keys() if not key.endswith(COUNTER))
    log.info("Kept as initialised: %s", ", ".join(kept) or "nothing")
    net.load_state_dict(wanted | found)


def half_precision(net: nn.Module, recipe: Recipe, step: int, hours: float, photos: int) -> Weights:
    """A network in half precision, with what a reader must know; the model card says the rest."""
    facts = {
        "samples": step * recipe.optimiser.batch,
        "hours": round(hours, 2),
        "photos": photos,
        "recipe": without_places(as_table(recipe)),
    }
    tensors = {key: value.half().contiguous() for key, value in net.state_dict().items()}
    kept = {key: value for key, value in tensors.items() if not key.endswith(COUNTER)}
    metadata = {"licence": LICENCE, "training": json.dumps(facts)}
    return Weights("lama", asdict(recipe.network), kept, "training", metadata)


def without_places(table: dict[str, Any]) -> dict[str, Any]:
    """A recipe's table in which files stand by their names alone: where they lay says nothing to others."""
    return {
        key: without_places(value)
        if isinstance(value, dict)
        else Path(value).name
        if isinstance(value, str)
        else value
        for key, value in table.items()
    }
