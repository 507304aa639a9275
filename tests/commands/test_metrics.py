"""`rigatino metrics ids`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import rigatino


def saved(folder: Path, name: str, array: Any) -> Path:
    np.save(folder / name, array)
    return folder / name


def test_ids_of_features(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    real = rng.normal(size=(300, 4)).astype(np.float32)
    paths = [
        saved(tmp_path, "real.npy", real),
        saved(tmp_path, "fake.npy", real + rng.normal(0.5, 1, (300, 4))),
    ]
    done = rigatino("metrics", "ids", "--real", paths[0], "--fake", paths[1], "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found.keys() == {"u_ids", "p_ids", "fd"}
    assert 0 < found["p_ids"] < found["u_ids"] < 0.5
    assert 1 < found["fd"] < 3
    apart = saved(tmp_path, "apart.npy", real + 20)
    words = rigatino("metrics", "ids", "--real", paths[0], "--fake", apart)
    assert words.stdout.splitlines()[:2] == ["u_ids 0.000000", "p_ids 0.000000"]
    assert words.stdout.splitlines()[2].startswith("fd 1600.0000")


@pytest.mark.parametrize(
    ("fake", "sentence"),
    [
        (np.zeros((5, 4)), "shapes differ ([6, 4] and [5, 4])"),
        (np.zeros((6, 3)), "shapes differ"),
        (np.full((6, 4), np.nan), "not finite"),
        (np.zeros((6, 4, 1)), "its shape is [6, 4, 1]"),
        (np.zeros((0, 4)), "its shape is [0, 4]"),
        (np.full((6, 4), "a"), "it holds <U1"),
        (np.array([[object()] * 4] * 6), "no .npy file of plain numbers"),
        (b"", "no .npy file of plain numbers"),
        (b"words", "no .npy file of plain numbers"),
        (None, "no file"),
    ],
)
def test_bad_features_get_a_sentence(tmp_path: Path, fake: Any, sentence: str) -> None:
    real = saved(tmp_path, "real.npy", np.eye(6, 4))
    file = tmp_path / "fake.npy"
    if isinstance(fake, bytes):
        file.write_bytes(fake)
    elif fake is not None:
        np.save(file, fake)
    done = rigatino("metrics", "ids", "--real", real, "--fake", file)
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.output


def test_an_archive_of_arrays_is_refused(tmp_path: Path) -> None:
    real = saved(tmp_path, "real.npy", np.eye(6, 4))
    np.savez(tmp_path / "fake.npz", a=np.eye(6, 4))
    done = rigatino("metrics", "ids", "--real", real, "--fake", tmp_path / "fake.npz")
    assert done.exit_code == 1
    assert "not one array" in done.stderr
