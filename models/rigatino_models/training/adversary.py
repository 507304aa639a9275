"""The discriminator's side of a run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rigatino_models.lama.discriminator import Discriminator
from rigatino_models.losses import adversarial
from rigatino_models.training.recipe import Adversary, Optimiser


class Game:
    """A discriminator, its optimiser, and the terms of both players.

    Both are judged by the discriminator as it stands before the step, so that one look at each picture serves both.
    """

    def __init__(self, settings: Adversary, optimiser: Optimiser, device: torch.device) -> None:
        self.settings = settings
        net = Discriminator(settings.width, settings.layers)
        self.net: nn.Module = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), settings.rate, betas=optimiser.betas, weight_decay=0, fused=True
        )

    def begins(self, samples: int) -> bool:
        """Whether the game is on after so many samples."""
        return samples >= self.settings.start

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

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed game needs."""
        return {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
