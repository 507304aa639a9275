"""Feature refinement (Kulshreshtha et al. 2022, arXiv 2206.13644): a look at a large picture is made to agree with the
answer for a smaller one, which understood more of it.

What the encoder gives is changed by gradient descent until the answer, reduced, is the smaller one's in the hole and
the picture outside; the network's weights stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rigatino_models.inpainter import Inpainter
from rigatino_models.lama.fast import Encoded, FastLama
from rigatino_models.spec import Step
from rigatino_models.tiles import Look


@dataclass(frozen=True)
class Settings:
    """updates of the features by Adam at this rate; margin: pixels of the smaller picture's hole, from its rim, in
    which the smaller answer does not count."""

    updates: int = 14
    rate: float = 0.002
    margin: int = 7


PUBLISHED = Settings()


def refining(network: Inpainter) -> Look:
    """Looks of a LaMa in its fast form that go on from a smaller answer by refinement."""
    net = network.net
    assert isinstance(net, FastLama)

    def look(image: Tensor, hole: Tensor, coarse: Tensor, on_step: Step | None) -> Tensor:
        height, width = image.shape[-2:]
        padded = network.padded(image, hole, coarse)
        return refined(net, padded[0], padded[1], padded[2], on_step)[..., :height, :width]

    return look


def refined(
    net: FastLama,
    image: Tensor,
    hole: Tensor,
    answer: Tensor,
    on_step: Step | None = None,
    settings: Settings = PUBLISHED,
) -> Tensor:
    """image [1,3,H,W] in [0,1], hole [1,1,H,W] (1 = fill), an answer [1,3,H,W] that is right when reduced to half.

    H and W are multiples of what the network takes. Returns raw RGB [1,3,H,W], float32. on_step(done, total) follows
    the updates and may raise to stop.
    """
    with torch.inference_mode(False), torch.no_grad():
        image, hole, answer = image.clone(), hole.clone(), answer.clone()  # tensors that gradients may see
        encoded = net.encode(image, hole, None, answer)
        wrong = difference(image, hole, answer, settings.margin)
    with torch.inference_mode(False), torch.enable_grad():
        features = encoded.features.float().clone().requires_grad_()
        adam = torch.optim.Adam([features], settings.rate)
        for done in range(settings.updates):
            adam.zero_grad()
            wrong(_decoded(net, encoded, features)).backward()  # type: ignore[no-untyped-call]
            adam.step()
            if on_step is not None:
                on_step(done + 1, settings.updates + 1)
    with torch.no_grad():
        return _decoded(net, encoded, features.detach())


def _decoded(net: FastLama, encoded: Encoded, features: Tensor) -> Tensor:
    return net.decode(encoded._replace(features=features.to(encoded.features.dtype)))


def difference(image: Tensor, hole: Tensor, answer: Tensor, margin: int) -> Callable[[Tensor], Tensor]:
    """The loss of raw answers: how far from the picture where that is known, and reduced, from the smaller answer."""
    known = 1 - hole
    inside = _eroded(F.avg_pool2d(hole, 2, ceil_mode=True) > 1 - 1e-6, margin)
    wanted = half(answer)

    def loss(raw: Tensor) -> Tensor:
        outside = ((raw - image).abs() * known).sum() / (3 * known.sum()).clamp_min(1)
        within = ((half(raw) - wanted).abs() * inside).sum() / (3 * inside.sum()).clamp_min(1)
        return outside + within

    return loss


def half(x: Tensor) -> Tensor:
    """Half the size, after a Gaussian of one pixel in a window of five."""
    reach = torch.arange(-2, 3, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-reach.square() / 2)
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, -1)
    padded = F.pad(x, (2, 2, 2, 2), mode="reflect")
    across = F.conv2d(padded, kernel[:, :, None], groups=x.shape[1])
    smooth = F.conv2d(across, kernel[:, :, :, None], groups=x.shape[1])
    return F.avg_pool2d(smooth, 2, ceil_mode=True)  # what bilinear halving comes to


def _eroded(inside: Tensor, margin: int) -> Tensor:
    """inside [1,1,h,w] without the `margin` pixels along its edge, by squares; the picture's edge is no such edge."""
    side = 2 * margin + 1
    return 1 - F.max_pool2d(1 - inside.float(), side, stride=1, padding=margin)
