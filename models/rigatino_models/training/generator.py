"""A generator's weights: where a run begins, and the files that it leaves."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from rigatino_models.convert.common import COUNTER
from rigatino_models.convert.weights import Weights, read
from rigatino_models.errors import ModelError

log = logging.getLogger(__name__)
LICENCE = "your own; those of the photographs it was trained on may bind it"
Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True)
class Export:
    """A network as one of our files holds it: system, configuration as JSON has it, tensors by our names."""

    system: str
    config: dict[str, Any]
    tensors: Mapping[str, Tensor]


def placed(net: Net, device: torch.device) -> Net:
    """The network on the device, its weights in the order that convolutions want."""
    out: Net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return out


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


def half_precision(export: Export, training: Mapping[str, Any]) -> Weights:
    """A network in half precision, with what a reader must know; the model card says the rest."""
    tensors = {
        key: _narrow(value).contiguous() for key, value in export.tensors.items() if not key.endswith(COUNTER)
    }
    metadata = {"licence": LICENCE, "training": json.dumps(training)}
    return Weights(export.system, export.config, tensors, "training", metadata)


def _narrow(value: Tensor) -> Tensor:
    """In half precision, unless that has no such large numbers."""
    narrow = value.half()
    return narrow if bool(narrow.isfinite().all()) else value.float()
