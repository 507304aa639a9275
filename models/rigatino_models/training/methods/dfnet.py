"""DFNet (arXiv 1904.08060): fused answers at several sizes, without a game."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from rigatino_models.dfnet.losses import Judge, Weights, losses
from rigatino_models.dfnet.net import LEVELS, DFNet, DFNetConfig
from rigatino_models.training.method import Method, Moment, Terms, backward
from rigatino_models.training.settings import Bounds, Recipe, Rule

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DFNetRecipe(Recipe):
    """vgg_weights: the file of the VGG-16 that judges; without it, perceptual and style loss are left out."""

    BOUNDS: ClassVar[Bounds] = Recipe.BOUNDS | {"losses.textures": (1, LEVELS)}

    system: Literal["dfnet"] = "dfnet"
    network: DFNetConfig = field(default_factory=DFNetConfig)
    losses: Weights = field(default_factory=Weights)
    vgg_weights: str = ""

    def rules(self) -> Iterator[Rule]:
        """What must hold of the settings taken together."""
        yield self.multiple_of(2**LEVELS)
        yield from super().rules()
        batch, least = self.optimiser.batch, 2 * self.optimiser.accumulate
        enough = self.data.side > 2**LEVELS or batch >= least
        yield "optimiser.batch", batch, enough, f"{least} or more, for the last features are single pixels"


class DFNetMethod(Method[DFNetRecipe]):
    """DFNet's training."""

    settings = DFNetRecipe

    def __init__(self, recipe: DFNetRecipe, device: torch.device, fresh: bool = True) -> None:
        super().__init__(recipe, device, fresh)
        self.judge = Judge(Path(recipe.vgg_weights)).to(device) if recipe.vgg_weights else None
        if self.judge is None:
            log.warning("The terms “perceptual” and “style” are left out: vgg_weights names no file.")

    @staticmethod
    def networks(recipe: DFNetRecipe) -> dict[str, nn.Module]:
        """The network alone."""
        return {"generator": DFNet(recipe.network)}

    def part(self, image: Tensor, beside: Tensor, moment: Moment) -> Terms:
        """The losses of the answers at all sizes."""
        with self.autocast():
            answers = cast(DFNet, self.net).pictures(image, beside)
            terms = losses(answers, image, beside, self.judge, self.recipe.losses)
        backward(terms, [], {}, {}, moment.parts)
        return terms
