"""Files that are damaged, wrong or hostile: one sentence, nothing run, nothing loaded."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lama_files as files
import pytest
import torch
from lama_reference import Shape, State
from model_support import Run, refused
from safetensors.torch import save_file

Tiny = tuple[Shape, State]
MARKER = "rigatino-was-here"


class Evil:
    """Unpickled by Python, it would call the function with these arguments."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def rewritten(source: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Copy a zip entry by entry; `change` gives an entry's new content, None drops it."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


def archive(path: Path, pickled: bytes, **storages: bytes) -> Path:
    """A torch archive by hand."""
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("archive/data.pkl", pickled)
        for key, content in storages.items():
            out.writestr(f"archive/data/{key.removeprefix('s')}", content)
    return path


# --- code in pickles


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("place", ["raw", "archive", "legacy", "state"])
@pytest.mark.parametrize(
    "function", [os.system, eval, exec, __import__, getattr, open, os.remove, io.open_code, pickle.loads]
)
def test_code_is_refused_and_never_run(
    function: Any, place: str, protocol: int, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    evil = Evil(function, f"touch {MARKER}")
    path = tmp_path / "best.ckpt"
    if place == "raw":
        path.write_bytes(pickle.dumps(evil, protocol))
    elif place == "archive":
        archive(path, pickle.dumps({"state_dict": {}, "hyper_parameters": evil}, protocol))
    elif place == "state":
        archive(path, pickle.dumps({"model.1.weight": evil}, protocol))
    else:
        torch.save(
            {"hyper_parameters": evil}, path, _use_new_zipfile_serialization=False, pickle_protocol=protocol
        )
    refused(run, path, "refused", function.__name__)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["best.ckpt"]


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R.",
        b"\x80\x02(cos\nsystem\nX\x02\x00\x00\x00ido.",
        b"\x80\x02(X\x02\x00\x00\x00idios\nsystem\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.",
        b"\x80\x02c__builtin__\neval\nX\x01\x00\x00\x001\x85R.",
        b"\x80\x02ccommands\ngetoutput\nX\x01\x00\x00\x001\x85R.",
        b"\x80\x02csubprocess\nPopen\n)\x81.",
        b"\x80\x04\x8c\x08builtins\x8c\x0cprint.system\x93.",
        b"\x80\x02ccollections.abc\nos.system\n.",
    ],
)
def test_code_in_pickles_made_by_hand(pickled: bytes, tmp_path: Path, run: Run) -> None:
    refused(run, archive(tmp_path / "x.pt", pickled), "refused")


def test_classes_of_third_parties_are_not_imported(tmp_path: Path, tiny: Tiny, run: Run) -> None:
    """A package that raises at import stands for all that importing could do."""
    (tmp_path / "explosive.py").write_text("raise SystemExit('imported')\n")
    reference = b"\x80\x02}X\x01\x00\x00\x00acexplosive\nConfig\n)Rs."
    refused(run, archive(tmp_path / "x.pt", reference), "holds no state dict")


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02.",
        b"\x80\x02]N.",
        b"\x80\x02e.",
        b"\x80\x02}]Ns.",
        b"\x80\x02}(((NttNs.",
        b"\x80\x02h\x05.",
        b"\x80\x02\x82\x01.",
        b"\x80\x02NNR.",
        b"\x80\x02]]b.",
        b"\x80\x02(N",
        b"\x80\x02\xff.",
        b"\x80\x02X\xff\xff\xff\x7fabc.",
        b"\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        b"\x80\x02r\xff\xff\xff\xff.",
        b"\x80\x02]r\xff\xff\xff\xff.",
        b"\x80\x02X\x07\x00\x00\x00storageQ.",
        b"\x80\x02X\x07\x00\x00\x00storageNNNN\x85Q.",
        b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b".",
        b"\x80\x02" + b"N" + b"\x85" * 200_000 + b".",
        b"\x80\x02}" + b"N" + b"\x85" * 200_000 + b"Ns.",
        b"",
    ],
)
def test_malformed_pickles(pickled: bytes, tmp_path: Path, run: Run) -> None:
    refused(run, archive(tmp_path / "x.pt", pickled))


# --- sizes


def tensor_pickle(
    size: str, shape: object, stride: object, offset: object = 0, key: str = "model.1.weight"
) -> bytes:
    """A state dict with one tensor, its description as given."""

    class Storage:
        def __reduce__(self) -> Any:
            raise AssertionError

    class Rebuild:
        def __reduce__(self) -> Any:
            return torch._utils._rebuild_tensor_v2, (STORAGE, offset, shape, stride, False, OrderedDict())

    STORAGE = Storage()

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            return ("storage", torch.FloatStorage, "0", "cpu", eval(size)) if value is STORAGE else None

    out = io.BytesIO()
    Pickler(out, 2).dump({key: Rebuild()})
    return out.getvalue()


@pytest.mark.parametrize(
    ("size", "shape", "stride", "offset"),
    [
        ("4", (1 << 40,), (1,), 0),
        ("4", (1 << 40, 1 << 40), (0, 0), 0),
        ("1 << 40", (1 << 40,), (1,), 0),
        ("4", (5,), (1,), 0),
        ("4", (2,), (4,), 0),
        ("4", (4,), (1,), 1),
        ("4", (2,), (-1,), 3),
        ("4", (-4,), (1,), 0),
        ("4", (4,), (1, 1), 0),
        ("4", (4.0,), (1,), 0),
        ("4", (True,), (1,), 0),
        ("4", "abcd", (1,), 0),
        ("4", (4,), (1,), -1),
        ("4", (4,), (1,), None),
        ("4", (1,) * 40, (1,) * 40, 0),
    ],
)
def test_impossible_shapes(
    size: str, shape: object, stride: object, offset: object, tmp_path: Path, run: Run
) -> None:
    path = archive(tmp_path / "x.pt", tensor_pickle(size, shape, stride, offset), s0=b"\0" * 16)
    tracemalloc.start()
    try:
        line = refused(run, path, "model.1.weight")
        assert tracemalloc.get_traced_memory()[1] < 2**26, line
    finally:
        tracemalloc.stop()


def test_expanded_tensors_may_not_outgrow_the_file(tmp_path: Path) -> None:
    from rigatino_models.checkpoint import load_state
    from rigatino_models.errors import ModelError

    path = archive(tmp_path / "x.pt", tensor_pickle("1", (1 << 30,), (0,)), s0=b"\0" * 4)
    with pytest.raises(ModelError) as caught:
        load_state(path)
    assert caught.value.code == "weights_unreadable"


def test_bombs(tmp_path: Path, tiny: Tiny, run: Run) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("big-lama/models/best.ckpt", b"\0" * 2**25)
    refused(run, path, "refused", "unpacks to")


def test_overlapping_entries(tmp_path: Path, run: Run) -> None:
    """Two names in the directory for one and the same stretch of the file."""
    path = tmp_path / "x.pt"
    archive(path, b"\x80\x02N.", s0=b"a" * 40)
    content = bytearray(path.read_bytes())
    first = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", first + 4)
    end = content.index(b"PK\x05\x06")
    entry = content[first:second]
    doubled = entry.replace(b"archive/data.pkl", b"archive/data.pkk")
    tail = bytearray(content[end:])
    struct.pack_into("<HH", tail, 8, 3, 3)
    struct.pack_into("<I", tail, 12, end - first + len(doubled))
    path.write_bytes(bytes(content[:end]) + bytes(doubled) + bytes(tail))
    refused(run, path)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "C:/evil"])
def test_names_that_lead_outside(name: str, tmp_path: Path, tiny: Tiny, run: Run) -> None:
    path = files.zipped(tmp_path / "x.zip", files.folder(tmp_path / "folder", tiny[1]))
    with zipfile.ZipFile(path, "a") as out:
        out.writestr(name, "x")
    refused(run, path, "outside")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "x.pt"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("archive/data.pkl", b"\x80\x02N.")
        out.writestr("archive/data.pkl", b"\x80\x02N.")
    refused(run, path, "same name")


def test_module_trees_that_multiply(tmp_path: Path, run: Run) -> None:
    """Each module holds the next one twice: 2**40 names from a small file."""
    node = b"c__torch__\nM\n)\x81}(X\x06\x00\x00\x00weightN"
    pickled = b"\x80\x02" + node + b"ub"
    for level in range(40):
        put = b"q" + bytes([level])
        pickled += put + b"0c__torch__\nM\n)\x81}(X\x01\x00\x00\x00ah" + bytes([level])
        pickled += b"X\x01\x00\x00\x00bh" + bytes([level]) + b"ub"
    path = archive(tmp_path / "x.pt", pickled + b".")
    with zipfile.ZipFile(path, "a") as out:
        out.writestr("archive/constants.pkl", b"")
    refused(run, path, "too many modules")


def test_settings_that_hold_themselves(tmp_path: Path, tiny: Tiny, run: Run) -> None:
    """A dict of many entries, one of which is the dict itself, is not gone through again and again."""
    settings: dict[str, Any] = {f"key{number}": {} for number in range(500)}
    settings["self"] = settings
    path = tmp_path / "x.ckpt"
    torch.save({"state_dict": tiny[1], "hyper_parameters": {"generator": settings}}, path)
    tracemalloc.start()
    try:
        refused(run, path, "hyper_parameters", "too many")
        assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    finally:
        tracemalloc.stop()


# --- damage


@pytest.mark.parametrize("name", ["lightning.ckpt", "old.ckpt", "jit.pt", "x.safetensors", "x.zip"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97, 0.999])
def test_truncated_files(name: str, share: float, tmp_path: Path, tiny: Tiny, run: Run) -> None:
    whole = {
        "lightning.ckpt": files.lightning,
        "old.ckpt": lambda path, state: files.lightning(path, state, old=True),
        "jit.pt": files.torchscript,
        "x.safetensors": saved,
        "x.zip": lambda path, state: files.zipped(path, files.folder(tmp_path / "folder", state)),
    }[name](tmp_path / f"whole-{name}", tiny[1])
    content = whole.read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(len(content) * share)])
    refused(run, path)


def test_flipped_bits(tmp_path: Path, tiny: Tiny, run: Run) -> None:
    content = bytearray(files.lightning(tmp_path / "whole.ckpt", tiny[1]).read_bytes())
    with zipfile.ZipFile(tmp_path / "whole.ckpt") as whole:
        largest = max(whole.infolist(), key=lambda entry: entry.file_size)
    content[largest.header_offset + 200] ^= 0x10
    (tmp_path / "x.ckpt").write_bytes(content)
    refused(run, tmp_path / "x.ckpt", "damaged")


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"GIF89a", b"PK\x03\x04", b"\x80", b"\x80\x02N.", b"\xff" * 7, b"\xff" * 8 + b"{}"],
)
def test_files_of_no_kind(content: bytes, tmp_path: Path, run: Run) -> None:
    (tmp_path / "x").write_bytes(content)
    refused(run, tmp_path / "x")


def test_folders_and_files_that_are_not_there(tmp_path: Path, run: Run) -> None:
    refused(run, tmp_path, "models/best.ckpt")
    refused(run, tmp_path / "absent.ckpt", "no file")
    refused(run, Path("/dev/null"), "no kind")


def test_missing_and_short_storages(tmp_path: Path, tiny: Tiny, run: Run) -> None:
    whole = files.lightning(tmp_path / "whole.ckpt", tiny[1])
    gone = rewritten(
        whole, tmp_path / "a.ckpt", lambda name, data: None if name.endswith("/data/7") else data
    )
    refused(run, gone, "model.", "missing or cut short")
    short = rewritten(whole, tmp_path / "b.ckpt", lambda name, data: data[:-4] if "/data/7" in name else data)
    refused(run, short, "model.", "missing or cut short")


def test_big_endian(tmp_path: Path, tiny: Tiny, run: Run) -> None:
    torch.save(tiny[1], tmp_path / "whole.pt")
    path = rewritten(
        tmp_path / "whole.pt",
        tmp_path / "x.pt",
        lambda name, data: b"big" if name.endswith("byteorder") else data,
    )
    refused(run, path, "big-endian")


# --- keys


def test_missing_unknown_and_misshapen_keys(tmp_path: Path, tiny: Tiny, run: Run) -> None:
    state = tiny[1]
    key = "generator.model.5.conv2.ffc.convg2g.fu.conv_layer.weight"
    for name, changed, words in [
        (
            "missing",
            {k: v for k, v in state.items() if k != key},
            (key.removeprefix("generator."), "missing"),
        ),
        (
            "unknown",
            state | {"generator.model.5.conv1.ffc.gate.weight": state[key]},
            ("ffc.gate.weight", "not known"),
        ),
        ("stray", state | {"optimizer": torch.zeros(1)}, ("optimizer", "not known")),
        ("misshapen", state | {key: state[key][:-1]}, (key, "shape", "[48, 48, 1, 1]")),
        ("flat", state | {key: state[key].flatten()}, (key, "shape")),
        ("whole numbers", state | {key: state[key].int()}, (key, "floating-point")),
        ("no tensor", state | {key: 3}, (key, "floating-point")),
    ]:
        torch.save(changed, tmp_path / f"{name}.pt")
        refused(run, tmp_path / f"{name}.pt", *words)


@pytest.mark.parametrize(
    "key", ["generator.model.1.ffc.convl2l.weight", "generator.model.4.ffc.convl2g.weight"]
)
def test_the_keys_that_tell_the_kind_may_be_missing_too(
    key: str, tmp_path: Path, tiny: Tiny, run: Run
) -> None:
    torch.save({k: v for k, v in tiny[1].items() if k != key}, tmp_path / "x.pt")
    refused(run, tmp_path / "x.pt")


def test_other_networks(tmp_path: Path, run: Run) -> None:
    torch.save(torch.nn.Linear(3, 3).state_dict(), tmp_path / "x.pt")
    refused(run, tmp_path / "x.pt", "no network that is known")
    torch.save({"a": 1}, tmp_path / "y.pt")
    refused(run, tmp_path / "y.pt", "no state dict")
    torch.save(torch.nn.Linear(3, 3), tmp_path / "z.pt")
    refused(run, tmp_path / "z.pt", "no state dict")


def test_names_with_control_characters_are_shown_harmless(tmp_path: Path, tiny: Tiny, run: Run) -> None:
    torch.save(tiny[1] | {"\x1b[2Jevil\n": torch.zeros(1)}, tmp_path / "x.pt")
    assert "\x1b" not in refused(run, tmp_path / "x.pt", r"\x1b[2Jevil\n")


GOOD = {"widths": [8, 16, 32, 64], "blocks": 1, "global_width": 48, "enable_lfu": False, "gated_skips": False}


@pytest.mark.parametrize(
    ("metadata", "word"),
    [
        ({"system": "stylegan"}, "system"),
        ({"system": "lama", "config": "{"}, "config"),
        ({"system": "lama", "config": "[" * 100_000}, "config"),
        ({"system": "lama", "config": "{}"}, "config"),
        ({"system": "lama", "config": json.dumps(GOOD | {"depth": 3})}, "config"),
        ({"system": "lama", "config": json.dumps(GOOD | {"blocks": 2})}, "missing"),
        ({"system": "lama", "config": json.dumps(GOOD | {"blocks": 10**9})}, "LaMa"),
        ({"system": "lama", "config": json.dumps(GOOD | {"widths": [10**9] * 4})}, "LaMa"),
        ({"system": "lama", "config": json.dumps(GOOD | {"widths": ["8", 16, 32, 64]})}, "LaMa"),
        ({"system": "lama", "config": json.dumps(GOOD | {"widths": [8] * 4000})}, "LaMa"),
        ({"system": "lama", "config": json.dumps(GOOD | {"enable_lfu": 1})}, "true or false"),
        ({"system": "lama", "config": json.dumps(GOOD | {"global_width": 32})}, "shape"),
    ],
)
def test_metadata_that_do_not_fit(
    metadata: dict[str, str], word: str, tmp_path: Path, tiny: Tiny, run: Run
) -> None:
    path = tmp_path / "x.safetensors"
    save_file(files.prefixed(tiny[1], ""), path, metadata)
    refused(run, path, word)


def saved(path: Path, state: State) -> Path:
    save_file(state, path)
    return path
