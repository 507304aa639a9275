"""CoModGAN's losses: logistic on whole pictures, R1 every few steps; the generator's is `adversarial`'s own."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from rigatino_models.losses.adversarial import r1_penalty

GAMMA, EVERY = 10.0, 16  # weight of R1; it is taken each so many steps


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(-D(real)) + softplus(D(fake)), scores [N,1], the mean over the batch (Goodfellow et al. 2014)."""
    return F.softplus(-real.float()).mean() + F.softplus(fake.float()).mean()


def lazy_r1(real: Tensor, image: Tensor, gamma: float = GAMMA, every: int = EVERY) -> Tensor:
    """gamma / 2 times R1, times `every` for the steps that go without (StyleGAN2, arXiv 1912.04958, appendix B).

    `image` must have required a gradient before the scores of it were made.
    """
    return r1_penalty(real, image) * (gamma / 2 * every)
