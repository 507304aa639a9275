from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import lama_reference as reference
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from model_support import NetRun, Run

from rigatino.cli import cli


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees, or writes into, the user's own weights."""
    folder = tmp_path / "data"
    monkeypatch.setenv("RIGATINO_DATA_DIR", str(folder))
    return folder


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small only lose time when threads wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def run() -> Run:
    """The command line: run("weights", "list") -> exit code, stdout, stderr."""

    def call(*words: object) -> Result:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = CliRunner().invoke(cli, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def net_run(run: Run, tmp_path: Path) -> NetRun:
    """`rigatino net run` on a picture and a hole -> its arrays."""

    def call(
        weights: Path | str, image: torch.Tensor, hole: torch.Tensor, *options: str
    ) -> dict[str, np.ndarray]:
        source, target = tmp_path / "in.npz", tmp_path / "out.npz"
        np.savez(source, image=image.numpy(), hole=hole.numpy())
        result = run("net", "run", weights, "--input", source, "--output", target, "--force", *options)
        assert result.exit_code == 0, result.output
        with np.load(target) as found:
            return dict(found)

    return call


@pytest.fixture(scope="session")
def tiny() -> tuple[reference.Shape, reference.State]:
    """A LaMa-Fourier small enough for every test: its shape and its weights by the original's names."""
    shape = reference.Shape(ngf=8, blocks=1)
    return shape, reference.make(shape, seed=5)
