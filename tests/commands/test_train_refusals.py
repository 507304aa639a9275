"""What `rigatino train` refuses, it refuses in a sentence, and with --dry-run before it has run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from command_line import rigatino

from commands.test_train import QUICK, train
from rigatino_models.training.recipe import shipped


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("losses.perceptual_weights=/nowhere.safetensors", ["/nowhere.safetensors"]),
        ("losses.vgg=1.0 losses.vgg_weights=/nowhere.pth", ["/nowhere.pth"]),
        ("start=/nowhere.safetensors", ["/nowhere.safetensors"]),
        ("optimiser.samples=70 optimiser.batch=7 optimiser.accumulate=3", ["optimiser.batch", "“7”", "3"]),
        ('data.weights={"*"=0.0}', ["data.weights"]),
        ('data.held=["*"]', ["photographs"]),
        ("seed=99999999999999999999999999", ["seed", "“99999999999999999999999999”"]),
    ],
)
def test_a_dry_run_refuses_what_the_run_would(
    change: str, words: list[str], photos: Path, tmp_path: Path
) -> None:
    changes = [word for each in change.split(" ") for word in ("--set", each)]
    said = []
    for dry in (["--dry-run"], []):
        done = train_with(changes, "--data", photos, "--out", tmp_path / "run", *dry)
        assert done.exit_code == 1, done.output
        said.append(done.stderr)
    assert all(word in text for word in words for text in said)
    assert not (tmp_path / "run" / "state.pt").exists()


def train_with(changes: list[str], *words: object) -> Result:
    """The quick run, with further changes after its own."""
    quick = [word for change in QUICK for word in ("--set", change)]
    return rigatino("train", "lama-small", *words, *quick, *changes)


def test_a_dry_run_under_torchrun_divides_by_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    done = train("--out", tmp_path / "run", "--dry-run")
    assert done.exit_code == 1
    assert "processes" in done.stderr


def test_a_dry_run_knows_the_folder_and_its_run(photos: Path, tmp_path: Path) -> None:
    words = ["--data", photos, "--out", tmp_path / "run"]
    assert train(*words, "--dry-run").exit_code == 0
    assert not (tmp_path / "run").exists()
    assert train(*words).exit_code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert "--resume" in train(*words, "--dry-run").stderr
    assert json.loads(train(*words, "--resume", "--dry-run").stdout)["needs"]["steps"] == 2
    other = train_with(["--set", "seed=5"], *words, "--resume", "--dry-run")
    assert other.exit_code == 1
    assert "began" in other.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before


def test_an_unknown_recipe_is_answered_with_those_there_are(photos: Path, tmp_path: Path) -> None:
    done = rigatino("train", "nonesuch", "--data", photos, "--out", tmp_path / "run")
    assert done.exit_code == 1
    assert "“nonesuch”" in done.stderr
    assert [name for name in shipped() if name not in done.stderr] == []
    assert "Errno" not in done.stderr


def test_a_run_without_data_is_wrong_usage(tmp_path: Path) -> None:
    done = train("--out", tmp_path / "run")
    assert done.exit_code == 2
    assert "--data" in done.stderr
    assert not (tmp_path / "run").exists()
    assert train("--out", tmp_path / "run", "--dry-run").exit_code == 0
