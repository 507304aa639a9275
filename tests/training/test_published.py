"""The numbers of the published recipes and holes, written down from the papers, their configurations and their code."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch

from rigatino_models.comodgan.net import CoModGAN
from rigatino_models.data import masks
from rigatino_models.data.masks import comodgan, lama
from rigatino_models.training.methods.comodgan import CoModGANMethod
from rigatino_models.training.methods.lama import LamaMethod
from rigatino_models.training.recipe import as_table, find, read, shipped

# LaMa (arXiv 2109.07161) and its configurations: what all three have, then what each has for itself.
LAMA: dict[str, Any] = {
    "system": "lama",
    "looks": (1.0,),
    "network": {
        "widths": (64, 128, 256, 512),
        "enable_lfu": False,
        "gated_skips": False,
        "prefill": False,
    },
    "data": {
        "side": 256,
        "scales": (358, 666),  # a square of 256 of pictures of 512, enlarged by 0.7 to 1.3
        "masks": {"lama-train-large": 1.0},
        "weights": {},
        "augment": {
            "mirror": True,
            "gamma": (1.0, 1.0),
            "saturation": 0.12,  # 30 of 255
            "contrast": 0.2,
            "brightness": 0.2,
            "hue": 10.0,  # 5 of OpenCV's 180 steps
            "rotation": 40.0,
            "shear": 0.1,
            "perspective": 0.06,
            "lens": 0.05,
            "equalise": 4.0,
        },
    },
    "optimiser": {
        "rate": 1e-3,
        "last_rate": 1e-3,
        "warmup": 0,
        "fall_every": 0,
        "weight_decay": 0.0,
        "betas": (0.9, 0.999),
        "clip": 1.0,
        "ema": 0.0,
        "half_life": 0.0,
        "precise_norm": 0,
        "precision": "fp32",
    },
    "losses": {
        "known": 10.0,
        "missing": 0.0,
        "high_receptive_field": 30.0,
        "border": 0.0,
        "rim": 0.0,
        "reduced": 0.0,
        "perceptual": 0.0,
        "vgg": 0.0,
    },
    "adversary": {
        "weight": 10.0,
        "feature_matching": 100.0,
        "r1": 0.001,
        "r1_every": 1,
        "start": 0,
        "shown": "raw",
        "width": 64,
        "layers": 4,
        "rate": 1e-4,
    },
}
EACH: dict[str, dict[str, Any]] = {
    "big-lama": {
        "network": {"blocks": 18, "global_width": 384},
        "optimiser": {"batch": 120, "samples": 120_000_000},
    },
    "lama-fourier": {
        "network": {"blocks": 9, "global_width": 384},
        "optimiser": {"batch": 30, "samples": 30_000_000},
    },
    "lama-regular": {
        "network": {"blocks": 9, "global_width": 0},
        "optimiser": {"batch": 30, "samples": 30_000_000},
    },
}

# CoModGAN (arXiv 2103.10428) and its code: what all three have, then what each has for itself.
COMODGAN: dict[str, Any] = {
    "system": "comodgan",
    "network": {"mapping": (512,) * 9, "global_width": 1024, "average": True},
    "optimiser": {
        "batch": 32,
        "rate": 2e-3,
        "last_rate": 2e-3,
        "warmup": 0,
        "fall_every": 0,
        "weight_decay": 0.0,
        "betas": (0.0, 0.99),
        "clip": 0.0,
        "half_life": 10_000.0,
        "precision": "fp32",
    },
    "adversary": {"r1": 10.0, "r1_every": 16},
    "styles": {"psi": 0.5, "decay": 0.995, "mixing": 0.5},
}
STILL = {
    "gamma": (1.0, 1.0), "saturation": 0.0, "contrast": 0.0, "brightness": 0.0, "hue": 0.0,
    "rotation": 0.0, "shear": 0.0, "perspective": 0.0, "lens": 0.0, "equalise": 0.0,
}  # fmt: skip
CHANNELS = (512, 512, 512, 512, 512, 256, 128, 64)  # at 4, 8, ... 512 pixels
OF_512 = {"side": 512, "scales": (512, 512), "masks": {"comodgan": 1.0}}
EACH |= {
    "comodgan-ffhq": {
        "network": {"widths": CHANNELS, "image_to_image": False},
        "data": {**OF_512, "augment": STILL | {"mirror": True}},
        "optimiser": {"samples": 25_000_000},
    },
    "comodgan-places": {
        "network": {"widths": CHANNELS, "image_to_image": False},
        "data": {**OF_512, "augment": STILL | {"mirror": False}},
        "optimiser": {"samples": 50_000_000},
    },
    "comodgan-edges": {
        "network": {"widths": (512, 512, 512, 512, 512, 256, 128), "image_to_image": True},
        "data": {"side": 256, "scales": (256, 256), "augment": STILL | {"mirror": True}},
        "optimiser": {"samples": 25_000_000},
    },
}


def leaves(table: dict[str, Any], where: str = "") -> dict[str, Any]:
    """Dotted name -> value."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        inner = isinstance(value, dict) and bool(value)
        found |= leaves(value, f"{where}{key}.") if inner else {f"{where}{key}": value}
    return found


@pytest.mark.parametrize("name", EACH)
def test_a_published_recipe_has_the_published_numbers(name: str) -> None:
    found = leaves(as_table(read(find(name))))
    common = COMODGAN if name.startswith("comodgan") else LAMA
    expected = leaves(common) | leaves(EACH[name])
    assert {key: found[key] for key in expected} == expected
    masks_named = {key for key in expected if key.startswith("data.masks.")}
    assert not masks_named or {key for key in found if key.startswith("data.masks.")} == masks_named


def test_every_recipe_of_these_systems_is_compared() -> None:
    ours = {"lama-small"}
    names = {name for name in shipped() if name.startswith(("lama", "big-lama", "comodgan"))}
    assert names - ours == set(EACH)


def test_published_rates_stay_and_the_discriminators_are_their_own() -> None:
    cpu = torch.device("cpu")
    small = ["network.widths=[4,8]", "network.blocks=1", "network.global_width=4", "adversary.width=2"]
    players = LamaMethod(read(find("big-lama"), small), cpu).players  # type: ignore[arg-type]
    rates = {name: {player.rate(step) for step in (0, 1000, 999_999)} for name, player in players.items()}
    assert rates == {"generator": {1e-3}, "discriminator": {1e-4}}
    for player in players.values():
        assert player.optimiser.defaults["betas"] == (0.9, 0.999)
        assert player.optimiser.defaults["weight_decay"] == 0  # AdamW without decay is Adam
        assert player.clip == 1

    small = ["data.side=16", "network.widths=[8,8,8]", "network.mapping=[8,8]", "network.global_width=8"]
    method = CoModGANMethod(read(find("comodgan-ffhq"), small), cpu)  # type: ignore[arg-type]
    assert isinstance(method.net, CoModGAN)
    for name, share in (("generator", 4 / 5), ("discriminator", 16 / 17)):
        player = method.players[name]
        assert player.rate(0) == player.rate(700_000) == 2e-3
        assert player.optimiser.param_groups[0]["share"] == pytest.approx(share)
        assert player.optimiser.defaults["betas"] == pytest.approx((0.0, 0.99**share))
        assert player.optimiser.defaults["eps"] == 1e-8
    assert method.average.decay == pytest.approx(0.5 ** (32 / 10_000))


# Of LaMa's configurations: share, length, width, chains at most ...; of the boxes: share, margin, sizes, how many.
HOLES: dict[str, tuple[int, tuple[int, int, int, int], tuple[float, int, int, int, int, int] | None]] = {
    "TRAIN_LARGE": (256, (200, 100, 1, 5), (1.0, 10, 30, 150, 1, 4)),
    "TRAIN_SMALL": (256, (80, 40, 4, 12), (1.0, 0, 30, 128, 1, 1)),
    "NARROW_256": (256, (40, 10, 4, 50), None),
    "MEDIUM_256": (256, (100, 50, 4, 5), (0.3, 0, 10, 50, 1, 5)),
    "WIDE_256": (256, (200, 100, 1, 5), (0.3, 10, 30, 150, 1, 3)),
    "NARROW_512": (512, (100, 20, 4, 70), None),
    "MEDIUM_512": (512, (200, 100, 4, 10), (0.3, 0, 30, 150, 1, 5)),
    "WIDE_512": (512, (450, 250, 1, 5), (0.3, 10, 30, 300, 1, 4)),
}


@pytest.mark.parametrize("name", HOLES)
def test_lama_s_holes_have_the_published_numbers(name: str) -> None:
    side, (length, width, least, most), boxes = HOLES[name]
    made: lama.Mixed = getattr(lama, name)
    (share, strokes), *others = made.families
    assert (share, made.invert) == (1.0, 0.0)
    assert isinstance(strokes, lama.Irregular)
    assert asdict(strokes) == {
        "length": length, "width": width, "times": (least, most), "nominal": side, "angles": 4,
    }  # fmt: skip
    if boxes is None:
        assert not others
        return
    ((share, box),) = others
    assert isinstance(box, lama.Boxes)
    assert (share, asdict(box)) == (
        boxes[0],
        {"margin": boxes[1], "size": boxes[2:4], "times": boxes[4:6], "nominal": side},
    )


def test_the_names_of_lama_s_holes_stand_for_them() -> None:
    for name in HOLES:
        word = f"lama-{name.lower().replace('_', '-')}"
        made = getattr(lama, name)
        drawn = masks.find(word)(np.random.default_rng(4), 128)
        rng = np.random.default_rng(4)
        tries = [made(rng, 128) for _ in range(40)]
        assert any((hole == drawn).all() for hole in tries), name


@pytest.mark.parametrize(
    ("name", "small", "large", "strokes", "low", "high"),
    [
        ("comodgan", 10, 5, 20, 0.0, 1.0),
        ("comodgan-h0", 10, 5, 20, 0.0, 0.2),
        ("comodgan-h1", 10, 5, 20, 0.2, 0.4),
        ("comodgan-h2", 10, 5, 20, 0.4, 0.6),
        ("comodgan-h3", 10, 5, 20, 0.6, 0.8),
        ("comodgan-h4", 10, 5, 20, 0.8, 1.0),
        ("mat-large", 5, 3, 9, 0.0, 1.0),
        ("mat-small", 3, 2, 4, 0.0, 1.0),
    ],
)
def test_comodgan_s_and_mat_s_holes_have_the_published_counts(
    name: str, small: int, large: int, strokes: int, low: float, high: float
) -> None:
    share = (low, high) if name.startswith("comodgan") else (0.0, 1.0)
    made = comodgan.Free(small=small, large=large, strokes=strokes, share=share)
    assert asdict(comodgan.Free()) == {"small": 10, "large": 5, "strokes": 20, "share": (0.0, 1.0)}
    expected = masks.within(made, low, high)
    for seed in range(3):
        drawn, wanted = (make(np.random.default_rng(seed), 96) for make in (masks.find(name), expected))
        assert (drawn == wanted).all()


def test_comodgan_s_brush_has_the_published_numbers() -> None:
    assert comodgan.BRUSH == (12, 48)  # pixels, at every size of the picture
    assert comodgan.VERTICES == (4, 18)
    turn = (comodgan.TURN, comodgan.SPREAD)
    assert turn == pytest.approx((2 * math.pi / 5, 2 * math.pi / 15))
