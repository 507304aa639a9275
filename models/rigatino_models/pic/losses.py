"""PIC's losses (arXiv 1903.04227, section 3.3), weighted as its published code does.

Every loss is a scalar. Pictures are [N,3,h,w] in [-1,1], holes [N,1,H,W] with 1 = hidden, verdicts what a critic says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rigatino_models.pic.net import Gaussian
from rigatino_models.pic.paths import Paths, pyramid

TURN, STEEPNESS = (
    0.8,
    8.0,
)  # where the prior's spread is a half, as a share of known pixels, and how fast it changes


@dataclass(frozen=True)
class Weights:
    """Of the terms. The KL's is taken once for each scale, as the original does."""

    reconstruction: float = 20.0
    kl: float = 20.0
    adversarial: float = 1.0


@dataclass(frozen=True)
class Verdicts:
    """One critic's of the drawn pictures; the other's of the rebuilt ones and of the truth."""

    drawn: Tensor
    rebuilt: Tensor
    truth: Tensor


def generator_losses(
    paths: Paths, truth: Tensor, hole: Tensor, verdicts: Verdicts, weights: Weights | None = None
) -> dict[str, Tensor]:
    """The weighted terms for encoder and generator, by name; their sum is what to go down on."""
    weights = weights or Weights()
    scales = len(paths.drawn)
    kl = weights.kl * scales
    return {
        "kl_posterior": kl * divergence(expected(hole, paths.posterior), paths.posterior),
        "kl_prior": kl * divergence(detached(paths.posterior), paths.prior),
        "rebuilt": weights.reconstruction * reconstruction(paths.rebuilt, truth),
        "drawn": weights.reconstruction * reconstruction(paths.drawn, truth, 1 - hole),
        "adversarial_rebuilt": weights.adversarial * F.mse_loss(verdicts.rebuilt, verdicts.truth),
        "adversarial_drawn": weights.adversarial * (verdicts.drawn - 1).square().mean(),
    }


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Least squares (Mao et al., arXiv 1611.04076): real is to be 1, fake 0; half of the sum."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def reconstruction(pictures: Sequence[Tensor], truth: Tensor, where: Tensor | None = None) -> Tensor:
    """L1 to the truth [N,3,H,W] at each scale, added up; `where` [N,1,H,W] leaves out pixels, not their share of the
    mean."""
    terms = []
    masks = pyramid(torch.ones_like(truth[:, :1]) if where is None else where, len(pictures))
    for picture, target, mask in zip(pictures, pyramid(truth, len(pictures)), masks, strict=True):
        terms.append(((picture - target) * mask).abs().mean())
    return torch.stack(terms).sum()


def divergence(p: Gaussian, q: Gaussian) -> Tensor:
    """KL(p || q), the mean over all components."""
    ratio = (p.std / q.std).square()
    return ((ratio + ((p.mean - q.mean) / q.std).square() - 1 - ratio.log()) / 2).mean()


def expected(hole: Tensor, like: Gaussian) -> Gaussian:
    """What a posterior should be: centred, and the narrower the less is hidden (section 3.2)."""
    known = (1 - hole).mean((1, 2, 3), keepdim=True) - 1e-5
    std = torch.sigmoid(STEEPNESS * (TURN - known))
    return Gaussian(torch.zeros_like(like.mean), std.expand_as(like.std))


def detached(gaussian: Gaussian) -> Gaussian:
    """The same, for a loss that is not to move it."""
    return Gaussian(gaussian.mean.detach(), gaussian.std.detach())
