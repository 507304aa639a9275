"""A step that no finite numbers come of changes nothing; a run that has come apart ends, and keeps what it had."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rigatino_models import convert
from rigatino_models.errors import ModelError
from rigatino_models.training import curves, lost
from rigatino_models.training.generator import Export, half_precision
from rigatino_models.training.loop import Trainer
from rigatino_models.training.lost import finite
from rigatino_models.training.parallel import Group
from rigatino_models.training.settings import Log, Recipe
from training.test_loop import ADVERSARY, RECIPE, photos
from training.tiny_recipes import RECIPES
from training.tiny_recipes import photos as photographs

LAMA = replace(
    RECIPE,
    optimiser=replace(RECIPE.optimiser, samples=8 * 400, precision="fp32"),
    data=replace(RECIPE.data, workers=0),
    adversary=ADVERSARY,
    log=Log(line=1, sheet=1000, checkpoint=1000),
)
HALVES = replace(LAMA, optimiser=replace(LAMA.optimiser, accumulate=2))
SYSTEMS: dict[str, Recipe] = {**RECIPES, "lama": LAMA, "lama in two parts": HALVES}


def trainer(recipe: Recipe, out: Path, resume: bool = False) -> Trainer:
    """A run on the pictures that the recipe is made for."""
    shown = photos() if recipe.system == "lama" else photographs(recipe.beside)
    return Trainer(recipe, shown, out, resume)


def spoil(run: Trainer, bad: Callable[[int], bool]) -> None:
    """Have the last part of those steps (counted from 0) see a picture with a number that is none."""
    part = run.method.part

    def spoiled(image: torch.Tensor, beside: torch.Tensor, moment: Any) -> Any:
        spoiled.calls += 1  # type: ignore[attr-defined]
        last = spoiled.calls % run.recipe.optimiser.accumulate == 0  # type: ignore[attr-defined]
        if bad(moment.step) and last:
            image = image.clone()
            image[0, 0, 0, 0] = float("nan")
        return part(image, beside, moment)

    spoiled.calls = 0  # type: ignore[attr-defined]
    run.method.part = spoiled  # type: ignore[method-assign]


def state(run: Trainer) -> dict[str, Any]:
    """All that a later step depends on, as numbers in a flat table."""
    method = run.method
    parts = {name: player.state_dict() for name, player in method.players.items()}
    return flat(copy.deepcopy({**parts, "average": method.average.state_dict()}))


def flat(table: Any, where: str = "") -> dict[str, Any]:
    """Path -> value."""
    if not isinstance(table, dict | list):
        return {where: table}
    items = table.items() if isinstance(table, dict) else enumerate(table)
    return {k: v for key, value in items for k, v in flat(value, f"{where}/{key}").items()}


def differing(one: dict[str, Any], two: dict[str, Any]) -> list[str]:
    """What is not the same in both, but for the rate, which every step sets."""
    keys = one.keys() | two.keys()
    same = {key for key in one.keys() & two.keys() if alike(one[key], two[key])}
    return sorted(key for key in keys - same if not key.endswith("/lr"))


def alike(one: Any, two: Any) -> bool:
    return torch.equal(one, two) if isinstance(one, torch.Tensor) else bool(one == two)


def strict(run: Path) -> list[dict[str, Any]]:
    """The log, read by one who knows no NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    return [json.loads(line, parse_constant=refuse) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_step_that_is_lost_changes_nothing(name: str, tmp_path: Path) -> None:
    run = trainer(SYSTEMS[name], tmp_path)
    run.run(stop_at=2)
    before = state(run)
    spoil(run, lambda step: step == 2)
    run.run(stop_at=3)
    assert run.step == 3
    assert run.lost.total == 1
    assert differing(before, state(run)) == []
    run.run(stop_at=4)
    assert differing(before, state(run))


def test_a_lost_step_is_told_and_the_run_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = trainer(LAMA, tmp_path)
    spoil(run, lambda step: step in (2, 3, 5))
    run.run(stop_at=8)
    told = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
    assert "step 3" in told[0]
    assert told[1:] == ["2 steps of 4 were left out so far.", "3 steps of 6 were left out so far."]
    lines = strict(tmp_path)
    assert [line["step"] for line in lines if line["generator_gradient"] is None] == [3, 4, 6]
    assert finite(convert.read(tmp_path / "ema.safetensors").tensors.values())
    run.validate()  # with curves of a log that has gaps
    assert (tmp_path / "curves.png").exists()


class Elsewhere(Group):
    """Another process lost the step."""

    def any(self, flag: bool) -> bool:
        """True of whatever it is asked."""
        return True


def test_a_step_that_another_process_loses_is_lost_here_too(tmp_path: Path) -> None:
    run = trainer(LAMA, tmp_path)
    run.run(stop_at=2)
    before = state(run)
    run.among = Elsewhere()
    run._train_step(list(run.batches([list(range(8))])))
    assert run.lost.total == 1
    assert differing(before, state(run)) == []


def test_a_run_with_lost_steps_is_resumed_exactly(tmp_path: Path) -> None:
    bad = (1, 3)
    whole = trainer(HALVES, tmp_path / "whole")
    spoil(whole, bad.__contains__)
    whole.run(stop_at=5)
    first = trainer(HALVES, tmp_path / "parts")
    spoil(first, bad.__contains__)
    first.run(stop_at=2)
    rest = trainer(HALVES, tmp_path / "parts", resume=True)
    spoil(rest, bad.__contains__)
    rest.run(stop_at=5)
    assert differing(state(whole), state(rest)) == []


def test_a_run_that_loses_every_step_ends_and_keeps_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost, "MOST", 8)
    trainer(LAMA, tmp_path).run(stop_at=2)
    kept = {name: (tmp_path / name).read_bytes() for name in ("state.pt", "ema.safetensors")}
    run = trainer(LAMA, tmp_path, resume=True)
    spoil(run, lambda step: step >= 3)
    with pytest.raises(ModelError) as caught:
        run.run()
    assert caught.value.code == "training_diverged"
    assert caught.value.params["step"] == 3 + 8
    assert str(tmp_path) in str(caught.value.params["folder"])
    assert {name: (tmp_path / name).read_bytes() for name in kept} == kept
    assert strict(tmp_path)[-1]["generator_gradient"] is None


def test_too_large_a_rate_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost, "MOST", 8)
    recipe = replace(LAMA, optimiser=replace(LAMA.optimiser, rate=1e30, last_rate=1e30, warmup=0))
    with pytest.raises(ModelError, match="training_diverged"):
        trainer(recipe, tmp_path).run()
    assert strict(tmp_path)
    assert not (tmp_path / "ema.safetensors").exists()


@pytest.mark.parametrize("where", ["net", "average", "measured"])
def test_weights_that_are_not_finite_replace_no_file(where: str, tmp_path: Path) -> None:
    precise = replace(LAMA, optimiser=replace(LAMA.optimiser, precise_norm=1))
    run = trainer(precise, tmp_path)
    run.run(stop_at=1)
    kept = {name: (tmp_path / name).read_bytes() for name in ("state.pt", "ema.safetensors")}
    net = {"net": run.method.net, "average": run.method.average.net, "measured": run.averaged()}[where]
    with torch.no_grad():
        next(iter(net.parameters()))[0] = float("inf")
    with pytest.raises(ModelError, match="training_diverged"):
        run.save()
    assert {name: (tmp_path / name).read_bytes() for name in kept} == kept


def test_what_half_precision_cannot_hold_is_kept_in_full(tmp_path: Path) -> None:
    run = trainer(replace(LAMA, optimiser=replace(LAMA.optimiser, samples=8)), tmp_path)
    run.run()
    found = convert.read(tmp_path / "ema.safetensors")
    key = next(key for key in found.tensors if key.endswith("running_var"))
    tensors = {**found.tensors, key: found.tensors[key].float() + 1e6}
    weights = half_precision(Export(found.system, found.config, tensors), {})
    convert.save(weights, tmp_path / "large.safetensors")
    again = convert.read(tmp_path / "large.safetensors")
    assert torch.equal(again.tensors[key].float(), tensors[key])
    assert finite(again.network().state_dict().values())


def test_curves_leave_gaps_where_there_is_no_number(tmp_path: Path) -> None:
    lines = [
        {"step": i, "samples": 8 * i, "loss": None if i == 2 else 1.0 / i, "none": None} for i in (1, 2, 3)
    ]
    curves.write(tmp_path / "curves.png", lines)
    with Image.open(tmp_path / "curves.png") as picture:
        assert np.asarray(picture.convert("L")).min() < 32


def test_the_log_of_a_run_without_a_checkpoint_is_put_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer(LAMA, tmp_path)._line({"loss": 1.0})  # and is killed
    for resume in (False, True):
        caplog.clear()
        trainer(LAMA, tmp_path, resume)._line({"loss": 2.0})
        assert "put aside" in caplog.text
        assert ("begins anew" in caplog.text) == resume
        assert [line["loss"] for line in strict(tmp_path)] == [2.0]
    assert (tmp_path / "log.before.jsonl").exists()


def test_a_run_that_is_resumed_keeps_its_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer(LAMA, tmp_path).run(stop_at=2)
    trainer(LAMA, tmp_path, resume=True).run(stop_at=3)
    assert [line["step"] for line in strict(tmp_path)] == [1, 2, 3]
    assert "anew" not in caplog.text


def test_weights_without_a_checkpoint_are_not_trained_over(tmp_path: Path) -> None:
    trainer(LAMA, tmp_path).run(stop_at=1)
    (tmp_path / "state.pt").unlink()
    for resume, code in ((False, "run_exists"), (True, "file_missing")):
        with pytest.raises(ModelError) as caught:
            trainer(LAMA, tmp_path, resume)
        assert caught.value.code == code
    assert [line["step"] for line in strict(tmp_path)] == [1]
