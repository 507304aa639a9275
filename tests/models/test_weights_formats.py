"""`rigatino net run` gives the original's answer from every format, with the original's names."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import lama_files as files
import lama_reference as reference
import pytest
import torch
from lama_reference import Shape, State
from model_support import NetRun, Run, picture
from safetensors.torch import save_file

from rigatino_models.checkpoint import load_state

TOLERANCE = 2e-5
Write = Callable[[Path, State], Path]


def plain(prefix: str) -> Write:
    def write(path: Path, state: State) -> Path:
        torch.save(files.prefixed(state, prefix), path)
        return path

    return write


def old(path: Path, state: State) -> Path:
    torch.save(state, path, _use_new_zipfile_serialization=False)
    return path


def safetensors(prefix: str) -> Write:
    def write(path: Path, state: State) -> Path:
        save_file(files.prefixed(state, prefix), path)
        return path

    return write


def views(path: Path, state: State) -> Path:
    """Every tensor a strided view into one storage, as parameters of a flattened module are."""
    floats = {key: value for key, value in state.items() if value.is_floating_point()}
    flat = torch.cat(
        [torch.full((7,), torch.nan), *(value.transpose(0, -1).reshape(-1) for value in floats.values())]
    )
    start, viewed = 7, dict(state)
    for key, value in floats.items():
        shape = value.transpose(0, -1).shape
        viewed[key] = flat[start : start + value.numel()].view(shape).transpose(0, -1)
        start += value.numel()
    torch.save(viewed, path)
    return path


FORMATS: dict[str, Write] = {
    "lightning.ckpt": files.lightning,
    "old-lightning.ckpt": lambda path, state: files.lightning(path, state, old=True),
    "folder": files.folder,
    "folder.zip": lambda path, state: files.zipped(path, files.folder(path.with_name("zipped"), state)),
    "bare.zip": lambda path, state: files.zipped(path, files.folder(path.with_name("zipped"), state), ""),
    "big-lama.pt": files.torchscript,
    "plain.pth": plain(""),
    "generator.pth": plain("generator."),
    "model.generator.pt": plain("model.generator."),
    "module.ckpt": plain("module."),
    "module.generator.ckpt": plain("module.generator."),
    "old.pth": old,
    "views.pth": views,
    "plain.safetensors": safetensors(""),
    "generator.safetensors": safetensors("generator."),
    "model.generator.safetensors": safetensors("model.generator."),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_original_answer(
    name: str, tiny: tuple[Shape, State], tmp_path: Path, net_run: NetRun
) -> None:
    shape, state = tiny
    path = FORMATS[name](tmp_path / name, state)
    image, hole = picture(136, 200)
    found = net_run(path, image, hole)
    expected = reference.forward(state, shape, image, hole)
    torch.testing.assert_close(torch.from_numpy(found["raw"]), expected, rtol=0, atol=TOLERANCE)
    composite = image * (1 - hole) + expected * hole
    torch.testing.assert_close(torch.from_numpy(found["out"]), composite, rtol=0, atol=TOLERANCE)
    assert not any(module.startswith("omegaconf") for module in sys.modules)


@pytest.mark.parametrize("shape", [Shape(blocks=1, ratio=0), Shape(ngf=16, blocks=1, ratio=0.5, lfu=True)])
def test_other_kinds_from_a_checkpoint(shape: Shape, tmp_path: Path, net_run: NetRun) -> None:
    state = reference.make(shape)
    image, hole = picture(64, 64)
    found = net_run(files.lightning(tmp_path / "best.ckpt", state), image, hole)
    expected = reference.forward(state, shape, image, hole)
    torch.testing.assert_close(torch.from_numpy(found["raw"]), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("old_format", [False, True])
def test_other_precisions(
    dtype: torch.dtype, old_format: bool, tiny: tuple[Shape, State], tmp_path: Path, net_run: NetRun
) -> None:
    shape, state = tiny
    cast = {key: value.to(dtype) if value.is_floating_point() else value for key, value in state.items()}
    path = tmp_path / "weights.pth"
    torch.save(cast, path, _use_new_zipfile_serialization=not old_format)
    image, hole = picture(40, 56)
    single = {key: value.float() if value.is_floating_point() else value for key, value in cast.items()}
    found = torch.from_numpy(net_run(path, image, hole)["raw"])
    torch.testing.assert_close(found, reference.forward(single, shape, image, hole), rtol=0, atol=TOLERANCE)


def test_counters_of_batch_norm_may_be_missing(
    tiny: tuple[Shape, State], tmp_path: Path, net_run: NetRun
) -> None:
    shape, state = tiny
    path = tmp_path / "weights.pth"
    torch.save({key: value for key, value in state.items() if "num_batches" not in key}, path)
    image, hole = picture(40, 56)
    found = torch.from_numpy(net_run(path, image, hole)["raw"])
    torch.testing.assert_close(found, reference.forward(state, shape, image, hole), rtol=0, atol=TOLERANCE)


def test_load_state_gives_tensors_as_they_are_stored(tmp_path: Path) -> None:
    whole = torch.arange(24.0).reshape(4, 6)
    state = {
        "float": whole,
        "view": whole[1:3, ::2],
        "transposed": whole.t(),
        "expanded": torch.tensor([1.0, 2.0])[:, None].expand(2, 3),
        "half": whole.half(),
        "bfloat": whole.bfloat16(),
        "double": whole.double() / 3,
        "long": torch.arange(5),
        "flags": torch.tensor([True, False]),
        "bytes": torch.arange(5, dtype=torch.uint8),
        "scalar": torch.tensor(7),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(whole + 1),
        "buffer": torch.nn.Buffer(whole + 2),
    }
    for name, new in (("new.pt", True), ("old.pt", False)):
        torch.save(state, tmp_path / name, _use_new_zipfile_serialization=new)
        loaded = load_state(tmp_path / name).tensors
        assert list(loaded) == list(state)
        for key, value in state.items():
            assert loaded[key].dtype == value.dtype
            assert torch.equal(loaded[key], value), key


def test_metadata_of_our_own_format(tiny: tuple[Shape, State], tmp_path: Path) -> None:
    _, state = tiny
    path = tmp_path / "own.safetensors"
    save_file(files.prefixed(state, ""), path, {"system": "lama", "licence": "CC0-1.0"})
    found = load_state(path)
    assert (found.metadata["licence"], found.origin) == ("CC0-1.0", "safetensors")


@pytest.mark.parametrize("name", ["lightning.ckpt", "big-lama.pt", "folder.zip"])
def test_inspect_says_what_a_file_is(name: str, tiny: tuple[Shape, State], tmp_path: Path, run: Run) -> None:
    path = FORMATS[name](tmp_path / name, tiny[1])
    facts = json.loads(run("weights", "inspect", path, "--json").stdout)
    assert facts["system"] == "lama"
    numbers = {"widths": [8, 16, 32, 64], "blocks": 1, "global_width": 48}
    assert facts["config"] == numbers | dict.fromkeys(("enable_lfu", "gated_skips", "prefill"), False)
    kinds = {"lightning.ckpt": "Lightning checkpoint", "big-lama.pt": "TorchScript archive"}
    assert facts["kind"] == kinds.get(name, "Lightning checkpoint")
    assert facts["known_as"] is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("add_out_act: sigmoid", "add_out_act: tanh"), "tanh"),
        (("add_out_act: sigmoid", "add_out_act: true"), "true"),
        (("out_ffc: False", "out_ffc: true"), "out_ffc"),
        (("enable_lfu: false", "enable_lfu: false\n    gated: true"), "resnet_conv_kwargs.gated"),
        (("out_ffc: False", "padding_type: zero"), "padding_type"),
        (("out_ffc: False", "spatial_transform_layers: [1, 2]"), "spatial_transform_layers"),
    ],
)
def test_settings_that_weights_do_not_show_are_refused(
    change: tuple[str, str], word: str, tiny: tuple[Shape, State], tmp_path: Path, run: Run
) -> None:
    path = files.folder(tmp_path / "model", tiny[1], files.CONFIG.replace(*change))
    result = run("weights", "inspect", path)
    assert result.exit_code == 1
    assert word in result.stderr
    assert "generator." in result.stderr


def test_settings_within_a_checkpoint_count_too(tiny: tuple[Shape, State], tmp_path: Path, run: Run) -> None:
    result = run("weights", "inspect", files.lightning(tmp_path / "best.ckpt", tiny[1], act=True))
    assert result.exit_code == 1
    assert "generator.add_out_act" in result.stderr
