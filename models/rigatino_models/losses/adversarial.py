"""Adversarial terms: non-saturating loss (Goodfellow et al. 2014), R1 (Mescheder et al. 2018), feature matching.

Logits are [N,1,h,w], one for each patch; holes [N,1,H,W] with 1 = hole.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def generator_loss(fake: Tensor) -> Tensor:
    """softplus(-D(fake)), the mean over all patches (LaMa, arXiv 2109.07161, section 2.2)."""
    return F.softplus(-fake.float()).mean()


def discriminator_loss(real: Tensor, fake: Tensor, hole: Tensor) -> Tensor:
    """softplus(-D(real)) + softplus(D(fake)) where the hole is, and softplus(-D(fake)) where it is not.

    LaMa's target (section 2.2): only what was made up is to be called fake. The hole is resized to the patches by its
    nearest pixel.
    """
    real, fake = real.float(), fake.float()
    made_up = F.interpolate(hole, fake.shape[-2:], mode="nearest")
    judged = made_up * F.softplus(fake) + (1 - made_up) * F.softplus(-fake)
    return F.softplus(-real).mean() + judged.mean()


def r1_penalty(real: Tensor, image: Tensor) -> Tensor:
    """Squared length of the gradient of D(real)'s sum by the real pictures [N,3,H,W], the mean over the batch.

    `image` must have required a gradient before the logits were made of it. Mescheder et al. (arXiv 1801.04406) put
    half of a gamma before it, LaMa a plain factor.
    """
    (gradient,) = torch.autograd.grad(real.float().sum(), image, create_graph=True)
    return gradient.float().square().flatten(1).sum(1).mean()


def feature_matching(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """The mean over D's layers of the mean squared difference of its features (pix2pixHD, arXiv 1711.11585, equation 4,
    with squares as in LaMa)."""
    terms = [F.mse_loss(a.float(), b.detach().float()) for a, b in zip(fake, real, strict=True)]
    return torch.stack(terms).mean()
