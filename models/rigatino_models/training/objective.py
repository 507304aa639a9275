"""What LaMa is trained for besides its game with a discriminator: the weighted terms of losses/."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from rigatino_models.losses import pixel
from rigatino_models.losses.high_receptive_field import HighReceptiveFieldLoss
from rigatino_models.losses.squeezenet import PerceptualLoss
from rigatino_models.losses.vgg import VggLoss

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Losses:
    """Weights of the terms in losses/, 0 = none; `*_weights` are the files of the networks that judge.

    border, rim, reduced, perceptual (SqueezeNet), vgg: small-model terms, on the composite but for the rim.
    known, missing, high_receptive_field: LaMa's, on the raw answer.
    """

    border: float = 0.0
    rim: float = 0.0
    reduced: float = 0.0
    perceptual: float = 0.0
    perceptual_weights: str = ""
    vgg: float = 0.0
    vgg_weights: str = ""
    known: float = 0.0
    missing: float = 0.0
    high_receptive_field: float = 0.0
    high_receptive_field_weights: str = ""


class Objective(nn.Module):
    """The terms whose weights are not 0. A judge whose file is not given is left out, and the log says so."""

    def __init__(self, losses: Losses) -> None:
        super().__init__()
        self.losses = losses
        self.perceptual = _judge("perceptual", losses.perceptual, losses.perceptual_weights, PerceptualLoss)
        self.vgg = _judge("vgg", losses.vgg, losses.vgg_weights, VggLoss)
        self.high = _judge(
            "high_receptive_field",
            losses.high_receptive_field,
            losses.high_receptive_field_weights,
            HighReceptiveFieldLoss,
        )

    def forward(self, raw: Tensor, result: Tensor, image: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """raw answer and composite, picture and hole -> the weighted terms.

        Ours see the composite, so that known pixels cost nothing; the rim and LaMa's terms see the raw answer.
        """
        weight, terms = self.losses, {}
        if weight.border:
            terms["border"] = weight.border * pixel.border_l1(result, image, hole)
        if weight.rim:
            terms["rim"] = weight.rim * pixel.rim_l1(raw, image, hole)
        if weight.reduced:
            terms["reduced"] = weight.reduced * pixel.reduced_l1(result, image, hole)
        if weight.known or weight.missing:
            terms["l1"] = pixel.weighted_l1(raw, image, hole, weight.known, weight.missing)
        if self.perceptual is not None:
            terms["perceptual"] = weight.perceptual * self.perceptual(result, image)
        if self.vgg is not None:
            terms["vgg"] = weight.vgg * self.vgg(result, image)
        if self.high is not None:
            terms["high_receptive_field"] = weight.high_receptive_field * self.high(raw, image)
        return terms


def _judge(name: str, weight: float, file: str, kind: Callable[[Path], nn.Module]) -> nn.Module | None:
    if not weight:
        return None
    if not file:
        log.warning("The term “%s” is left out: losses.%s_weights names no file.", name, name)
        return None
    return kind(Path(file))
