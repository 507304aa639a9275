"""Several processes train as one does, and stop as one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rigatino_models.training.parallel import Group, Statistics

pytestmark = pytest.mark.timeout(1200)  # each test starts several interpreters, perhaps on one busy core
TINY = [
    "network.widths=[8,16,32]", "network.blocks=1", "network.global_width=16",
    "data.side=32", "data.scales=[40,48]", "data.workers=0", "data.held=[]",
    "optimiser.batch=4", "optimiser.warmup=0", "optimiser.precise_norm=2",
    "adversary.weight=0.1", "adversary.feature_matching=1", "adversary.width=4", "adversary.layers=2",
    "adversary.start=4", "adversary.r1_every=2",
]  # fmt: skip
# Normalised by batch and by spectrum, and its generator rests every other step.
COLLAGE = [
    "network.classes=2", "network.latent=8", "network.generator=[16,16,8,8]", "network.discriminator=[8,16,16]",
    "every=2", "data.side=32", "data.scales=[40,48]", "data.workers=0", "optimiser.batch=4",
]  # fmt: skip
SETTINGS = {"lama-small": TINY, "collage": COLLAGE}
TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def command(recipe: str, launcher: list[str], photos: Path, out: Path, *changes: str) -> list[str]:
    words = [sys.executable, *launcher, "-m", "rigatino", "train", recipe]
    words += ["--data", str(photos), "--out", str(out)]
    return words + [word for change in (*SETTINGS[recipe], *changes) for word in ("--set", change)]


def run(*words: Any) -> None:
    done = subprocess.run(command(*words), capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, done.stderr


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def leaves(state: Any, where: str = "") -> dict[str, Any]:
    """Path -> value of everything in a checkpoint that a later step depends on."""
    if isinstance(state, dict):
        items = state.items()
    elif isinstance(state, list | tuple):
        items = dict(enumerate(state)).items()
    else:
        return {where: state}
    found: dict[str, Any] = {}
    for key, value in items:
        if key not in ("seconds", "num_batches_tracked") and not str(key).endswith("num_batches_tracked"):
            found |= leaves(value, f"{where}/{key}")
    return found


@pytest.mark.parametrize(("recipe", "term"), [("lama-small", "border"), ("collage", "discriminator")])
def test_two_processes_equal_one_that_adds_up_two_halves(
    recipe: str, term: str, photos: Path, tmp_path: Path
) -> None:
    run(recipe, TWO, photos, tmp_path / "two", "optimiser.samples=16")
    run(recipe, [], photos, tmp_path / "one", "optimiser.samples=16", "optimiser.accumulate=2")
    one, two = (
        leaves(torch.load(tmp_path / name / "state.pt", weights_only=True)) for name in ("one", "two")
    )
    assert one.keys() == two.keys()
    assert one["/step"] == 4
    assert any("running_var" in key for key in one)
    assert any(key.startswith("/players/discriminator/optimiser/state") for key in one)
    for key, value in one.items():
        same = torch.equal(value, two[key]) if isinstance(value, torch.Tensor) else value == two[key]
        assert same, key
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("one", "two")]
    first, second = (json.loads(lines[0]) for lines in logs)
    assert first[term] > 0
    assert {k: v for k, v in first.items() if k != "seconds"} == {
        k: pytest.approx(v, rel=1e-4) for k, v in second.items() if k != "seconds"
    }


def test_sigterm_stops_both_processes_with_a_checkpoint(photos: Path, tmp_path: Path) -> None:
    words = command("lama-small", TWO, photos, tmp_path / "run", "optimiser.samples=400000", "log.line=1")
    log = tmp_path / "run" / "log.jsonl"
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, env=environment()) as process:
        try:
            while not (log.exists() and len(log.read_text().splitlines()) > 2):
                assert process.poll() is None
                time.sleep(0.1)
        finally:  # also when the test's time is up
            process.terminate()
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert state["step"] >= 3
    assert (tmp_path / "run" / "ema.safetensors").exists()


def test_statistics_of_parts_become_their_mean() -> None:
    norm = nn.BatchNorm2d(1)
    with Statistics([norm], 2, Group()) as statistics:
        for value in (1.0, 3.0):
            norm(torch.full((2, 1, 2, 2), value))
            statistics.part_done()
    assert norm.running_mean is not None
    assert norm.running_mean.item() == pytest.approx(0.1 * (1 + 3) / 2)
