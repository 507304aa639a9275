"""Training really trains, resumes exactly, and leaves whole files."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from rigatino_models import registry
from rigatino_models.data.batches import Batch
from rigatino_models.data.photos import Photos, load
from rigatino_models.errors import ModelError
from rigatino_models.lama.net import TINY
from rigatino_models.training.adversary import Adversary
from rigatino_models.training.loop import Trainer
from rigatino_models.training.method import learning_rate
from rigatino_models.training.methods.lama import LamaRecipe
from rigatino_models.training.objective import Losses
from rigatino_models.training.recipe import find, read
from rigatino_models.training.scalars import Scalars
from rigatino_models.training.settings import Data, Log, Optimiser

RECIPE = LamaRecipe(
    name="tiny",
    network=replace(TINY, prefill=False),  # with it, the beginning is hard to beat in so few steps
    data=Data(side=32, scales=(48, 64), held=("held*",)),
    optimiser=Optimiser(samples=60 * 8, batch=8, warmup=5, rate=4e-3, ema=0.9),
    losses=Losses(border=1, rim=0.5, reduced=3),
    log=Log(line=5, sheet=60, checkpoint=1000),
)

ADVERSARY = Adversary(weight=0.1, feature_matching=1, r1_every=2, width=4, layers=2)


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
    assert lines(tmp_path / "run")[-1]["step"] == 60
    assert any("border" in line for line in lines(tmp_path / "run"))
    assert list((tmp_path / "run" / "sheets").glob("*.png"))


def test_training_against_a_discriminator_lowers_the_error_too(tmp_path: Path) -> None:
    adversary = replace(ADVERSARY, start=20 * 8)
    trainer = Trainer(replace(RECIPE, adversary=adversary), photos(), tmp_path / "run")
    before = trainer.validate()["held_l1"]
    trainer.run()
    assert trainer.validate()["held_l1"] < 0.7 * before
    terms = {line["step"]: line for line in lines(tmp_path / "run") if "generator_gradient" in line}
    assert "discriminator" not in terms[20]
    assert terms[25]["discriminator"] > 0
    assert terms[60]["adversarial"] > 0
    assert {"feature_matching", "r1", "discriminator_gradient"} <= terms[25].keys()


def lines(run: Path) -> list[dict[str, float]]:
    """A run's log."""
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("loader", ["workers", "device"])
@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_a_resumed_run_equals_an_uninterrupted_one(
    loader: Literal["workers", "device"], precision: Literal["bf16", "fp32"], tmp_path: Path
) -> None:
    recipe = replace(
        RECIPE,
        data=replace(RECIPE.data, loader=loader, bank=16),
        optimiser=replace(RECIPE.optimiser, samples=6 * 8, precise_norm=2, precision=precision),
        adversary=replace(ADVERSARY, start=2 * 8),
        log=Log(line=1, sheet=2, checkpoint=1000),
    )
    whole = Trainer(recipe, photos(), tmp_path / "whole")
    whole.run()
    Trainer(recipe, photos(), tmp_path / "parts").run(stop_at=3)
    rest = Trainer(recipe, photos(), tmp_path / "parts", resume=True)
    assert rest.step == 3
    rest.run()
    for mine, theirs in zip(players(whole), players(rest), strict=True):
        for (name, wanted), found in zip(mine.items(), theirs.values(), strict=True):
            assert torch.equal(wanted, found), name
    one, two = (
        [{k: v for k, v in line.items() if k != "seconds"} for line in lines(tmp_path / name)]
        for name in ("whole", "parts")
    )
    assert one == two


def players(trainer: Trainer) -> list[dict[str, torch.Tensor]]:
    """The states of all networks of a run."""
    nets = [player.net for player in trainer.method.players.values()]
    assert len(nets) == 2
    return [net.state_dict() for net in (*nets, trainer.method.average.net, trainer.averaged())]


def test_steps_that_are_taken_again_are_logged_once(tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimiser=replace(RECIPE.optimiser, samples=6 * 8), log=Log(line=1))
    run = Trainer(recipe, photos(), tmp_path)
    run.run(stop_at=2)
    state = (tmp_path / "state.pt").read_bytes()
    Trainer(recipe, photos(), tmp_path, resume=True).run(stop_at=4)
    (tmp_path / "state.pt").write_bytes(state)  # as after a crash: the log is ahead of the checkpoint
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 5, "samp')
    Trainer(recipe, photos(), tmp_path, resume=True).run()
    assert [line["step"] for line in lines(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_a_full_disk_costs_a_checkpoint_not_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recipe = replace(
        RECIPE, optimiser=replace(RECIPE.optimiser, samples=4 * 8), log=Log(line=1, sheet=4, checkpoint=1)
    )
    trainer = Trainer(recipe, photos(), tmp_path)
    step = trainer._train_step

    def filling(parts: list[Batch]) -> dict[str, torch.Tensor]:
        if trainer.step == 2:
            fill_disk(2000)  # bytes that a file may have: logs fit, checkpoints do not
        return step(parts)

    trainer._train_step = filling  # type: ignore[method-assign]
    with full_disk() as fill_disk, pytest.raises(ModelError) as caught:
        trainer.run()
    assert caught.value.code == "file_unwritable"  # only at the very end, when nothing else can be done
    assert trainer.step == 4
    assert "state.pt" in caplog.text
    assert sorted(path.name for path in tmp_path.iterdir() if "part" in path.name) == []
    assert Trainer(recipe, photos(), tmp_path, resume=True).step == 2


def test_a_full_disk_ends_the_event_file_not_the_run(tmp_path: Path) -> None:
    scalars = Scalars(tmp_path)
    with full_disk() as fill_disk:
        fill_disk(2000)
        with pytest.raises(ModelError, match="file_unwritable"):
            scalars.add(1, {f"loss{number}": 1.0 for number in range(100)})
        scalars.add(2, {"loss": 1.0})
    scalars.close()


def test_what_is_no_fault_of_the_disk_is_not_taken_for_one(tmp_path: Path) -> None:
    trainer = Trainer(replace(RECIPE, log=Log(checkpoint=1)), photos(), tmp_path)

    def failing() -> torch.nn.Module:
        raise RuntimeError("as planned")

    trainer.averaged = failing  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="as planned"):
        trainer.run(stop_at=1)


@contextmanager
def full_disk() -> Iterator[Callable[[int], None]]:
    """Lets files grow to so many bytes and no further; not beyond the block, for pytest's own output may be a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


def test_a_run_that_fails_leaves_no_loader_behind(tmp_path: Path) -> None:
    trainer = Trainer(RECIPE, photos(), tmp_path)

    def failing(parts: list[Batch]) -> dict[str, torch.Tensor]:
        raise RuntimeError("as planned")

    trainer._train_step = failing  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="as planned"):
        trainer.run()
    assert not multiprocessing.active_children()


def test_another_network_s_checkpoint_is_not_resumed(tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimiser=replace(RECIPE.optimiser, samples=8))
    Trainer(recipe, photos(), tmp_path).run()
    other = replace(recipe, network=replace(recipe.network, blocks=1))
    with pytest.raises(ModelError, match="bad_setting"):
        Trainer(other, photos(), tmp_path, resume=True)


@pytest.mark.parametrize(
    ("setting", "change"),
    [
        ("optimiser.batch", {"optimiser": replace(RECIPE.optimiser, samples=8, batch=4)}),
        ("losses.rim", {"losses": replace(RECIPE.losses, rim=0.25)}),
        ("data.masks.wide", {"data": replace(RECIPE.data, masks={"wide": 1.0})}),
        ("looks", {"looks": (2.0,)}),
    ],
)
def test_a_run_is_not_resumed_by_another_recipe(setting: str, change: Any, tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimiser=replace(RECIPE.optimiser, samples=8))
    Trainer(recipe, photos(), tmp_path).run()
    with pytest.raises(ModelError) as caught:
        Trainer(replace(recipe, **change), photos(), tmp_path, resume=True)
    assert caught.value.code == "bad_setting"
    assert caught.value.params["name"] == setting
    assert "began" in str(caught.value.params["expected"])


def test_a_resumed_run_may_be_longer_and_log_otherwise(tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimiser=replace(RECIPE.optimiser, samples=8))
    Trainer(recipe, photos(), tmp_path).run()
    longer = replace(recipe.optimiser, samples=24)
    rest = Trainer(replace(recipe, optimiser=longer, log=Log(line=1)), photos(), tmp_path, resume=True)
    rest.run()
    assert [line["step"] for line in lines(tmp_path)] == [1, 2, 3]


def test_a_checkpoint_of_another_version_is_named(tmp_path: Path) -> None:
    torch.save({"step": 1, "net": {}}, tmp_path / "state.pt")
    with pytest.raises(ModelError, match="another version"):
        Trainer(RECIPE, photos(), tmp_path, resume=True)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(b"nothing that torch wrote")
    with pytest.raises(ModelError, match=r"state\.pt") as caught:
        Trainer(RECIPE, photos(), tmp_path, resume=True)
    assert caught.value.code == "file_unreadable"


def test_precise_statistics_are_those_of_the_averaged_weights(tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimiser=replace(RECIPE.optimiser, precise_norm=3, precision="fp32"))
    trainer = Trainer(recipe, photos(), tmp_path)
    trainer.run(stop_at=4)
    first = next(m for m in trainer.averaged().modules() if isinstance(m, torch.nn.BatchNorm2d))
    name = next(n for n, m in trainer.averaged().named_modules() if m is first)
    before = trainer.averaged().get_submodule(name.rpartition(".")[0]).get_submodule("ffc")
    means = []
    begin = recipe.optimiser.samples
    for image, hole in trainer.batches([list(range(begin + 8 * i, begin + 8 * i + 8)) for i in range(3)]):
        seen: list[torch.Tensor] = []
        hook = before.register_forward_hook(lambda module, given, made, seen=seen: seen.append(made[0]))
        trainer.averaged()(image, hole)
        hook.remove()
        means.append(seen[0].mean((0, 2, 3)))
    assert first.running_mean is not None
    assert torch.allclose(first.running_mean, torch.stack(means).mean(0), atol=1e-5)
    assert not torch.equal(first.running_mean, trainer.method.average.net.get_submodule(name).running_mean)  # type: ignore[arg-type]


def test_a_run_shows_itself(tmp_path: Path) -> None:
    recipe = replace(
        RECIPE,
        optimiser=replace(RECIPE.optimiser, samples=4 * 8),
        log=Log(line=1, sheet=2, checkpoint=10, tensorboard=True),
    )
    Trainer(recipe, photos(), tmp_path).run()
    assert json.loads((tmp_path / "recipe.json").read_text())["data"]["side"] == 32
    assert len(list((tmp_path / "sheets").glob("*.png"))) == 2
    with Image.open(tmp_path / "curves.png") as curves:
        assert curves.size[0] == 960
        assert np.asarray(curves.convert("L")).min() < 32  # something is drawn
    (events,) = (tmp_path / "tensorboard").iterdir()
    assert b"held_psnr" in events.read_bytes()


def test_a_run_s_folder_is_not_overwritten(tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimiser=replace(RECIPE.optimiser, samples=8))
    Trainer(recipe, photos(), tmp_path).run()
    with pytest.raises(ModelError, match="run_exists"):
        Trainer(recipe, photos(), tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_leaves_a_checkpoint_and_says_where(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    before = signal.getsignal(number)
    trainer = Trainer(RECIPE, photos(), tmp_path)
    step = trainer._train_step

    def stopping(parts: list[Batch]) -> dict[str, torch.Tensor]:
        if trainer.step == 2:
            os.kill(os.getpid(), number)
        return step(parts)

    monkeypatch.setattr(trainer, "_train_step", stopping)
    trainer.run()
    assert f"{tmp_path / 'state.pt'} holds the run" in caplog.text
    assert signal.getsignal(number) is before
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
    ours, given = second.method.net.state_dict(), first.method.average.state_dict()
    for key in load_file(start):
        assert torch.equal(ours[key], given[key].half().float()), key


def test_weights_to_begin_with_that_are_none_are_named(tmp_path: Path) -> None:
    for file, code in (
        (tmp_path / "nowhere", "file_missing"),
        (registry.find("exemplar").path, "bad_setting"),
    ):
        with pytest.raises(ModelError) as caught:
            Trainer(replace(RECIPE, start=str(file)), photos(), tmp_path / code)
        assert caught.value.code == code


def test_weights_by_name_steer_how_often_a_photo_is_drawn() -> None:
    chances = photos().weights({"held*": 0.0, "photo5*": 3.0})
    assert chances.tolist() == pytest.approx([0, 0, 1 / 6, 1 / 6, 1 / 6, 1 / 2])
    with pytest.raises(ModelError, match=r"data\.weights"):
        photos().weights({"*": 0.0})


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
    assert isinstance(recipe, LamaRecipe)
    assert recipe.optimiser.batch == 4
    assert recipe.losses.perceptual_weights == "/some/file"
    assert recipe.data.side == 96
    assert recipe.network.gated_skips


@pytest.mark.parametrize(
    "change",
    [
        "optimiser.batch=many",
        "optimiser.unknown=1",
        "nothing=1",
        "data.side=1.5",
        "network.blocks=true",
        "optimiser.batch=0",
        "optimiser.samples=3",
        "data.side=100",
        "data.side=0",
        "data.workers=-1",
        "data.scales=[512, 96]",
        "data.scales=[40, 64]",
        "data.masks={wide = -1.0}",
        "data.masks={wide = 0}",
        'data.weights={"a*" = -0.5}',
        "seed=-1",
        "log.sheet=0",
        "network.widths=[]",
        "optimiser.rate=-1.0",
        "optimiser.last_rate=inf",
        "optimiser.weight_decay=nan",
        "optimiser.ema=-0.5",
        "optimiser.betas=[0.9, 1.0]",
        "data.augment.gamma=[0.0, 1.0]",
        "adversary.rate=-1.0",
    ],
)
def test_a_wrong_setting_is_named(change: str) -> None:
    with pytest.raises(ModelError) as caught:
        read(find("lama-small"), [change])
    assert caught.value.code == "bad_setting"
    assert change.partition("=")[0] in str(caught.value.params["name"])
