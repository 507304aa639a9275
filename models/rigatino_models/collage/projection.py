"""Manifold projection (arXiv 1811.10153, section 3.3): the latent whose picture comes nearest to a photograph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from rigatino_models.collage.layers import Tick, nothing
from rigatino_models.collage.losses import projection_loss
from rigatino_models.collage.net import Collage
from rigatino_models.layers.resize import average
from rigatino_models.spec import Step

STEPS = 200
RATE, CODE_RATE = 0.075, 0.015  # Adam's for the latent, and for the code of the auxiliary network
CONTENDERS = 5  # classes of which a projection's beginning is compared


@dataclass(frozen=True)
class Target:
    """A photograph [1,3,S,S] in [-1,1], and what the discriminator sees in it, if there is one."""

    picture: Tensor
    features: Tensor | None

    @classmethod
    @torch.no_grad()
    def of(cls, net: Collage, image: Tensor) -> Target:
        """image [1,3,S,S] RGB in [0,1], of the generator's size."""
        picture = 2 * image - 1
        return cls(picture, None if net.discriminator is None else net.discriminator.features(picture))


@dataclass(frozen=True)
class Projection:
    """The best latent [1,latent] that was met, and its loss."""

    z: Tensor
    loss: float


def project(
    net: Collage,
    image: Tensor,
    label: int,
    start: Tensor,
    steps: int = STEPS,
    on_step: Step | None = None,
) -> Projection:
    """Move `start` [1,latent] for so many steps towards image [1,3,S,S] RGB in [0,1] of a class.

    on_step(done, steps) is called several times in each step; it may raise to stop. Adam goes over the latent, or where
    there is an auxiliary network over its code.
    """
    target, labels = Target.of(net, image), torch.tensor([label], device=image.device)
    best = Projection(start, math.inf)
    with torch.enable_grad():
        moved = start.detach().clone() if net.auxiliary is None else net.auxiliary.widened(start).detach()
        moved.requires_grad_(True)
        adam = torch.optim.Adam([moved], RATE if net.auxiliary is None else CODE_RATE)
        for step in range(steps + 1):
            tick = nothing if on_step is None else partial(on_step, min(step, steps), max(steps, 1))
            z = moved if net.auxiliary is None else net.auxiliary.narrowed(moved)
            loss = _loss(net, z, labels, target, tick)
            if float(loss.detach()) < best.loss:
                best = Projection(z.detach().clone(), float(loss.detach()))
            if step < steps:
                (moved.grad,) = torch.autograd.grad(loss, moved)
                adam.step()
                tick()
    return best


def _loss(net: Collage, z: Tensor, labels: Tensor, target: Target, tick: Tick) -> Tensor:
    """How far the picture of z [1,latent] is from the target."""
    made = 2 * net.picture(z, net.uniform(labels), tick) - 1
    if net.discriminator is None or target.features is None:
        return projection_loss(made, target.picture, None)
    seen = net.discriminator.features(made, tick)
    return projection_loss(made, target.picture, (seen, target.features))


@torch.no_grad()
def beginning(net: Collage, image: Tensor, label: int, drawn: Tensor) -> Tensor:
    """Where a projection of image [1,3,S,S] RGB in [0,1] begins: the encoder's word, or what was drawn [1,latent]."""
    if net.encoder is None:
        return drawn
    side = net.config.encoder_side
    if side <= image.shape[-1]:
        small = average(image, (side, side))
    else:
        small = F.interpolate(image, (side, side), mode="bilinear", align_corners=False)
    found: Tensor = net.encoder(2 * small - 1, torch.tensor([label], device=image.device))
    return found


@torch.no_grad()
def likeliest(net: Collage, image: Tensor, tick: Tick = nothing) -> int | None:
    """The class of image [1,3,S,S] RGB in [0,1]; None without a discriminator.

    Of the classes that the discriminator finds most likely, the one whose first picture, after the encoder, is nearest.
    """
    if net.discriminator is None:
        return None
    target = Target.of(net, image)
    assert target.features is not None
    contenders = net.discriminator.scores(target.features)[0].topk(min(CONTENDERS, net.config.classes))
    labels = [int(label) for label in contenders.indices]
    if net.encoder is None:
        return labels[0]
    losses = []
    for label in labels:
        z = beginning(net, image, label, image.new_zeros(1, net.config.latent))
        losses.append(float(_loss(net, z, torch.tensor([label], device=image.device), target, tick)))
    return labels[losses.index(min(losses))]
