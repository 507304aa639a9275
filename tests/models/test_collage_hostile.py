"""Collages' files and arrays that are damaged, wrong or hostile: one sentence, nothing run, nothing loaded."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import collage_reference as reference
import numpy as np
import pytest
import torch
from collage_reference import Shape, State
from model_support import Run, refused
from safetensors.torch import load_file, save_file

from rigatino_models import convert


def test_a_part_alone_cannot_be_imported(tmp_path: Path, run: Run) -> None:
    file = reference.write(tmp_path / "D.npz", reference.make_discriminator())
    result = run("weights", "import", file)
    assert result.exit_code == 1
    assert "folder" in result.stderr
    assert run("weights", "inspect", file).exit_code == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"z": None}, ("image", "missing")),
        ({"z": torch.zeros(1, 5)}, ("z", "[N,6]")),
        ({"z": torch.zeros(1, 6) / 0}, ("z", "finite")),
        ({"label": None}, ("label", "missing")),
        ({"label": torch.tensor([5])}, ("label", "0 to 4")),
        ({"label": torch.tensor([-1])}, ("label", "0 to 4")),
        ({"label": torch.tensor([1.5])}, ("label", "0 to 4")),
        ({"label": torch.tensor([1, 2])}, ("label", "[2], not [1]")),
        ({"class_map_0": torch.ones(5, 4, 5)}, ("class_map_0", "[5,4,4]")),
        ({"class_map_0": torch.ones(5, 4, 4)}, ("class_map_1", "missing")),
        ({"z_ref": torch.zeros(1, 6)}, ("blend_0", "missing")),
    ],
)
def test_arrays_that_do_not_fit(
    change: dict[str, Any], words: tuple[str, ...], tmp_path: Path, run: Run
) -> None:
    folder = reference.folder(tmp_path / "x")
    given = {"z": torch.zeros(1, 6), "label": torch.tensor([1])} | change
    np.savez(tmp_path / "in.npz", **{k: v.numpy() for k, v in given.items() if v is not None})
    result = run("net", "run", folder, "--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz")
    assert result.exit_code == 1
    assert all(word in result.stderr for word in words), result.stderr
    assert not (tmp_path / "out.npz").exists()


def changed(key: str, change: Callable[[torch.Tensor], torch.Tensor] | None, make: Any) -> State:
    state: State = make()
    value = state.pop(key)
    if change is not None:
        state[key] = change(value)
    return state


G, D, E = reference.make_generator, reference.make_discriminator, reference.make_encoder


@pytest.mark.parametrize(
    ("make", "key", "change", "words"),
    [
        (G, "l1/b", None, ("generator.start.bias", "missing")),
        (G, "l1/W", lambda x: x[:, 0], ("start.weight", "axes")),
        (G, "block3/c1/W", lambda x: x[:, 1:], ("block3/c1/W", "shape")),
        (G, "block3/b1/gammas/W", lambda x: x[1:], ("block3/b1/gammas/W", "shape")),
        (G, "block3/b1/avg_var", lambda x: x * torch.inf, ("block3/b1/avg_var", "finite")),
        (G, "block2/c2/b", lambda x: x.long(), ("block2/c2/b", "floating")),
        (G, "b5/gamma", None, ("generator.norm.weight", "missing")),
        (D, "block2/c1/u", None, ("block2/c1/u", "missing")),
        (D, "block2/c1/u", lambda x: x[0], ("block2/c1/u", "row")),
        (D, "block2/c1/W", lambda x: x * 0, ("block2/c1/W", "norm is 0")),
        (D, "l_y/W", lambda x: x[:, 1:], ("l_y/W", "shape")),
        (D, "block3/c2/b", lambda x: torch.ones(7), ("discriminator", "last block")),
        (E, "prelu_out/W", lambda x: x[1:], ("l7/W", "shape")),
        (E, "block2/c_sc/W", None, ("encoder.blocks.0.shortcut.weight", "missing")),
    ],
)
def test_values_that_do_not_fit_are_named(
    make: Any, key: str, change: Any, words: tuple[str, ...], tmp_path: Path, run: Run
) -> None:
    refused(run, reference.write(tmp_path / "x.npz", changed(key, change, make)), *words)


def test_keys_of_no_one(tmp_path: Path, run: Run) -> None:
    state = G() | {"block2/c3/W": torch.zeros(8)}
    refused(run, reference.write(tmp_path / "x.npz", state), "block2/c3/W", "not known")
    refused(run, reference.write(tmp_path / "y.npz", {"a/W": torch.zeros(8)}), "no network")
    folder = reference.folder(tmp_path / "x")
    reference.write(folder / "stats.npz", {"mean": torch.zeros(3)})
    refused(run, folder, "stats.npz/mean", "of no network")


def test_a_layer_that_stands_in_the_file_twice(tmp_path: Path, run: Run) -> None:
    state = G()
    [last] = [key for key in state if re.fullmatch(r"l[2-9]/b", key)]
    refused(run, reference.write(tmp_path / "x.npz", state | {"l9/b": state[last]}), "l9/b", last)


def test_hidden_files_of_macos_are_passed_over(tmp_path: Path, run: Run) -> None:
    folder = reference.folder(tmp_path / "x")
    (folder / "._ResNetGenerator_450000.npz").write_bytes(b"\0\5\x16\7")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        for file in folder.iterdir():
            packed.write(file, f"__MACOSX/x/{file.name}" if file.name.startswith(".") else f"x/{file.name}")
    for path in (folder, tmp_path / "x.zip"):
        assert run("weights", "inspect", path).exit_code == 0


def test_two_of_a_kind(tmp_path: Path, run: Run) -> None:
    folder = reference.folder(tmp_path / "x")
    reference.write(folder / "ResNetGenerator_100000.npz", G())
    refused(run, folder, "several", "generator")


def test_parts_that_do_not_belong_together(tmp_path: Path, run: Run) -> None:
    folder = reference.folder(tmp_path / "x")
    reference.write(folder / "ResNetEncoder_450000.npz", E(Shape(classes=7)))
    refused(run, folder, "shape")


def written(path: Path, name: str, content: bytes) -> Path:
    """A generator's snapshot with one more entry."""
    reference.write(path, G())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return path


def npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2147483648, 2147483648, 2147483648), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': 'x', 'fortran_order': False, 'shape': (1,), }",
        "{'shape': (1,)}",
        "__import__('os').mkdir('here')",
        "",
    ],
)
def test_arrays_that_claim_more_than_they_hold(
    header: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path / "x.npz", "block2/c9/W.npy", npy(header, b"1234"))
    tracemalloc.start()
    try:
        refused(run, file)
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


def test_a_bomb_is_not_unpacked(tmp_path: Path, run: Run) -> None:
    size = 2**28
    header = npy(f"{{'descr': '|i1', 'fortran_order': False, 'shape': ({size},), }}")
    tracemalloc.start()
    try:
        path = tmp_path / "x.npz"
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("block2/c1/W.npy", "w") as entry,
        ):
            entry.write(header)
            for _ in range(size // 2**20):
                entry.write(bytes(2**20))
        refused(run, path, "refused", "unpacks")
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()


class Evil:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def test_pickles_in_archives_are_never_read(tmp_path: Path, run: Run) -> None:
    array = np.empty(1, object)
    array[0] = Evil(tmp_path / "was here")
    content = io.BytesIO()
    np.lib.format.write_array(content, array, allow_pickle=True)
    refused(run, written(tmp_path / "x.npz", "block2/c9/W.npy", content.getvalue()), "block2/c9/W")
    assert (
        run("weights", "inspect", written(tmp_path / "y.npz", "b5/x/N.npy", content.getvalue())).exit_code
        == 0
    )
    refused(run, written(tmp_path / "z.npz", "block2/c9/W.npy", pickle.dumps(Evil(tmp_path / "was here"))))
    assert not (tmp_path / "was here").exists()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_archives(share: float, tmp_path: Path, run: Run) -> None:
    content = reference.write(tmp_path / "whole.npz", G()).read_bytes()
    (tmp_path / "x.npz").write_bytes(content[: int(share * len(content))])
    refused(run, tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"generator": [4]}, "generator"),
        ({"generator": [10**9] * 4}, "generator"),
        ({"generator": 4}, "list"),
        ({"generator": [4] * 30}, "generator"),
        ({"discriminator": [4, 8, 9]}, "last block"),
        ({"encoder": [True, 8, 8]}, "encoder"),
        ({"classes": 0}, "classes"),
        ({"latent": 10**9}, "latent"),
        ({"latent": 2000}, "latent"),
        ({"wide": 1}, "true or false"),
        ({"auxiliary": [3]}, "auxiliary"),
        ({"names": ["dog"]}, "names"),
        ({"names": ["a", "b", "c", "d", "\x1b[2J"]}, "names"),
        ({"names": ["a", "b", "c", "d", "\ud800"]}, "names"),
        ({"more": 1}, "config"),
    ],
)
def test_metadata_that_no_network_has(change: dict[str, Any], word: str, tmp_path: Path, run: Run) -> None:
    found = convert.read(reference.folder(tmp_path / "x"))
    ours = tmp_path / "ours.safetensors"
    convert.save(found, ours)
    metadata = {"format": "rigatino-1", "system": "collage", "config": json.dumps(found.config | change)}
    save_file(load_file(ours), ours, metadata)
    refused(run, ours, word)
