"""What the collage's networks are trained with: SNGAN's hinge loss, and the encoder's likeness of features.

Every loss is a scalar. Scores are [N,1], features [N,...] of the discriminator, pictures [N,3,H,W] in [-1,1].
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.collage.discriminator import Discriminator
from rigatino_models.layers.spectral import normalise

PIXELS = 0.2  # what the pixels weigh beside the features in a projection


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Real is to score above 1, fake below -1 (Miyato and Koyama, arXiv 1802.05637, section 4)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """Fake is to score high."""
    return -fake.mean()


def likeness(made: Tensor, wanted: Tensor) -> Tensor:
    """The cosine between two pictures' features, the mean over the batch."""
    return F.cosine_similarity(made.flatten(1), wanted.flatten(1), eps=1e-8).mean()


def encoder_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """What is made of the encoder's latents is to look like the pictures (arXiv 1811.10153, section 3.3)."""
    return -likeness(made, wanted)


def projection_loss(
    made: Tensor, wanted: Tensor, features: tuple[Tensor, Tensor] | None, pixels: float = PIXELS
) -> Tensor:
    """Pictures, and the features of both if there is a discriminator: both are to agree."""
    apart = F.mse_loss(made, wanted)
    return apart if features is None else pixels * apart - likeness(*features)


def normalised(net: Discriminator) -> Discriminator:
    """The discriminator itself with spectral normalisation in every layer; `at_rest` gives its weights without."""
    for part in list(net.modules()):
        if isinstance(part, nn.Conv2d | nn.Linear):
            normalise(part)
    return net
