"""DFNet's losses (arXiv 1904.08060, section 3.3), weighted as its published code does.

Structure is asked for at all sizes, texture at the larger ones. Every loss is a scalar; pictures are [N,3,h,w] RGB in
[0,1], the full size first, holes [N,1,H,W] with 1 = hole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rigatino_models.dfnet.net import resized
from rigatino_models.layers.fused import Fused
from rigatino_models.losses.vgg import Vgg16

LAST_TAP = 14  # relu3_3
Features = list[Tensor]


@dataclass(frozen=True)
class Weights:
    """Of the terms; textures: at how many sizes those of texture are taken."""

    l1: float = 6.0
    perceptual: float = 0.1
    style: float = 240.0
    tv: float = 0.1
    textures: int = 3


class Judge(nn.Module):
    """VGG-16's three first pools, of pictures that are not brought to ImageNet's mean and deviation."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        net = Vgg16(weights)
        net.normalise = nn.Identity()
        self.net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, picture: Tensor) -> Features:
        """[N,3,h,w], sides at least 8 -> [N,64,h/2,w/2], [N,128,h/4,w/4], [N,256,h/8,w/8], float32."""
        return [F.max_pool2d(x, 2).float() for x in self.net(picture, LAST_TAP)]


def losses(
    answers: Sequence[Fused], truth: Tensor, hole: Tensor, judge: Judge | None, weights: Weights | None = None
) -> dict[str, Tensor]:
    """The weighted terms by name; their sum is what to go down on. Without a judge, perceptual and style are left out.

    answers: of DFNet.pictures.
    """
    weights = weights or Weights()
    pictures = [answer.picture.float() for answer in answers]
    targets = [resized(truth, (p.shape[-2], p.shape[-1])) for p in pictures]
    large = [*zip(pictures, targets, strict=True)][: weights.textures]
    terms = {
        "l1": weights.l1 * mean(F.l1_loss(p, t) for p, t in zip(pictures, targets, strict=True)),
        "tv": weights.tv * mean(variation(p, hole) for p, _ in large),
    }
    if judge is not None:
        seen = [(judge(p), _wanted(judge, t)) for p, t in large]
        terms["perceptual"] = weights.perceptual * mean(distance(*pair) for pair in seen)
        terms["style"] = weights.style * mean(distance(*map(grams, pair)) for pair in seen)
    return terms


def mean(terms: Iterable[Tensor]) -> Tensor:
    """Of several scalars."""
    return torch.stack(list(terms)).mean()


def distance(features: Features, wanted: Features) -> Tensor:
    """Sum over layers of the mean absolute difference."""
    return torch.stack([F.l1_loss(a, b) for a, b in zip(features, wanted, strict=True)]).sum()


def grams(features: Features) -> Features:
    """How the channels [N,C,h,w] of each layer go together: [N,C,C], by the number of values; in float32."""
    with torch.autocast(features[0].device.type, enabled=False):
        flat = [x.float().flatten(2) for x in features]
        return [x @ x.transpose(1, 2) / (x.shape[1] * x.shape[2]) for x in flat]


def variation(picture: Tensor, hole: Tensor) -> Tensor:
    """Mean over all pixels of |up + left - 2 here| in the hole.

    The published code takes this term on the true picture's known part, where it teaches nothing; meant is what the
    network makes up.
    """
    here = picture[..., 1:, 1:]
    steps = (picture[..., :-1, 1:] + picture[..., 1:, :-1] - 2 * here).abs()
    return (steps * resized(hole, (picture.shape[-2], picture.shape[-1]))[..., 1:, 1:]).mean()


@torch.no_grad()
def _wanted(judge: Judge, target: Tensor) -> Features:
    features: Features = judge(target)
    return features
