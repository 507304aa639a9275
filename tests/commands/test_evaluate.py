"""`rigatino evaluate` on the ten shipped photographs, and `rigatino metrics ids`."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import patchmatch
import pytest
import torch
from click.testing import Result
from command_line import rigatino
from PIL import ExifTags, Image
from safetensors.torch import save_file
from torch import nn

from rigatino.evaluation import holes, photos, tables
from rigatino.evaluation.measures import MEASURES
from rigatino_models.data import masks
from rigatino_models.losses.squeezenet import FIRES, Fire
from rigatino_models.metrics import distributions
from rigatino_models.metrics.inception import Inception
from rigatino_models.metrics.lpips import ALEX
from rigatino_wire.errors import Failure

PHOTOS = Path(__file__).parents[1] / "photos"
DOCS = Path(__file__).parents[2] / "docs"
# Hole PSNR in dB, hole L1, patch SWD of the ten photographs at 128 pixels, seed 0.
RECORD = {
    ("wide", "ns"): (16.4, 24.6, 10.3),
    ("wide", "telea"): (16.5, 24.8, 11.5),
    ("narrow", "ns"): (21.4, 13.9, 4.3),
    ("narrow", "telea"): (20.7, 15.4, 5.5),
    ("object", "ns"): (18.2, 26.4, 13.7),
    ("object", "telea"): (18.0, 27.3, 14.9),
}

pytestmark = pytest.mark.usefixtures("own_folders")


def evaluate(out: Path, *words: object) -> Result:
    return rigatino("evaluate", "--images", PHOTOS, "--side", 128, "--out", out, *words)


def report(out: Path, *words: object) -> dict[str, Any]:
    done = evaluate(out, *words, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    assert found == json.loads((out / "results.json").read_text())
    return found


def test_the_photos_are_small_and_have_their_licences() -> None:
    rows = list(csv.DictReader((PHOTOS / "licences.tsv").read_text("utf-8").splitlines(), delimiter="\t"))
    assert [row["file"] for row in rows] == sorted(path.name for path in PHOTOS.glob("*.jpg"))
    assert len(rows) == 10
    assert {row["licence"] for row in rows} <= {"CC0 1.0", "public domain"}
    assert all(path.stat().st_size < 60_000 for path in PHOTOS.glob("*.jpg"))


def test_the_table_reproduces_from_its_seed(tmp_path: Path) -> None:
    words = ("--masks", "object", "--seed", 3, "--against", "ns,patchmatch", "--no-detail")
    first, again = (report(tmp_path / name, *words) for name in ("first", "again"))
    assert first.pop("seconds").keys() == again.pop("seconds").keys() == {"object"}
    assert first == again
    assert len(first["photos"]) == 10
    other = report(tmp_path / "other", "--masks", "object", "--seed", 4, "--no-detail", "--count", 2)
    mine = first["results"]["object"]["lama-small"]["psnr"]["values"]
    assert other["results"]["object"]["lama-small"]["psnr"]["values"] != mine[:2]


def test_the_table_is_the_one_on_record(tmp_path: Path) -> None:
    found = report(tmp_path, "--network", "photo", "--against", "ns,telea")["results"]
    for (kind, filler), recorded in RECORD.items():
        means = [found[kind][filler][name]["mean"] for name in ("psnr", "l1", "swd")]
        assert means == pytest.approx(recorded, abs=0.15), (kind, filler)
    assert found["wide"]["photo"]["l1"]["mean"] == found["wide"]["photo"]["swd"]["mean"] == 0
    assert found["wide"]["photo"]["ssim"]["mean"] == pytest.approx(1)


def test_what_is_written(tmp_path: Path) -> None:
    done = evaluate(
        tmp_path / "new" / "out", "--count", 3, "--rows", 2, "--against", "telea", "--masks", "object"
    )
    assert done.exit_code == 0, done.output
    table = (tmp_path / "new" / "out" / "table.md").read_text()
    assert done.stdout.strip() == table.strip()
    for words in ("3 photos of 128 px, seed 0", "| lama-small | telea |", "hole PSNR dB", "lama-small minus"):
        assert words in table
    found = json.loads((tmp_path / "new" / "out" / "results.json").read_text())
    assert found["settings"]["masks"] == ["object"]
    assert len(found["fillers"]["lama-small"]["weights"]) == 64
    assert found["fillers"]["telea"]["opencv"]
    with Image.open(tmp_path / "new" / "out" / "sheet.jpg") as sheet:
        assert sheet.size == (4 * 132, 16 + 2 * 148)  # hole, two fillers, photo; two rows


def test_differences_are_paired_and_known_pixels_untouched(tmp_path: Path) -> None:
    found = report(tmp_path, "--count", 4, "--masks", "narrow", "--against", "ns", "--no-detail")
    ours, theirs = (found["results"]["narrow"][name]["l1"]["values"] for name in ("lama-small", "ns"))
    difference = found["differences"]["narrow"]["ns"]["l1"]
    assert difference["mean"] == pytest.approx(np.mean(np.subtract(ours, theirs)))
    assert difference["low"] < difference["mean"] < difference["high"]
    share = [holes.draw("narrow", 128, 0, index).mean() for index in range(4)]
    whole = found["results"]["narrow"]["lama-small"]["l1_whole"]["values"]
    assert whole == pytest.approx(np.multiply(ours, share))


@pytest.fixture
def judges(tmp_path: Path) -> list[object]:
    """Options that name weights, drawn at random, for every network that judges."""
    torch.manual_seed(0)
    layers: dict[str, nn.Module] = {"0": nn.Conv2d(3, 96, 7, stride=2)}
    layers |= {str(i): Fire(*shape) for i, shape in FIRES.items()}
    squeezenet = {f"features.{k}": v for k, v in nn.ModuleDict(layers).state_dict().items()}
    alexnet = {}
    for part, convolutions in enumerate(ALEX):
        for index, (inputs, outputs, kernel, *_) in convolutions.items():
            alexnet[f"net.slice{part + 1}.{index}.weight"] = torch.randn(outputs, inputs, kernel, kernel)
            alexnet[f"net.slice{part + 1}.{index}.bias"] = torch.zeros(outputs)
            alexnet[f"lin{part}.model.1.weight"] = torch.full((1, outputs, 1, 1), 0.1)
    states = {"perceptual": squeezenet, "lpips": alexnet, "inception": Inception().state_dict()}
    for name, state in states.items():
        save_file(state, tmp_path / f"{name}.safetensors")
    return [word for name in states for word in (f"--{name}", tmp_path / f"{name}.safetensors")]


def test_networks_that_judge_add_their_rows(tmp_path: Path, judges: list[object]) -> None:
    words = ("--network", "photo", "--against", "ns", "--masks", "wide", "--count", 3, *judges)
    found = report(tmp_path, *words)
    table = (tmp_path / "table.md").read_text()
    for name in ("lp_sq10", "lp_sq10_native", "lpips"):
        means = {filler: rows[name]["mean"] for filler, rows in found["results"]["wide"].items()}
        assert means["photo"] == 0 < means["ns"]
    scores = found["distributions"]["wide"]
    assert scores["photo"]["fid"] == pytest.approx(0, abs=1e-6)
    assert scores["ns"]["fid"] > 0
    assert (scores["photo"]["u_ids"], scores["photo"]["p_ids"]) == (0.5, 0)  # it cannot be told from itself
    assert 0 <= scores["ns"]["p_ids"] <= 1
    for row in ("| LP-sq10 |", "| LP-sq10 native |", "| LPIPS |", "| FID |", "| U-IDS |", "| P-IDS |"):
        assert row in table
    assert found["settings"]["perceptual"] in table


def test_a_network_with_and_without_detail_is_two_fillers(tmp_path: Path) -> None:
    words = ("--count", 1, "--masks", "object", "--against", "lama-small:plain,lama-small")
    fillers = report(tmp_path, *words)["fillers"]
    assert {name: facts["detail"] for name, facts in fillers.items()} == {
        "lama-small": True,
        "lama-small:plain": False,
    }


def test_an_earlier_report_s_fillers_join_the_table(tmp_path: Path) -> None:
    words = ("--masks", "object", "--network", "photo")
    both = report(tmp_path / "both", *words, "--against", "ns,telea", "--count", 4)
    report(tmp_path / "early", "--masks", "object,wide", "--network", "telea", "--count", 6)
    earlier = ("--earlier", tmp_path / "early" / "results.json")
    joined = report(tmp_path / "joined", *words, "--against", "ns", "--count", 4, *earlier)
    for table in (both, joined):
        del table["seconds"], table["settings"]
    assert joined == both
    for other, what in (("--seed", 9), ("--match", "[d-z]*"), ("--masks", "narrow"), ("--side", 64)):
        refused = evaluate(tmp_path / "refused", *words, *earlier, other, what)
        assert refused.exit_code == 1
        assert "cannot be compared" in refused.stderr


def drop_measure(table: dict[str, Any]) -> None:
    del table["results"]["wide"]["photo"]["swd"]


def drop_filler(table: dict[str, Any]) -> None:
    del table["results"]["wide"]["photo"]


def drop_seconds(table: dict[str, Any]) -> None:
    del table["seconds"]["wide"]["photo"]


def cut_values(table: dict[str, Any]) -> None:
    table["results"]["wide"]["photo"]["swd"]["values"].pop()


def add_filler(table: dict[str, Any]) -> None:
    table["fillers"]["other"] = {}


def add_a_judge(table: dict[str, Any]) -> None:
    table["settings"]["lpips"] = "0" * 64


@pytest.mark.parametrize(
    "change", [drop_measure, drop_filler, drop_seconds, cut_values, add_filler, add_a_judge]
)
def test_a_report_that_was_changed_by_hand_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    words = ("--network", "photo", "--count", 2, "--masks", "wide")
    table = report(tmp_path / "early", *words)
    change(table)
    (tmp_path / "file.json").write_text(json.dumps(table))
    done = evaluate(tmp_path / "out", *words, "--earlier", tmp_path / "file.json")
    assert done.exit_code == 1
    assert "no whole report" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["words", "[]", "{}", '{"results": {"wide": {"ns": {}}}, "photos": []}'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "file.json").write_text(text)
    done = evaluate(tmp_path / "out", "--earlier", tmp_path / "file.json")
    assert done.exit_code == 1
    assert "no whole report" in done.stderr


def test_holes_are_a_function_of_seed_number_and_kind() -> None:
    assert (holes.draw("wide", 256, 1, 7) == holes.draw("wide", 256, 1, 7)).all()
    drawn = [holes.draw(kind, 256, seed, i) for kind in ("wide", "object") for seed in (1, 2) for i in (0, 1)]
    assert len({hole.tobytes() for hole in drawn}) == len(drawn)


def garbled_png() -> bytes:
    """A PNG whose header and first chunk of pixels are whole; the second has a type that does not exist."""
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    first, rest = stream.getvalue().split(b"IDAT", 1)
    assert b"IDAT" in rest
    return first + b"IDAT" + rest.replace(b"IDAT", b"\0\1\2\3")


DAMAGED = ("a damaged one.jpg", "words.png", "garbled.png", "deep.png", "flat.png")


def test_pictures_that_cannot_be_used_are_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("cat.jpg", "pier.jpg"):
        (folder / name).write_bytes((PHOTOS / name).read_bytes())
    (folder / "a damaged one.jpg").write_bytes((PHOTOS / "pier.jpg").read_bytes()[:9000])
    (folder / "words.png").write_text("no picture")
    (folder / "garbled.png").write_bytes(garbled_png())
    Image.new("I;16", (200, 200)).save(folder / "deep.png")
    Image.new("RGB", (500, 100)).save(folder / "flat.png")
    options = ("--images", folder, "--side", 128, "--network", "photo", "--against", "ns")
    words = ("evaluate", *options, "--masks", "wide", "--rows", 1, "--out", tmp_path / "out")
    done = rigatino(*words)
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert found["photos"] == ["cat.jpg", "pier.jpg"]
    assert [name for name in DAMAGED if f"Left out {name}: " not in caplog.text] == []
    done = rigatino(*words, "--match", "[cp]*.jpg")
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "out" / "results.json").read_text())["results"] == found["results"]
    few = rigatino(*words, "--count", 9)
    assert few.exit_code == 1
    assert "2 photographs of at least 128 pixels were found" in few.stderr
    earlier = ("--earlier", tmp_path / "out" / "results.json")
    joined = rigatino(*words[:-1], tmp_path / "joined", *earlier)
    assert joined.exit_code == 0, joined.output


def test_a_photograph_is_turned_upright_before_its_middle_is_cut_out(tmp_path: Path) -> None:
    upright = np.zeros((100, 80, 3), np.uint8)
    upright[:50] = 255
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # turn clockwise to see it upright
    Image.fromarray(np.rot90(upright)).save(tmp_path / "turned.png", exif=exif)
    found = photos.read(tmp_path / "turned.png", 80)
    assert found is not None
    assert (found[:40] == 255).all()
    assert (found[40:] == 0).all()


def test_photographs_that_all_turn_out_damaged_are_too_few(tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes((PHOTOS / "pier.jpg").read_bytes()[:9000])
    words = ("--images", tmp_path, "--side", 128, "--network", "photo", "--out", tmp_path / "out")
    done = rigatino("evaluate", *words)
    assert done.exit_code == 1
    assert "0 photographs of at least 128 pixels" in done.stderr
    assert not (tmp_path / "out").exists()


def test_patterns_choose_photographs(tmp_path: Path) -> None:
    words = ("--network", "photo", "--masks", "wide", "--match", "c*.jpg", "--match", "pier*")
    assert report(tmp_path, *words)["photos"] == [
        "camera.jpg", "canyon.jpg", "cat.jpg", "coffee.jpg", "pier.jpg",
    ]  # fmt: skip


def test_an_interruption_leaves_the_tables_of_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = holes.draw

    def interrupted(kind: str, side: int, seed: int, index: int) -> Any:
        if index == 2 and kind == "object":
            raise KeyboardInterrupt
        return draw(kind, side, seed, index)

    monkeypatch.setattr(holes, "draw", interrupted)
    done = evaluate(tmp_path, "--network", "photo", "--against", "ns")
    assert done.exit_code == 1
    assert "interrupted after 2 of 10 photographs" in done.stderr
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["interrupted"]
    assert found["photos"] == ["astronaut.jpg", "brick.jpg"]
    assert all(len(found["results"][kind]["ns"]["l1"]["values"]) == 2 for kind in ("wide", "object"))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (Failure("no_network"), "No network for this is installed."),
        (MemoryError(), "There is not enough memory"),
        (RuntimeError("[enforce fail] not enough memory"), "There is not enough memory"),
    ],
)
def test_what_goes_wrong_on_the_way_leaves_the_tables_of_what_was_done(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    sentence: str,
) -> None:
    fill = cv2.inpaint

    def failing(picture: Any, hole: Any, *rest: Any) -> Any:
        if (hole == holes.draw("wide", 128, 0, 2)).all():
            raise error
        return fill(picture, hole, *rest)

    monkeypatch.setattr(cv2, "inpaint", failing)
    done = evaluate(tmp_path, "--network", "photo", "--against", "ns", "--masks", "wide")
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert "2 of 10 photographs" in caplog.text
    assert "The evaluation was interrupted" in done.stdout
    found = json.loads((tmp_path / "results.json").read_text())
    assert len(found["results"]["wide"]["ns"]["l1"]["values"]) == len(found["photos"]) == 2
    (tmp_path / "early").mkdir()
    monkeypatch.setattr(holes, "draw", lambda *_: (_ for _ in ()).throw(error))
    done = evaluate(tmp_path / "early", "--network", "photo")
    assert sentence in done.stderr
    assert not list((tmp_path / "early").iterdir())


def test_scores_that_cannot_be_computed_do_not_take_the_tables_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judges: list[object]
) -> None:
    def hungry(real: Any, fake: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(distributions, "frechet_distance", hungry)
    done = evaluate(tmp_path / "out", "--network", "photo", "--masks", "wide", "--count", 2, *judges[-2:])
    assert done.exit_code == 1
    assert "There is not enough memory" in done.stderr
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert len(found["photos"]) == 2
    assert not found["interrupted"]
    assert found["distributions"] == {}


def test_tables_that_cannot_be_written_are_printed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "results.json").mkdir()
    done = evaluate(tmp_path, "--network", "photo", "--masks", "wide", "--count", 1)
    assert done.exit_code == 1
    assert f"{tmp_path / 'results.json'} cannot be written" in done.stderr
    assert "| hole PSNR dB |" in done.stdout


def test_few_photographs_are_not_called_better(tmp_path: Path) -> None:
    words = ("--network", "photo", "--against", "ns", "--masks", "wide", "--count", 1)
    found = report(tmp_path, *words)
    text = (tmp_path / "table.md").read_text()
    assert found["differences"]["wide"]["ns"]["psnr"]["low"] > 10
    assert "1 photo of 128 px" in text
    assert "fewer than 20 photos are too narrow" in text
    assert "better**" not in text
    many = tables.markdown(found | {"photos": found["photos"] * 20})
    assert "**better**" in many
    assert "fewer than" not in many


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--images", "nowhere"], "no folder nowhere"),
        (["--masks", "wide,triangles"], "silhouette"),
        (["--count", 11], "10 photographs"),
        (["--side", 512], "0 photographs"),
        (["--masks", "wide,triangles"], "masks cannot be “triangles”"),
        (["--network", "nonesuch"], "no network named “nonesuch”"),
        (["--against", "nonesuch:plain"], "patchmatch"),
        (["--perceptual", "gone.safetensors"], "no file gone.safetensors"),
        (["--lpips", PHOTOS / "cat.jpg"], "no kind that Rigatino knows"),
    ],
)
def test_mistakes_get_a_sentence(tmp_path: Path, words: list[object], sentence: str) -> None:
    done = evaluate(tmp_path / "out", *words)
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(holes, "draw", None)
    done = evaluate(tmp_path / "file" / "out", "--network", "photo")
    assert done.exit_code == 1
    assert "cannot be written: Not a directory" in done.stderr


def test_holes_of_no_kind_are_wrong_usage(tmp_path: Path) -> None:
    done = evaluate(tmp_path / "out", "--masks", ",")
    assert done.exit_code == 2
    assert "--masks" in done.stderr


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "patchmatch", None)
    done = evaluate(tmp_path / "out", "--against", "patchmatch")
    assert done.exit_code == 1
    assert "patchmatch" in done.stderr
    assert "“eval”" in done.stderr


def test_a_patchmatch_that_cannot_be_loaded_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patchmatch, "patchmatch_available", False)
    done = evaluate(tmp_path / "out", "--against", "patchmatch")
    assert done.exit_code == 1
    assert "pypatchmatch with its native library" in done.stderr


def test_object_and_silhouette_are_what_the_pages_say() -> None:
    for name, family in {"object": "blob", "silhouette": "object", "wide": "wide"}.items():
        rng = np.random.default_rng((5, 3, len(name)))
        assert (holes.draw(name, 128, 5, 3) == masks.MASKS[family](rng, 128)).all()
    page = (DOCS / "measures.md").read_text("utf-8")
    assert [kind for kind in holes.KINDS if f"`{kind}`" not in page] == []
    assert "its `object` is training's `blob`, and its `silhouette`\ntraining's `object`" in page
    assert "its `object` is the family that is called `blob` here" in (DOCS / "training.md").read_text(
        "utf-8"
    )


def test_the_page_explains_every_row() -> None:
    page = (DOCS / "measures.md").read_text("utf-8")
    explained = re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE)
    names = {name.strip() for row in explained for name in row.split(",")}
    assert {measure.heading.removesuffix(" dB") for measure in MEASURES.values()} <= names


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
