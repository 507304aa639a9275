"""PIC on arrays: image, hole, eps -> raw, out, mu, sigma, and score where there is a critic."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from rigatino.arrays import Arrays, Floats
from rigatino.bare.common import Options, answer, array, picture
from rigatino.pool import TYPES
from rigatino_models.convert import Weights
from rigatino_models.inpainter import composite
from rigatino_models.pic.net import LATENT_SIDE, Pic, Seen
from rigatino_models.spec import NetworkSpec


def run(weights: Weights, spec: NetworkSpec, arrays: Arrays, options: Options) -> dict[str, Floats]:
    """Pictures of the native size. eps [K,latent,8,8] asks for K answers to one picture, or for one to each of K;
    most_likely=true, or no eps, for the one at the prior's mean. fast=true takes the form that the service uses.

    Raises Failure.
    """
    image, hole = picture(arrays, spec.native)
    most_likely, quick = options.flag("most_likely"), options.flag("fast")
    options.done(spec.title)
    asked = "eps" in arrays.values and not most_likely
    eps = _eps(arrays, len(image), weights.config["latent"]) if asked else None
    net = cast(Pic, weights.fast(TYPES[options.precision]) if quick else weights.network())
    half = options.precision == "bf16" and not quick
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
        seen = net.see(image, hole)
        raw = _drawn(net, seen, eps)
        score = net.score(composite(image, hole, raw))
    found = {"mu": array(seen.prior.mean), "sigma": array(seen.prior.std)}
    if score is not None:
        found["score"] = array(score)
    return answer(image, hole, raw) | found


def _eps(arrays: Arrays, pictures: int, channels: int) -> Tensor:
    """[K,latent,8,8]; K is any number for one picture, else that of the pictures. Raises Failure arrays_wrong."""
    number = "K" if pictures == 1 else pictures
    return torch.from_numpy(arrays.floats("eps", number, channels, LATENT_SIDE, LATENT_SIDE))


def _drawn(net: Pic, seen: Seen, eps: Tensor | None) -> Tensor:
    """The answers [K,3,H,W]; those to one picture one after another, to spare memory."""
    if eps is None or len(seen.deep) > 1:
        return net.draw(seen, eps)
    return torch.cat([net.draw(seen, one) for one in torch.split(eps, 1)])
