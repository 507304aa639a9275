"""Picture files: what is read, what is refused, what is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from rigatino import pictures
from rigatino_wire.errors import Failure


def save(path: Path, mode: str = "RGB", size: tuple[int, int] = (20, 12), **options: Any) -> Path:
    gradient = Image.linear_gradient("L").resize(size)
    gradient.convert(mode).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_picture_comes_back_in_its_mode(tmp_path: Path, suffix: str, mode: str) -> None:
    if (suffix, mode) == (".webp", "L"):
        mode = "RGB"  # WebP has no grey
    picture = pictures.read(save(tmp_path / f"in{suffix}", mode))
    assert picture.mode == mode
    pictures.write(tmp_path / f"out{suffix}", picture)
    again = pictures.read(tmp_path / f"out{suffix}")
    assert again.mode == mode
    if suffix != ".jpg":
        assert (again.rgba == picture.rgba).all()


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P", "1"])
def test_other_modes(tmp_path: Path, mode: str) -> None:
    picture = pictures.read(save(tmp_path / "in.png", mode))
    assert picture.mode == {"LA": "LA", "RGBA": "RGBA", "P": "RGB", "1": "L"}[mode]
    assert picture.rgba.shape == (12, 20, 4)


def test_profile_and_exif_are_kept_and_the_picture_is_upright(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned
    exif[0x010F] = "Rigatino"
    picture = pictures.read(save(tmp_path / "in.jpg", exif=exif, icc_profile=profile))
    assert picture.rgba.shape == (20, 12, 4)
    pictures.write(tmp_path / "out.png", picture)
    with Image.open(tmp_path / "out.png") as out:
        assert out.info["icc_profile"] == profile
        assert out.getexif().get(0x010F) == "Rigatino"
        assert out.getexif().get(0x0112, 1) == 1
        assert out.size == (12, 20)


def masks(tmp_path: Path) -> dict[str, Path]:
    white = np.zeros((12, 20), np.uint8)
    white[3:6, 4:9] = 255
    zeros, opaque = np.zeros_like(white), np.full_like(white, 255)
    made = {
        "grey": Image.fromarray(white),
        "bilevel": Image.fromarray(white).convert("1"),
        "rgb": Image.fromarray(np.stack([white] * 3, -1)),
        "white on black, opaque": Image.fromarray(np.stack([white, white, white, opaque], -1)),
        "white on transparent": Image.fromarray(np.stack([opaque, opaque, opaque, white], -1)),
        "black on transparent": Image.fromarray(np.stack([zeros, zeros, zeros, white], -1)),
        "grey and alpha": Image.fromarray(np.stack([zeros, white], -1)),
        "16 bit": Image.fromarray(white.astype(np.uint16) * 257),
    }
    for name, image in made.items():
        image.save(tmp_path / f"{name}.png")
    return {name: tmp_path / f"{name}.png" for name in made}


def test_every_way_to_paint_a_mask_means_the_same(tmp_path: Path) -> None:
    for name, path in masks(tmp_path).items():
        mask = pictures.read_mask(path)
        assert mask.dtype == np.uint8
        assert (mask[3:6, 4:9] == 255).all(), name
        assert mask.astype(int).sum() == 255 * 15, name


def test_dark_noise_in_a_mask_marks_nothing(tmp_path: Path) -> None:
    mask = np.full((12, 20), 7, np.uint8)
    mask[3:6, 4:9] = 250
    Image.fromarray(mask).save(tmp_path / "noisy.png")
    assert (pictures.read_mask(tmp_path / "noisy.png") > 0).sum() == 15


@pytest.mark.parametrize(("mode", "transparent", "kept"), [("RGB", (1, 2, 3), "RGBA"), ("L", 9, "LA")])
def test_a_transparent_colour_stays_transparent(
    tmp_path: Path, mode: str, transparent: object, kept: str
) -> None:
    image = Image.new(mode, (4, 3), transparent)  # type: ignore[arg-type]
    image.putpixel((1, 1), 200 if mode == "L" else (200, 0, 0))
    image.save(tmp_path / "in.png", transparency=transparent)
    picture = pictures.read(tmp_path / "in.png")
    assert picture.mode == kept
    assert picture.rgba[0, 0, 3] == 0
    assert picture.rgba[1, 1, 3] == 255


def test_a_phone_s_jpeg_with_a_second_picture_is_read(tmp_path: Path) -> None:
    first = Image.new("RGB", (16, 16), "red")
    first.save(tmp_path / "in.jpg", "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8), "blue")])
    with Image.open(tmp_path / "in.jpg") as image:
        assert image.format == "MPO"
    picture = pictures.read(tmp_path / "in.jpg")
    assert picture.rgba.shape == (16, 16, 4)
    assert picture.rgba[0, 0, 0] > 200


def test_an_opaque_black_mask_marks_nothing(tmp_path: Path) -> None:
    Image.new("RGBA", (5, 5), (0, 0, 0, 255)).save(tmp_path / "black.png")
    assert not pictures.read_mask(tmp_path / "black.png").any()


@pytest.mark.parametrize("kind", ["cmyk", "pages", "text", "cut", "none", "folder"])
def test_refusals_name_the_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bad.tif"
    if kind == "cmyk":
        save(path, "CMYK")
        code = "colour_mode"
    elif kind == "pages":
        first = Image.new("RGB", (4, 4))
        first.save(path, save_all=True, append_images=[Image.new("RGB", (4, 4), "red")])
        code = "many_pages"
    elif kind == "text":
        path.write_text("not a picture")
        code = "file_unreadable"
    elif kind == "cut":
        whole = save(tmp_path / "whole.png", size=(200, 200)).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        code = "file_unreadable"
    else:
        path = tmp_path if kind == "folder" else tmp_path / "bad.png"
        code = "file_unreadable" if kind == "folder" else "file_missing"
    with pytest.raises(Failure) as caught:
        pictures.read(path)
    assert caught.value.code == code
    assert path.name in str(caught.value)


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    picture = pictures.read(save(tmp_path / "in.png"))
    (tmp_path / "out.png").write_text("dear")
    with pytest.raises(Failure, match="exists"):
        pictures.write(tmp_path / "out.png", picture)
    assert (tmp_path / "out.png").read_text() == "dear"
    pictures.write(tmp_path / "out.png", picture, force=True)
    assert (pictures.read(tmp_path / "out.png").rgba == picture.rgba).all()


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = pictures.read(save(tmp_path / "in.png"))
    (tmp_path / "out.png").write_text("dear")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(Failure, match="No space left"):
        pictures.write(tmp_path / "out.png", picture, force=True)
    assert (tmp_path / "out.png").read_text() == "dear"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.png", "out.png"]


@pytest.mark.parametrize(
    ("name", "mode", "code"),
    [
        ("out.gif", "RGB", "unknown_picture_format"),
        ("out", "RGB", "unknown_picture_format"),
        ("out.jpg", "RGBA", "no_alpha"),
        ("nowhere/out.png", "RGB", "folder_missing"),
    ],
)
def test_outputs_that_cannot_be(tmp_path: Path, name: str, mode: str, code: str) -> None:
    with pytest.raises(Failure) as caught:
        pictures.check_output(
            tmp_path / name, pictures.Picture(np.zeros((1, 1, 4), np.uint8), mode), force=False
        )
    assert caught.value.code == code
