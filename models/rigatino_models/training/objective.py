"""What a generator is trained for besides its game with a discriminator: the weighted terms of losses/."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from rigatino_models.losses import pixel
from rigatino_models.losses.high_receptive_field import HighReceptiveFieldLoss
from rigatino_models.losses.squeezenet import PerceptualLoss
from rigatino_models.losses.vgg import VggLoss
from rigatino_models.training.recipe import Losses

log = logging.getLogger(__name__)


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
