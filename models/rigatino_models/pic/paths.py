"""PIC's two training paths (arXiv 1903.04227, section 3.2): one reads the hidden part, the other guesses it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from rigatino_models.pic.net import Gaussian, Pic, gaussian, resized


@dataclass(frozen=True)
class Paths:
    """What both paths say of a batch. Pictures are [N,3,h,w] in [-1,1], smallest first, the last of full size.

    rebuilt: from a latent of the posterior, which has seen the hidden part; drawn: from one of the prior.
    """

    rebuilt: list[Tensor]
    drawn: list[Tensor]
    posterior: Gaussian
    prior: Gaussian


def two_paths(net: Pic, image: Tensor, hole: Tensor, eps: tuple[Tensor, Tensor]) -> Paths:
    """image [N,3,H,W] RGB in [0,1], hole [N,1,H,W] (1 = hidden); eps: the noise [N,latent,H/32,W/32] of both paths.

    Both answers are made with the features of what is known; only the latent differs. The network has a posterior.
    """
    seen = net.see(image, hole)
    hidden, _ = net.encoder.features((2 * image - 1) * hole, _nothing)
    posterior = gaussian(net.encoder.posterior(hidden))
    latents = [g.mean + g.std * e for g, e in zip((posterior, seen.prior), eps, strict=True)]
    rebuilt, drawn = (net.generator(z, seen, _nothing) for z in latents)
    return Paths(rebuilt, drawn, posterior, seen.prior)


def pyramid(picture: Tensor, scales: int) -> list[Tensor]:
    """The picture [N,C,H,W] at 1/2**(scales-1) .. 1/2 size and as it is, smallest first."""
    height, width = picture.shape[-2:]
    smaller = [resized(picture, (height >> k, width >> k)) for k in range(scales - 1, 0, -1)]
    return [*smaller, picture]


def _nothing() -> None:
    """No one follows training layer by layer."""
