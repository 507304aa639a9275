"""Small random networks as files that can be imported."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rigatino_models.collage.net import Collage, CollageConfig
from rigatino_models.comodgan.net import CoModGAN, CoModGANConfig
from rigatino_models.convert import Weights, save
from rigatino_models.dfnet.net import DFNet, DFNetConfig
from rigatino_models.gfc.net import Gfc, GfcConfig
from rigatino_models.pic.net import Pic, PicConfig


def pic(path: Path, critic: bool = True) -> Path:
    """A PIC of 256 pixels, by default with a critic that scores its answers."""
    widths = (4, 8, 8, 8, 8)
    config = PicConfig(widths, latent=6, inference=1, posterior=False, critic=widths if critic else ())
    torch.manual_seed(5)
    return _saved("pic", Pic(config), config, path)


def comodgan(path: Path, critic: bool = False) -> Path:
    """A CoModGAN of 64 pixels, by default without a critic."""
    config = CoModGANConfig(widths=(12, 12, 8, 6, 6), mapping=(32, 32, 32), global_width=24, critic=critic)
    torch.manual_seed(6)
    return _saved("comodgan", CoModGAN(config), config, path)


def dfnet(path: Path) -> Path:
    """A DFNet whose alpha is not the same on light and on dark."""
    config = DFNetConfig((4, 6, 6, 6, 6, 6, 6, 6), scales=1, blend=6)
    torch.manual_seed(1)
    net = DFNet(config)
    for layer in net.fusion[0].mix:  # type: ignore[union-attr]
        nn.init.normal_(layer.weight, std=3 / layer.weight[0].numel() ** 0.5)
    return _saved("dfnet", net, config, path)


def gfc(path: Path) -> Path:
    """A GFC whose answers have contrast."""
    config = GfcConfig((4, 4, 6, 6), (4, 4, 4, 4), 16)
    torch.manual_seed(8)
    net = Gfc(config)
    with torch.no_grad():
        for name, value in net.named_parameters():
            if name.endswith("weight"):
                nn.init.kaiming_normal_(value)
    return _saved("gfc", net, config, path)


def collage(path: Path, **changes: Any) -> Path:
    """A collage of 32 pixels that tells five classes apart."""
    config = replace(CollageConfig(5, 6, (8, 8, 6, 4), (4, 8, 8), encoder=(4, 8)), **changes)
    torch.manual_seed(4)
    net = Collage(config)
    with torch.no_grad():
        for name, value in net.named_parameters():
            if name.endswith(("gamma", "beta")):
                value.add_(0.5 * torch.randn(value.shape))
    return _saved("collage", net, config, path)


def _saved(system: str, net: nn.Module, config: object, path: Path) -> Path:
    facts = json.loads(json.dumps(asdict(config)))  # type: ignore[call-overload]
    save(Weights(system, facts, net.state_dict(), "random"), path)
    return path
