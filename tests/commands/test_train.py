"""`rigatino train`, from recipe to weights that can be imported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from command_line import rigatino
from PIL import Image

from rigatino import budget
from rigatino.cli import cli
from rigatino.commands import train as command
from rigatino_models.training.recipe import shipped

QUICK = [
    "data.side=32", "data.scales=[40,48]", "optimiser.samples=8", "optimiser.batch=4",
    "network.widths=[8,16,32]", "network.blocks=1", "network.global_width=16", "optimiser.precise_norm=2",
]  # fmt: skip


def train(*words: object) -> Result:
    changes = [word for change in QUICK for word in ("--set", change)]
    return rigatino("train", "lama-small", *words, *changes)


def test_dry_run_prints_the_settings_and_what_they_need(photos: Path, tmp_path: Path) -> None:
    done = train("--out", tmp_path / "run", "--data", photos, "--dry-run", "--set", 'data.held=["1*"]')
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["recipe"]["data"]["side"] == 32
    assert told["recipe"]["network"]["prefill"] is True
    assert told["photos"] == {"training": 2, "held": 1}
    assert told["needs"]["steps"] == 2
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("lama-small", 4_801_795),
        ("lama-fourier", 27_048_835),
        ("lama-regular", 45_617_731),
        ("big-lama", 50_975_875),
    ],
)
def test_each_published_configuration_has_its_recipe(name: str, parameters: int, tmp_path: Path) -> None:
    words = ["train", name, "--out", str(tmp_path / "run"), "--dry-run", "--set", "data.side=64"]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["recipe"]["name"] == name
    assert told["needs"]["parameters"] == parameters
    assert told["needs"]["gflop_forward_per_sample"] > 0.5
    assert told["needs"]["gib_activations"] > 0.01
    rival = 0 if name == "lama-small" else 6_962_369
    assert told["needs"]["discriminator_parameters"] == rival
    assert told["needs"]["gib_weights"] == round(4 * (5 * parameters + 4 * rival) / 2**30, 2)


def test_a_wrong_setting_is_a_sentence(tmp_path: Path) -> None:
    done = train("--out", tmp_path / "run", "--dry-run", "--set", "data.masks={nonesuch=1}")
    assert done.exit_code == 1
    assert "nonesuch" in done.stderr
    assert "lama-wide-512" in done.stderr


def test_a_trained_network_can_be_imported_and_fills(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIGATINO_DATA_DIR", str(tmp_path / "data"))
    done = train("--data", photos, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    weights = tmp_path / "run" / "ema.safetensors"
    again = train("--data", photos, "--out", tmp_path / "run")
    assert again.exit_code == 1
    assert "--resume" in again.stderr
    invoke = CliRunner().invoke
    assert invoke(cli, ["weights", "import", str(weights), "--as", "mine"]).exit_code == 0
    Image.new("L", (80, 64)).save(tmp_path / "mask.png")
    with Image.open(tmp_path / "mask.png") as mask:
        mask.paste(255, (30, 20, 40, 30))
        mask.save(tmp_path / "mask.png")
    words = ["fill", str(photos / "0.png"), str(tmp_path / "mask.png"), "-o", str(tmp_path / "out.png")]
    filled = invoke(cli, [*words, "--network", "mine"])
    assert filled.exit_code == 0, filled.output
    assert (tmp_path / "out.png").exists()


def test_without_photos_it_says_so(tmp_path: Path) -> None:
    done = train("--data", tmp_path, "--out", tmp_path / "run")
    assert done.exit_code == 1
    assert "photographs" in done.stderr


def test_a_folder_that_is_not_there_is_a_sentence(photos: Path, tmp_path: Path) -> None:
    words = ["--data", tmp_path / "nowhere", "--data", photos, "--out", tmp_path / "run"]
    done = train(*words)
    assert done.exit_code == 1
    assert "nowhere" in done.stderr


def test_photographs_that_memory_does_not_hold_are_told(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(command, "GIB", 1000)
    monkeypatch.setattr(budget, "free", lambda _: 20_000.0)
    words = ["--out", tmp_path / "run", "--data", photos, "--dry-run", "--set"]
    done = train(*words, 'data.loader="workers"')
    assert json.loads(done.stdout)["needs"]["gib_photos"] == 3 * 48 * 60 * 3 / 1000
    assert 'data.loader="files"' in caplog.text
    caplog.clear()
    done = train(*words, 'data.loader="files"')
    assert json.loads(done.stdout)["needs"]["gib_photos"] == 3 * 48 * 60 * 3 / 1000
    assert "loader" not in caplog.text


def test_a_rehearsal_knows_the_photographs_of_a_run_beside_a_damaged_one(
    photos: Path, tmp_path: Path
) -> None:
    whole = (photos / "0.png").read_bytes()
    (photos / "broken.png").write_bytes(whole[: len(whole) // 2])
    words = ["--out", tmp_path / "run", "--data", photos]
    assert train(*words).exit_code == 0
    done = train(*words, "--resume", "--dry-run")
    assert done.exit_code == 0, done.output
    (photos / "1.png").unlink()
    done = train(*words, "--resume", "--dry-run")
    assert done.exit_code == 1
    assert "0 new ones and 1 missing" in done.stderr


def test_photographs_in_files_train(photos: Path, tmp_path: Path) -> None:
    done = train("--data", photos, "--out", tmp_path / "run", "--set", 'data.loader="files"')
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run" / "ema.safetensors").exists()


def test_help_names_every_recipe() -> None:
    told = CliRunner().invoke(cli, ["train", "--help"], terminal_width=200).stdout
    assert [name for name in shipped() if name not in told] == []


def test_an_unknown_recipe_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["train", "nonesuch", "--out", str(tmp_path / "run")])
    assert done.exit_code == 1
    assert "nonesuch" in done.stderr
