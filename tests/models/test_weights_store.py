"""Imported weights: converted once, recorded with their hash, chosen by name."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import comodgan_files
import comodgan_reference
import lama_files as files
import numpy as np
import pic_reference
import pytest
import torch
from lama_reference import Shape, State
from model_support import NetRun, Run, picture
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from rigatino import weights
from rigatino_models.convert import known
from rigatino_wire.errors import Failure

Tiny = tuple[Shape, State]
SMALL = comodgan_reference.Shape(resolution=8, base=64, cap=12, code=8, mapping=(16, 16, 16))
BUNDLED = [weights.default_network(), "exemplar"]


@pytest.fixture
def checkpoint(tmp_path: Path, tiny: Tiny) -> Path:
    """A checkpoint in the original's folder, named after it."""
    return files.folder(tmp_path / "My Model", tiny[1])


def listed(run: Run) -> dict[str, dict[str, object]]:
    return {entry["name"]: entry for entry in json.loads(run("weights", "list", "--json").stdout)}


def test_import_and_use_by_name(checkpoint: Path, run: Run, net_run: NetRun, own_data_folder: Path) -> None:
    image, hole = picture(40, 56)
    direct = net_run(checkpoint, image, hole)["raw"]
    result = run("weights", "import", checkpoint, "--as", "mine")
    assert result.exit_code == 0, result.output
    assert "mine" in result.stdout
    named = net_run("mine", image, hole)["raw"]
    assert torch.equal(torch.from_numpy(named), torch.from_numpy(direct))
    entry = listed(run)["mine"]
    assert entry["bundled"] is False
    assert entry["source"]["kind"] == "Lightning checkpoint"  # type: ignore[index]
    assert sorted(file.name for file in (own_data_folder / "weights").iterdir()) == [
        "mine.json",
        "mine.safetensors",
    ]
    assert weights.locate("mine").spec.title == "LaMa-Fourier (8 wide, 1 blocks)"


def test_the_bundled_network_comes_first(run: Run, checkpoint: Path) -> None:
    run("weights", "import", checkpoint, "--as", "a")
    names = [*BUNDLED, "a"]
    assert list(listed(run)) == names
    assert [info.name for info in weights.network_infos()] == names
    assert weights.locate("").spec.name == weights.default_network()
    assert weights.default_network() in run("weights", "list").stdout


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("My Model", "my-model"),
        ("My Model/models/best.ckpt", "my-model"),
        ("Größe_1.0.pt", "gr-e_1.0"),
        ("===.pt", "weights"),
    ],
)
def test_names_are_made_from_files(
    file: str, name: str, checkpoint: Path, tmp_path: Path, tiny: Tiny, run: Run
) -> None:
    path = tmp_path / file
    if not path.exists():
        torch.save(tiny[1], path)
    facts = json.loads(run("weights", "import", path, "--json").stdout)
    assert facts["name"] == name


@pytest.mark.parametrize("name", ["../x", "A", "-a", ".a", "a/b", "ä", "a" * 65, " "])
def test_names_that_are_refused(name: str, checkpoint: Path, run: Run, own_data_folder: Path) -> None:
    result = run("weights", "import", checkpoint, "--as", name)
    assert result.exit_code == 1
    assert "cannot be named" in result.stderr
    assert not own_data_folder.exists()


def test_names_are_not_taken_twice(checkpoint: Path, run: Run) -> None:
    run("weights", "import", checkpoint, "--as", "mine")
    for name in ("mine", weights.default_network()):
        result = run("weights", "import", checkpoint, "--as", name)
        assert result.exit_code == 1
        assert "already" in result.stderr


def test_remove(checkpoint: Path, run: Run, own_data_folder: Path) -> None:
    run("weights", "import", checkpoint, "--as", "mine")
    assert run("weights", "remove", "mine").exit_code == 0
    assert list((own_data_folder / "weights").iterdir()) == []
    for name in ("mine", weights.default_network(), "../mine"):
        result = run("weights", "remove", name)
        assert result.exit_code == 1
        assert "no imported weights" in result.stderr


def test_a_file_that_changed_is_not_loaded(
    checkpoint: Path, run: Run, own_data_folder: Path, tmp_path: Path
) -> None:
    """By its name or by its path: the record says what it must be."""
    run("weights", "import", checkpoint, "--as", "mine")
    file = own_data_folder / "weights" / "mine.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    image, hole = picture(16, 16)
    np.savez(tmp_path / "in.npz", image=image.numpy(), hole=hole.numpy())
    for source in ("mine", file):
        result = run("net", "run", source, "--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz")
        assert result.exit_code == 1
        assert "not the ones on record" in result.stderr
        assert weights.locate("mine").sha256 in result.stderr
    assert not (tmp_path / "out.npz").exists()


def test_a_refused_file_leaves_nothing_behind(tmp_path: Path, run: Run, own_data_folder: Path) -> None:
    (tmp_path / "x.ckpt").write_bytes(b"\x80\x02cos\nsystem\n.")
    result = run("weights", "import", tmp_path / "x.ckpt")
    assert result.exit_code == 1
    assert "refused" in result.stderr
    assert not own_data_folder.exists()


def test_a_folder_that_cannot_be_written(checkpoint: Path, run: Run, own_data_folder: Path) -> None:
    own_data_folder.write_text("a file where the folder should be")
    result = run("weights", "import", checkpoint)
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


@pytest.mark.parametrize(
    "record",
    [
        "",
        "[]",
        "{}",
        '{"system": "other", "config": {}, "licence": "", "source": {"kind": ""}}',
        *(
            json.dumps(
                {"system": system, "config": config, "licence": "", "title": "", "source": {"kind": ""}}
            )
            for system in ("lama", "dfnet", "pic", "comodgan", "gfc", "collage")
            for config in ([], {"widths": [], "blocks": 1}, {"widths": 3}, None)
        ),
    ],
)
def test_damaged_records(
    record: str, own_data_folder: Path, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """The others stay usable; who asks for the damaged one is told."""
    folder = own_data_folder / "weights"
    folder.mkdir(parents=True)
    (folder / "broken.json").write_text(record)
    with caplog.at_level(logging.WARNING):
        assert list(listed(run)) == BUNDLED
    assert str(Failure("weights_damaged", names="broken")) in caplog.text
    with pytest.raises(Failure) as caught:
        weights.locate("broken")
    assert caught.value.code == "weights_damaged"


def test_unknown_names_are_answered_with_the_known_ones(own_data_folder: Path) -> None:
    for name in ("nothing", "../weights/nothing", ""):
        if name:
            with pytest.raises(Failure, match=weights.default_network()):
                weights.locate(name)


def test_known_foreign_files(tmp_path: Path, tiny: Tiny, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with a published hash is recognised; another one may not take its name."""
    genuine = files.torchscript(tmp_path / "genuine.pt", tiny[1])
    other = files.torchscript(tmp_path / "other.pt", {k: v + 1 for k, v in tiny[1].items()})
    from rigatino_models.convert import digest

    entry = known.Known(
        "famous", "Famous LaMa", "LaMa-Fourier (8 wide, 1 blocks)", digest(genuine, "md5"), "not stated"
    )
    monkeypatch.setattr(known, "KNOWN", (entry,))
    refused = run("weights", "import", other, "--as", "famous")
    assert refused.exit_code == 1
    assert entry.md5 in refused.stderr
    assert json.loads(run("weights", "inspect", genuine, "--json").stdout)["known_as"] == "famous"
    assert json.loads(run("weights", "import", genuine, "--json").stdout)["title"] == "Famous LaMa"
    assert run("weights", "import", other, "--as", "other").exit_code == 0


def test_listing_needs_no_torch() -> None:
    program = (
        "from rigatino import weights; weights.network_infos(); import sys; sys.exit('torch' in sys.modules)"
    )
    path = {"PYTHONPATH": ":".join(sys.path)}
    assert subprocess.run([sys.executable, "-c", program], env=path, timeout=60).returncode == 0


def test_a_long_licence_is_cut_and_harms_nobody(
    tmp_path: Path, run: Run, checkpoint: Path, own_data_folder: Path
) -> None:
    run("weights", "import", checkpoint, "--as", "mine")
    own = own_data_folder / "weights" / "mine.safetensors"
    tensors = load_file(own)
    with safe_open(own, "pt") as file:
        metadata = file.metadata()
    save_file(tensors, tmp_path / "long.safetensors", metadata | {"licence": 150 * "x"})
    assert run("weights", "import", tmp_path / "long.safetensors", "--as", "long").exit_code == 0
    assert len(weights.locate("long").spec.weights_licence) == 100
    assert len(weights.network_infos()) == len(BUNDLED) + 2
    save_file(tensors, tmp_path / "bell.safetensors", metadata | {"licence": "free\x1b]0;beer\x07"})
    for words in (["inspect"], ["import", "--as", "bell"]):
        done = run("weights", *words, tmp_path / "bell.safetensors")
        assert done.exit_code == 0
        assert "\x1b" not in done.output
    assert "\x1b" not in run("weights", "list").output


def test_a_damaged_record_is_passed_over(run: Run, checkpoint: Path, own_data_folder: Path) -> None:
    run("weights", "import", checkpoint, "--as", "mine")
    record = own_data_folder / "weights" / "mine.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"licence": 5}))
    assert [info.name for info in weights.network_infos()] == BUNDLED


def test_weights_that_are_not_finite_are_named(tmp_path: Path, tiny: Tiny, run: Run) -> None:
    state = {key: value.clone() for key, value in tiny[1].items()}
    key = next(key for key in state if key.endswith("model.1.ffc.convl2l.weight"))
    state[key][0, 0, 0, 0] = float("nan")
    torch.save(state, tmp_path / "nan.pth")
    result = run("weights", "import", tmp_path / "nan.pth")
    assert result.exit_code == 1
    assert "model.1.ffc.convl2l.weight" in result.stderr
    assert "not finite" in result.stderr


def test_inspection_says_what_a_file_is(tmp_path: Path, tiny: Tiny, run: Run) -> None:
    torch.save(tiny[1], tmp_path / "x.pth")
    facts = json.loads(run("weights", "inspect", tmp_path / "x.pth", "--json").stdout)
    assert (facts["system"], facts["kind"]) == ("lama", "torch checkpoint")
    running = sum(v.numel() for k, v in tiny[1].items() if k.endswith(("running_mean", "running_var")))
    assert facts["values"] - facts["parameters"] == running
    assert facts["native_size"] == 256
    assert facts["licence"] == weights.UNSTATED
    assert facts["missing"] == []


def test_licences_are_shown_with_what_is_imported(
    tmp_path: Path, checkpoint: Path, run: Run, own_data_folder: Path
) -> None:
    assert weights.UNSTATED in run("weights", "import", checkpoint, "--as", "mine").stdout
    folder = pic_reference.write(tmp_path / "pic", pic_reference.make())
    assert "CC BY-NC 4.0" in run("weights", "import", folder).stdout
    infos = {info.name: info for info in weights.network_infos()}
    assert "CC BY-NC 4.0" in infos["pic"].weights_licence
    assert all(info.weights_licence for info in infos.values())


def test_parts_that_are_missing_are_named(tmp_path: Path, run: Run) -> None:
    states = pic_reference.make()
    whole = pic_reference.write(tmp_path / "whole", states)
    half = pic_reference.write(tmp_path / "half", {part: states[part] for part in "EG"})
    port = comodgan_files.sequential(comodgan_reference.make(SMALL), SMALL)
    torch.save(port, tmp_path / "port.pth")
    for file, missing in (
        (whole, []),
        (half, ["discriminator"]),
        (tmp_path / "port.pth", ["w_avg", "noise", "discriminator"]),
    ):
        found = json.loads(run("weights", "inspect", file, "--json").stdout)["missing"]
        assert len(found) == len(missing)
        assert all(word in text for word, text in zip(missing, found, strict=True))


def test_verify_compares_with_the_records(checkpoint: Path, run: Run, own_data_folder: Path) -> None:
    for name in ("a", "b", "c", "d"):
        run("weights", "import", checkpoint, "--as", name)
    assert run("weights", "verify").exit_code == 0
    folder = own_data_folder / "weights"
    (folder / "b.safetensors").write_bytes((folder / "a.safetensors").read_bytes()[:-1] + b"x")
    (folder / "c.safetensors").unlink()
    (folder / "d.json").write_text("{}")
    done = run("weights", "verify")
    assert done.exit_code == 1
    assert "b, c, d" in done.stderr
    assert done.stdout.count(": as recorded") == len(BUNDLED) + 1
    assert done.output.count("import them again") == 1, "what to do is said once"
    found = run("weights", "verify", "--json")
    assert found.exit_code == 1
    assert [row["name"] for row in json.loads(found.stdout) if not row["well"]] == ["b", "c", "d"]
    assert run("weights", "verify", "a").exit_code == 0
    unknown = run("weights", "verify", "a", "nonesuch")
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    with pytest.raises(Failure) as caught:
        weights.locate("nonesuch")
    assert unknown.stderr.strip() == str(caught.value)
