"""A recipe of every system that trains in seconds, and shipped photographs to train it on."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from rigatino_models.collage.net import CollageConfig
from rigatino_models.comodgan.net import CoModGANConfig
from rigatino_models.data.crops import PLAIN
from rigatino_models.data.photos import Photos, load
from rigatino_models.dfnet.net import DFNetConfig
from rigatino_models.gfc.losses import Weights as FaceWeights
from rigatino_models.gfc.net import GfcConfig
from rigatino_models.pic.net import PicConfig
from rigatino_models.training.methods.collage import CollageRecipe
from rigatino_models.training.methods.comodgan import CoModGANRecipe
from rigatino_models.training.methods.dfnet import DFNetRecipe
from rigatino_models.training.methods.gfc import Critics, GfcRecipe
from rigatino_models.training.methods.pic import PicRecipe
from rigatino_models.training.settings import Data, Log, Optimiser, Recipe

PHOTOS = Path(__file__).parents[1] / "photos"
HELD = ("cat*", "pier*")
SMALL = CoModGANConfig(widths=(12, 12, 8, 8), mapping=(16, 16, 16), global_width=16)


def data(side: int, masks: str) -> Data:
    return Data(
        side=side, scales=(side, side), held=HELD, masks={masks: 1.0}, augment=PLAIN, workers=0, bank=16
    )


def optimiser(steps: int, batch: int, rate: float, betas: tuple[float, float]) -> Optimiser:
    return Optimiser(
        samples=steps * batch,
        batch=batch,
        rate=rate,
        last_rate=rate,
        warmup=0,
        weight_decay=0,
        betas=betas,
        clip=0,
        ema=0.8,
        precision="fp32",
    )


RECIPES: dict[str, Recipe] = {
    "comodgan": CoModGANRecipe(
        name="tiny",
        network=SMALL,
        data=data(32, "boxes"),
        optimiser=optimiser(110, 8, 4e-3, (0.0, 0.99)),
        log=Log(line=1, sheet=1000),
    ),
    "comodgan image to image": CoModGANRecipe(
        name="tiny",
        network=CoModGANConfig(
            widths=SMALL.widths, mapping=SMALL.mapping, global_width=16, image_to_image=True
        ),
        data=data(32, "boxes"),
        optimiser=optimiser(40, 8, 4e-3, (0.0, 0.99)),
        log=Log(line=1, sheet=1000),
    ),
    "pic": PicRecipe(
        name="tiny",
        network=PicConfig((4, 8, 8, 8, 8), latent=4, inference=1, critic=(4, 8, 8, 8, 8)),
        data=data(96, "pic-centre"),
        optimiser=optimiser(60, 4, 1e-2, (0.0, 0.999)),
        log=Log(line=1, sheet=1000),
    ),
    "gfc": GfcRecipe(
        name="tiny",
        network=GfcConfig((4, 8, 8, 8), (8, 8, 8, 8), 32),
        critics=Critics((4, 8, 8, 8), (4, 4, 8, 8, 8), local_start=80, overall_start=100, rate=1e-3),
        losses=FaceWeights(local=30, overall=30),
        data=data(128, "gfc"),
        optimiser=optimiser(60, 2, 1e-3, (0.9, 0.999)),
        log=Log(line=1, sheet=1000),
    ),
    "collage": CollageRecipe(
        name="tiny",
        network=CollageConfig(
            classes=2, latent=8, generator=(16, 16, 8, 8), discriminator=(8, 16, 16), encoder=(8, 8, 8)
        ),
        every=2,
        data=data(32, "boxes"),
        optimiser=optimiser(80, 8, 4e-3, (0.0, 0.9)),
        log=Log(line=1, sheet=1000),
    ),
    "dfnet": DFNetRecipe(
        name="tiny",
        network=DFNetConfig((4, 8, 8, 8, 8, 8, 8, 8), blend=4),
        data=data(256, "wide"),
        optimiser=optimiser(30, 2, 1e-2, (0.9, 0.999)),
        log=Log(line=1, sheet=1000),
    ),
}


@cache
def photos(beside: str = "hole") -> Photos:
    """Shipped photographs, reduced to 256 pixels; for pairs, with their blurred grey as the condition."""
    found = load([PHOTOS], 256)
    if beside == "class":
        classes = [i % 2 for i in range(len(found.names))]
        return Photos(found.names, found.pixels, classes, ("even", "odd"))
    if beside != "condition":
        return found
    pixels = [np.concatenate((photo, _vague(photo)), 2) for photo in found.pixels]
    return Photos(found.names, pixels, found.classes)


def _vague(photo: np.ndarray) -> np.ndarray:
    grey = Image.fromarray(photo).convert("L")
    return np.array(grey.reduce(8).resize(grey.size).convert("RGB"))
