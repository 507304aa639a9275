"""`rigatino evaluate` on the ten shipped photographs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from click.testing import Result
from command_line import rigatino
from safetensors.torch import save_file
from torch import nn

from rigatino_models.losses.squeezenet import FIRES, Fire
from rigatino_models.metrics.inception import Inception
from rigatino_models.metrics.lpips import ALEX

PHOTOS = Path(__file__).parents[1] / "photos"
DOCS = Path(__file__).parents[2] / "docs"


def evaluate(out: Path, *words: object) -> Result:
    return rigatino("evaluate", "--images", PHOTOS, "--side", 128, "--out", out, *words)


def report(out: Path, *words: object) -> dict[str, Any]:
    done = evaluate(out, *words, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    assert found == json.loads((out / "results.json").read_text())
    return found


def judges(folder: Path) -> list[object]:
    """Options that name weights, drawn at random, for every network that judges; files in the folder."""
    torch.manual_seed(0)
    layers: dict[str, nn.Module] = {"0": nn.Conv2d(3, 96, 7, stride=2)}
    layers |= {str(i): Fire(*shape) for i, shape in FIRES.items()}
    squeezenet = {f"features.{k}": v for k, v in nn.ModuleDict(layers).state_dict().items()}
    alexnet = {}
    for part, convolutions in enumerate(ALEX):
        for index, (inputs, outputs, kernel, *_) in convolutions.items():
            alexnet[f"net.slice{part + 1}.{index}.weight"] = torch.randn(outputs, inputs, kernel, kernel)
            alexnet[f"net.slice{part + 1}.{index}.bias"] = torch.zeros(outputs)
            alexnet[f"lin{part}.model.1.weight"] = torch.full((1, outputs, 1, 1), 0.1)
    states = {"perceptual": squeezenet, "lpips": alexnet, "inception": Inception().state_dict()}
    for name, state in states.items():
        save_file(state, folder / f"{name}.safetensors")
    return [word for name in states for word in (f"--{name}", folder / f"{name}.safetensors")]
