"""`rigatino paint`, `transplant` and `classes` with a small random collage."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
import small_networks
from command_line import rigatino
from numpy.typing import NDArray
from PIL import Image

from rigatino import weights
from rigatino.editing import asked
from rigatino.pictures import Picture

NAMES = ("tabby, tabby cat", "tiger cat", "lion", "tiger, Panthera tigris", "red fox")


@pytest.fixture(autouse=True)
def cats(own_folders: None, tmp_path: Path) -> None:
    """A network in the data folder."""
    weights.import_file(small_networks.collage(tmp_path / "x.safetensors", names=NAMES), "cats")


def pixels(path: Path) -> NDArray[np.int16]:
    with Image.open(path) as image:
        return np.asarray(image).astype(np.int16)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A picture and a mask."""
    y, x = np.mgrid[0:48, 0:64]
    Image.fromarray(np.stack([x * 3, y * 5, 255 - x], -1).astype(np.uint8)).save(tmp_path / "in.png")
    mask = np.zeros((48, 64), np.uint8)
    mask[10:30, 20:50] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return tmp_path / "in.png", tmp_path / "mask.png"


def changed(files: tuple[Path, Path], out: Path) -> NDArray[np.bool_]:
    """Where the output differs; nothing does outside of the mask and its seam."""
    where = (pixels(files[0]) != pixels(out)).any(-1)
    assert not where[:5].any()
    assert not where[:, :15].any()
    return where


def test_a_class_is_painted_where_the_mask_is(files: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    done = rigatino("paint", *files, "--class", "lion", "--base", "red fox", "--steps", 2, "-o", out)
    assert done.exit_code == 0, done.output
    assert "cats" in done.stderr
    assert changed(files, out)[10:30, 20:50].mean() > 0.5
    words = ("paint", *files, "--class", "2", "--base", 4, "--steps", 2, "-o", tmp_path / "again.png")
    assert rigatino(*words, "--daemon").exit_code == 0
    assert (pixels(out) == pixels(tmp_path / "again.png")).all()
    assert rigatino("paint", *files, "--class", "lion", "--strength", 0, "-o", out, "--force").exit_code == 0
    assert not changed(files, out).any()


def test_colours_say_which_class_is_where(files: tuple[Path, Path], tmp_path: Path) -> None:
    colours = np.zeros((48, 64, 3), np.uint8)
    colours[10:30, 20:35] = (255, 0, 0)
    colours[10:30, 35:50] = (0, 1, 254)
    Image.fromarray(colours).save(tmp_path / "colours.png")
    words = ("paint", files[0], tmp_path / "colours.png", "--base", "lion", "--steps", 1)
    out = tmp_path / "out.png"
    done = rigatino(*words, "--class", "ff0000=tabby", "--class", "#0000FF=lion", "-o", out)
    assert done.exit_code == 0, done.output
    where = np.abs(pixels(files[0]) - pixels(out)).sum(-1)
    assert where[10:30, 20:30].mean() > 1.5 * where[10:30, 45:50].mean()
    done = rigatino(*words, "--class", "ff0000=tabby", "--class", "lion", "-o", tmp_path / "x.png")
    assert done.exit_code == 1
    assert "ff0000=tabby" in done.stderr


@pytest.mark.parametrize(("context", "side"), [(0.0, 40 + 3 * 40), (2.0, 40 + 2 * 40), (0.5, 40 + 2 * 32)])
def test_context_says_how_much_is_seen_around(context: float, side: int) -> None:
    mask = np.zeros((300, 300), np.uint8)
    mask[130:170, 130:170] = 255
    picture = Picture(np.zeros((300, 300, 4), np.uint8), "RGBA", {})
    [rule] = (info.rule for info in weights.network_infos(task="paint"))
    options = asked.options(
        "lion", None, "cats", steps=1, seam="auto", feather=0.0, seed=1, precision="fp32", context=context
    )
    assert options.shown(picture, mask, rule).box.width == side


def test_more_classes_than_one_request_holds_are_wrong_usage(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    words = [word for k in range(13) for word in ("--class", f"0000{k:02x}=lion")]
    done = rigatino("paint", *files, *words, "-o", tmp_path / "x.png")
    assert done.exit_code == 2
    assert "12 times" in done.stderr


def test_colours_of_16_bits_count_where_they_are_opaque(files: tuple[Path, Path], tmp_path: Path) -> None:
    colours = np.zeros((48, 64, 4), np.uint16)
    colours[10:30, 20:50] = (65535, 0, 0, 65535)
    colours[:, :18, 0] = 65535  # rubbed out
    map_ = oiio.ImageOutput.create(str(tmp_path / "colours.png"))
    map_.open(str(tmp_path / "colours.png"), oiio.ImageSpec(64, 48, 4, oiio.UINT16))
    map_.write_image(colours)
    map_.close()
    words = ("paint", files[0], tmp_path / "colours.png", "--base", "lion", "--steps", 1)
    done = rigatino(*words, "--class", "ff0000=tabby", "-o", tmp_path / "out.png")
    assert done.exit_code == 0, done.output
    assert changed(files, tmp_path / "out.png")[10:30, 20:50].mean() > 0.5


def test_later_edits_go_on_from_what_was_kept(files: tuple[Path, Path], tmp_path: Path) -> None:
    keep, out = tmp_path / "picture.latent", tmp_path / "out.png"
    words = ("paint", *files, "--class", "lion", "--keep", keep, "--steps", 2, "-o", out, "--force")
    assert rigatino(*words).exit_code == 0
    first, kept = pixels(out), keep.read_text()
    assert len(base64.b64decode(kept)) == 4 * (1 + 3 + 6)
    assert rigatino(*words, "--steps", 1).exit_code == 0
    assert (pixels(out) == first).all()
    assert keep.read_text() == kept
    keep.write_text("nonsense")
    done = rigatino(*words)
    assert done.exit_code == 1
    assert "latent" in done.stderr


def test_a_part_is_transplanted(files: tuple[Path, Path], tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (30, 40, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "other.png")
    mark = np.zeros((30, 40), np.uint8)
    mark[5:20, 5:25] = 255
    Image.fromarray(mark).save(tmp_path / "mark.png")
    words = ("transplant", *files, tmp_path / "other.png")
    settings = ("--base", 1, "--steps", 2)
    out = tmp_path / "out.png"
    done = rigatino(*words, tmp_path / "mark.png", "--sliders", 1, 0.5, 0, 0, *settings, "-o", out)
    assert done.exit_code == 0, done.output
    assert changed(files, out)[10:30, 20:50].mean() > 0.5
    whole = tmp_path / "whole.png"
    assert rigatino(*words, "--sliders", 1, 0.5, 0, 0, *settings, "-o", whole).exit_code == 0
    assert (pixels(out) != pixels(whole)).any()
    assert rigatino(*words, "--sliders", 0, 0, 0, 0, *settings, "-o", whole, "--force").exit_code == 0
    assert not changed(files, whole).any()
    done = rigatino(*words, files[1], *settings, "-o", tmp_path / "x.png")
    assert done.exit_code == 1
    assert "differ in size" in done.stderr


def test_classes_are_listed_and_searched() -> None:
    done = rigatino("classes")
    assert done.exit_code == 0
    assert [line.split(None, 1)[1] for line in done.stdout.splitlines()] == list(NAMES)
    found = json.loads(rigatino("classes", "TIGER", "--json").stdout)
    assert [one["number"] for one in found] == [1, 3]


@pytest.mark.parametrize(
    ("name", "words"), [("cat", ("tabby", "tiger cat")), ("unicorn", ("rigatino classes",)), ("5", ("5",))]
)
def test_a_class_must_be_one(
    name: str, words: tuple[str, ...], files: tuple[Path, Path], tmp_path: Path
) -> None:
    done = rigatino("paint", *files, "--class", name, "-o", tmp_path / "out.png")
    assert done.exit_code == 1
    assert all(word in done.stderr for word in words)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("daemon", [[], ["--daemon"]])
def test_without_a_network_that_can(daemon: list[str], files: tuple[Path, Path], tmp_path: Path) -> None:
    weights.remove("cats")
    done = rigatino("transplant", *files, files[0], "--base", "guess", "-o", tmp_path / "out.png", *daemon)
    assert done.exit_code == 1
    assert "No network" in done.stderr
    assert rigatino("classes").exit_code == 1
