"""Training really trains, resumes exactly, and leaves whole files."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from rigatino_models.data.batches import Batch
from rigatino_models.data.photos import Photos, Samples, load
from rigatino_models.errors import ModelError
from rigatino_models.lama.net import TINY
from rigatino_models.training.loop import Trainer, learning_rate
from rigatino_models.training.recipe import Data, Log, Losses, Optimiser, Recipe, find, read

RECIPE = Recipe(
    name="tiny",
    network=replace(TINY, prefill=False),  # with it, the beginning is hard to beat in so few steps
    data=Data(side=32, scales=(48, 64), held=("held*",)),
    optimiser=Optimiser(samples=60 * 8, batch=8, warmup=5, rate=4e-3, ema=0.9),
    losses=Losses(border=1, rim=0.5, reduced=3),
    log=Log(line=5, sheet=60, checkpoint=1000),
)


def photos(count: int = 6) -> Photos:
    """Smooth pictures with a bright disc: something that a few steps can learn."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:80, 0:96] / 96
    pixels = []
    for _ in range(count):
        ramp = np.stack([rng.uniform(0, 1) * x + rng.uniform(0, 0.5) * y for _ in range(3)], -1)
        ramp[(x - 0.5) ** 2 + (y - 0.4) ** 2 < 0.03] += 0.3
        pixels.append((ramp.clip(0, 1) * 255).astype(np.uint8))
    return Photos([f"held{i}.png" if i < 2 else f"photo{i}.png" for i in range(count)], pixels)


def test_training_lowers_the_error_on_held_pictures(tmp_path: Path) -> None:
    trainer = Trainer(RECIPE, photos(), tmp_path / "run")
    before = trainer.validate()["held_l1"]
    trainer.run()
    after = trainer.validate()["held_l1"]
    assert after < 0.6 * before
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 60
    assert any("border" in line for line in lines)
    assert list((tmp_path / "run" / "sheets").glob("*.png"))


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimiser=replace(RECIPE.optimiser, samples=6 * 8))
    whole = Trainer(recipe, photos(), tmp_path / "whole")
    whole.run()
    Trainer(recipe, photos(), tmp_path / "parts").run(stop_at=3)
    rest = Trainer(recipe, photos(), tmp_path / "parts", resume=True)
    assert rest.step == 3
    rest.run()
    for (name, wanted), found in zip(
        whole.ema.state_dict().items(), rest.ema.state_dict().values(), strict=True
    ):
        assert torch.equal(wanted, found), name


def test_a_run_s_folder_is_not_overwritten(tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimiser=replace(RECIPE.optimiser, samples=8))
    Trainer(recipe, photos(), tmp_path).run()
    with pytest.raises(ModelError, match="run_exists"):
        Trainer(recipe, photos(), tmp_path)


def test_sigterm_writes_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(RECIPE, photos(), tmp_path)
    step = trainer._train_step

    def stopping(parts: list[Batch]) -> dict[str, torch.Tensor]:
        if trainer.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(parts)

    monkeypatch.setattr(trainer, "_train_step", stopping)
    trainer.run()
    assert Trainer(RECIPE, photos(), tmp_path, resume=True).step == 3


def test_weights_are_half_precision_and_say_how_they_were_made(tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimiser=replace(RECIPE.optimiser, samples=16))
    Trainer(recipe, photos(), tmp_path).run()
    with safe_open(tmp_path / "ema.safetensors", "pt") as file:
        metadata = file.metadata()
        assert json.loads(metadata["config"])["blocks"] == TINY.blocks
        assert json.loads(metadata["training"])["samples"] == 16
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118


def test_a_run_begins_with_the_weights_it_is_given(tmp_path: Path) -> None:
    recipe = replace(RECIPE, network=TINY, optimiser=replace(RECIPE.optimiser, samples=16))
    first = Trainer(recipe, photos(), tmp_path / "first")
    first.run()
    start = tmp_path / "first" / "ema.safetensors"
    second = Trainer(replace(recipe, start=str(start)), photos(), tmp_path / "second")
    ours, given = second.net.state_dict(), first.ema.state_dict()
    for key in load_file(start):
        assert torch.equal(ours[key], given[key].half().float()), key


def test_samples_depend_on_seed_and_index_alone() -> None:
    def sample(seed: int, index: int) -> torch.Tensor:
        return Samples(photos(), 32, 100, seed, (48, 64))[index][0]

    assert torch.equal(sample(1, 7), sample(1, 7))
    assert not torch.equal(sample(1, 7), sample(1, 8))
    assert not torch.equal(sample(1, 7), sample(2, 7))


def test_weights_by_name_steer_how_often_a_photo_is_drawn() -> None:
    chances = photos().weights({"held*": 0.0, "photo5*": 3.0})
    assert chances.tolist() == pytest.approx([0, 0, 1 / 6, 1 / 6, 1 / 6, 1 / 2])


def test_an_unreadable_picture_is_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Image.new("RGB", (40, 30), "red").save(tmp_path / "good.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    found = load([tmp_path])
    assert list(found.names) == ["good.png"]
    assert "broken.jpg" in caplog.text


def test_learning_rate_warms_up_and_falls() -> None:
    rates = [learning_rate(RECIPE, step) for step in range(RECIPE.steps + 1)]
    assert rates[0] < rates[4] > rates[30] > rates[-1]
    assert rates[-1] == pytest.approx(RECIPE.optimiser.last_rate)


def test_the_shipped_recipe_reads_and_takes_changes() -> None:
    recipe = read(
        find("lama-small"), ["optimiser.batch=4", "losses.perceptual_weights=/some/file", "data.side=96"]
    )
    assert recipe.optimiser.batch == 4
    assert recipe.losses.perceptual_weights == "/some/file"
    assert recipe.data.side == 96
    assert recipe.network.gated_skips


@pytest.mark.parametrize(
    "change",
    ["optimiser.batch=many", "optimiser.unknown=1", "nothing=1", "data.side=1.5", "network.blocks=true"],
)
def test_a_wrong_setting_is_named(change: str) -> None:
    with pytest.raises(ModelError) as caught:
        read(find("lama-small"), [change])
    assert caught.value.code == "bad_setting"
    assert change.partition("=")[0] in str(caught.value.params["name"])
