"""LaMa's game between generator and discriminator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from rigatino_models.losses import adversarial


@dataclass(frozen=True)
class Adversary:
    """The discriminator and its game; there is none where both `weight` and `feature_matching` are 0.

    start: samples before it begins; shown: what it sees of the generator, the composite or the raw answer.
    r1: factor of the penalty, which is taken every `r1_every` steps (times as much then).
    """

    weight: float = 0.0
    feature_matching: float = 0.0
    r1: float = 0.001
    r1_every: int = 1
    start: int = 0
    shown: Literal["composite", "raw"] = "composite"
    width: int = 64
    layers: int = 4
    rate: float = 1e-4

    @property
    def plays(self) -> bool:
        """Whether there is a discriminator at all."""
        return bool(self.weight or self.feature_matching)


class Game:
    """The terms of both players, judged by the discriminator as it stands before the step."""

    def __init__(self, settings: Adversary, net: nn.Module) -> None:
        self.settings, self.net = settings, net

    def play(
        self, shown: Tensor, image: Tensor, hole: Tensor, step: int
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """(the generator's weighted terms, the discriminator's) for `shown` [N,3,H,W], a leaf that requires a gradient.

        The real pictures' features serve as constants.
        """
        penalised = bool(self.settings.r1) and step % self.settings.r1_every == 0
        real_logits, real_features, penalty = self._real(image, penalised)
        fake_logits, fake_features = self.net(shown)
        mine = {"adversarial": self.settings.weight * adversarial.generator_loss(fake_logits)}
        if self.settings.feature_matching:
            matching = adversarial.feature_matching(fake_features, real_features)
            mine["feature_matching"] = self.settings.feature_matching * matching
        theirs = {"discriminator": adversarial.discriminator_loss(real_logits, fake_logits, hole)}
        if penalty is not None:
            theirs["r1"] = self.settings.r1 * self.settings.r1_every * penalty
        return mine, theirs

    def _real(self, image: Tensor, penalised: bool) -> tuple[Tensor, list[Tensor], Tensor | None]:
        """Logits and features of real pictures, and R1 if it is due; with it all is in float32."""
        if not penalised:
            return *self.net(image), None
        with torch.autocast(image.device.type, enabled=False):
            watched = image.detach().requires_grad_()
            logits, features = self.net(watched)
            return logits, features, adversarial.r1_penalty(logits, watched)
