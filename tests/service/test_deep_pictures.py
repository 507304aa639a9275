"""Pictures of 16 bits and floating point: the same bits, the same words about them, and fills in between."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from command_line import rigatino
from numpy.typing import NDArray
from PIL import Image, ImageCms

from rigatino import light, pictures, retouch
from rigatino_wire.errors import Failure
from rigatino_wire.region import Box

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
KINDS = {
    "16.png": oiio.UINT16,
    "16.tif": oiio.UINT16,
    "float.tif": oiio.FLOAT,
    "float.exr": oiio.FLOAT,
    "half.exr": oiio.HALF,
}
Pixels = NDArray[Any]


def noise(height: int, width: int, channels: int, kind: str) -> Pixels:
    """Values of all sizes; in floating point also beyond 0 and 1."""
    rng = np.random.default_rng(5)
    if KINDS[kind] == oiio.UINT16:
        return rng.integers(0, 65536, (height, width, channels), np.uint16)
    values = rng.normal(0.5, 0.6, (height, width, channels)).astype(np.float16).astype(np.float32)
    if channels in (2, 4):
        values[..., -1] = rng.random((height, width)).astype(np.float16)
    return values


def save(path: Path, pixels: Pixels, kind: Any, **attributes: Any) -> Path:
    """Write with OpenImageIO, alpha as it stands in the array."""
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
    if pixels.shape[2] == 2:
        spec.channelnames, spec.alpha_channel = ("Y", "A"), 1
    if path.suffix != ".exr":
        spec.attribute("oiio:UnassociatedAlpha", 1)
    for name, value in attributes.items():
        spec.attribute(name.replace("__", ":"), value)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(np.ascontiguousarray(pixels))
    out.close()
    return path


def load(path: Path) -> tuple[Pixels, Any]:
    """All channels as they are stored, and the header."""
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    file = oiio.ImageInput.open(str(path), config)
    pixels, spec = file.read_image("unknown"), file.spec()
    file.close()
    return pixels, spec


@pytest.mark.parametrize(
    ("kind", "channels"),
    [(kind, count) for kind in KINDS for count in (1, 2, 3, 4) if not (count == 2 and kind.endswith("exr"))],
)
def test_files_come_back_bit_for_bit(tmp_path: Path, kind: str, channels: int) -> None:
    pixels = noise(9, 14, channels, kind)
    source = save(tmp_path / f"in.{kind}", pixels, KINDS[kind])
    picture = pictures.read(source)
    assert picture.mode == {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    assert picture.rgba.shape == (9, 14, 4)
    pictures.write(tmp_path / f"out.{kind}", picture)
    before, after = load(source), load(tmp_path / f"out.{kind}")
    assert after[0].dtype == before[0].dtype
    assert after[1].format == KINDS[kind]
    assert (after[0] == before[0]).all()
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"in.{kind}", f"out.{kind}"]


@pytest.mark.parametrize("kind", ["16.png", "16.tif", "float.tif"])
def test_profile_exif_and_resolution_are_kept_and_the_picture_is_upright(tmp_path: Path, kind: str) -> None:
    pixels = noise(9, 14, 3, kind)
    words = {"Make": "Rigatino", "ExposureTime": 0.25, "XResolution": 300.0, "YResolution": 300.0}
    source = save(tmp_path / f"in.{kind}", pixels, KINDS[kind], Orientation=6, ResolutionUnit="in", **words)
    with_profile(source, pixels, kind, words)
    picture = pictures.read(source)
    assert picture.rgba.shape == (14, 9, 4)
    assert (picture.rgba[0, 0, :3] == pixels[-1, 0]).all()
    pictures.write(tmp_path / f"out.{kind}", picture)
    after, header = load(tmp_path / f"out.{kind}")
    assert (after == picture.rgba[..., :3]).all()
    assert bytes(header.getattribute("ICCProfile")) == PROFILE
    assert header.get_int_attribute("Orientation", 1) == 1
    for name, value in words.items():
        assert header.getattribute(name) == value, name


def with_profile(path: Path, pixels: Pixels, kind: str, words: dict[str, Any]) -> None:
    """Write it again, with a colour profile."""
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], KINDS[kind])
    spec.attribute("ICCProfile", oiio.TypeDesc(f"uint8[{len(PROFILE)}]"), np.frombuffer(PROFILE, np.uint8))
    for name, value in {**words, "Orientation": 6, "ResolutionUnit": "in"}.items():
        spec.attribute(name, value)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    out.write_image(pixels)
    out.close()


def png_by_hand(path: Path, pixels: Pixels, *chunks: tuple[bytes, bytes]) -> Path:
    """A 16-bit RGB PNG without any library."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)), *chunks]
    parts += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))
    return path


def test_what_other_programs_wrote(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Rigatino"
    exif.get_ifd(0x8769)[0x9003] = "2020:02:20 20:20:20"  # when it was taken
    pixels = noise(5, 7, 3, "16.png")
    profile = b"p\0\0" + zlib.compress(PROFILE)
    eight = exif.tobytes().removeprefix(b"Exif\0\0")
    source = png_by_hand(tmp_path / "in.png", pixels, (b"iCCP", profile), (b"eXIf", eight))
    picture = pictures.read(source)
    assert picture.rgba.dtype == np.uint16
    assert (picture.rgba[..., :3] == pixels).all()
    pictures.write(tmp_path / "out.png", picture)
    with Image.open(tmp_path / "out.png") as out:
        assert out.info["icc_profile"] == PROFILE
        assert out.getexif().get(0x010F) == "Rigatino"
        assert out.getexif().get_ifd(0x8769)[0x9003] == "2020:02:20 20:20:20"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_way_to_turn_a_picture(tmp_path: Path, orientation: int) -> None:
    pixels = noise(5, 7, 3, "16.tif")
    upright = pictures.read(save(tmp_path / "in.tif", pixels, oiio.UINT16, Orientation=orientation)).rgba[
        ..., 0
    ]
    with Image.open(tmp_path / "in.tif") as image:
        shown = np.asarray(image)  # Pillow turns TIFFs itself, at 8 bits
    assert upright.shape == shown.shape[:2]
    assert np.abs(upright / 257 - shown[..., 0]).max() < 1.01


def test_light() -> None:
    """Anchors of the standard, and there and back."""
    values = np.linspace(-0.5, 4, 1001, dtype=np.float32)
    assert np.abs(light.decoded(light.encoded(values)) - values).max() < 1e-5
    assert light.encoded(np.float32([0, 0.0031308, 0.2140, 1])) == pytest.approx(
        [0, 0.04045, 0.5, 1], abs=1e-4
    )


def test_deep_pixels_travel_as_networks_know_them(tmp_path: Path) -> None:
    """Straight, on sRGB's curve."""
    stored = np.zeros((2, 2, 4), np.float32)
    stored[..., :3], stored[..., 3] = 0.107, 0.5
    picture = pictures.read(save(tmp_path / "in.exr", stored, oiio.FLOAT))
    assert (picture.associated, picture.linear) == (True, True)
    array = retouch.sent(picture, Box(0, 0, 2, 2))
    assert array.dtype == "f32"
    sent = np.frombuffer(array.view, "<f4").reshape(array.shape)
    assert sent[0, 0] == pytest.approx([0.5, 0.5, 0.5, 0.5], abs=1e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_over_is_exact_where_nothing_or_all_covers(dtype: Any) -> None:
    one = 1.0 if dtype == np.float32 else float(np.iinfo(dtype).max)
    rng = np.random.default_rng(3)
    below, above = ((rng.random((6, 6, 4)) * one).astype(dtype) for _ in range(2))
    above[:2, :, 3], above[2:4, :, 3] = 0, one
    for associated in (False, True):
        laid = retouch.over(below, above, one, associated)
        assert laid.dtype == dtype
        assert (laid[:2] == below[:2]).all()
        assert (laid[2:4] == above[2:4]).all()
    half = retouch.over(np.float32([[[0.2, 0.2, 0.2, 0.5]]]), np.float32([[[0.8, 0.8, 0.8, 0.5]]]), 1.0, True)
    assert half[0, 0] == pytest.approx([0.5, 0.5, 0.5, 0.75])


def test_what_is_no_number_is_covered() -> None:
    below = np.full((2, 2, 4), np.nan, np.float32)
    below[0, 0], below[..., 3] = np.inf, 1
    above = np.full((2, 2, 4), 0.5, np.float32)
    above[..., 3] = [[1, 1], [1, 0]]
    for associated in (False, True):
        laid = retouch.over(below, above, 1.0, associated)
        assert (laid[above[..., 3] == 1][:, :3] == 0.5).all()
        assert np.isnan(laid[1, 1, :3]).all()


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIGATINO_DATA_DIR", str(tmp_path / "data"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_fills_keep_the_depth_and_all_around(
    tmp_path: Path, kind: str, channels: int, own_data: None
) -> None:
    """A smooth ramp is closed smoothly, in values that 8 bits do not have; the rest stays bit for bit."""
    y, x = np.mgrid[0:90, 0:120] / 120
    pixels = np.stack([0.1 + 0.6 * x, 0.2 + 0.5 * y, 0.8 - 0.5 * x, np.ones_like(x)], -1)[..., :channels]
    pixels = pixels * 65535 if KINDS[kind] == oiio.UINT16 else pixels
    pixels = pixels.astype(np.uint16 if KINDS[kind] == oiio.UINT16 else np.float32)
    source = save(tmp_path / f"in.{kind}", pixels, KINDS[kind])
    mask = np.zeros((90, 120), np.uint8)
    mask[30:50, 40:70] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    done = rigatino("fill", source, tmp_path / "mask.png", "-o", tmp_path / f"out.{kind}", "--seed", 1)
    assert done.exit_code == 0, done.output
    (before, _), (after, header) = load(source), load(tmp_path / f"out.{kind}")
    assert header.format == KINDS[kind]
    assert after.shape == before.shape
    changed = (before != after).any(-1)
    assert changed[30:50, 40:70].mean() > 0.5
    changed[30 - 9 : 50 + 9, 40 - 9 : 70 + 9] = False
    assert not changed.any()
    one = 65535 if KINDS[kind] == oiio.UINT16 else 1
    inside = after[30:50, 40:70].astype(float) / one
    assert np.abs(inside - before[30:50, 40:70].astype(float) / one).mean() < 0.05
    steps = inside[..., 0] * 255
    assert (np.abs(steps - np.rint(steps)) > 0.05).mean() > 0.5


def test_highlights_beyond_white_stay(tmp_path: Path, own_data: None) -> None:
    pixels = np.full((64, 64, 3), 0.25, np.float32)
    pixels[:8] = 40.0
    source = save(tmp_path / "in.exr", pixels, oiio.FLOAT)
    Image.fromarray(np.pad(np.full((8, 8), 255, np.uint8), 28)).save(tmp_path / "mask.png")
    assert rigatino("fill", source, tmp_path / "mask.png", "-o", tmp_path / "out.exr").exit_code == 0
    after, _ = load(tmp_path / "out.exr")
    assert (after[:8] == 40).all()
    assert np.abs(after[28:36, 28:36] - 0.25).mean() < 0.1


def test_broken_pixels_can_be_filled(tmp_path: Path, own_data: None) -> None:
    """What a renderer leaves: pixels that are no numbers, in the hole; infinite light also elsewhere."""
    pixels = np.full((64, 64, 3), 0.25, np.float32)
    pixels[30:32, 30:34], pixels[32:34, 30:34], pixels[:4] = np.nan, np.inf, np.inf
    mask = np.zeros((64, 64), np.uint8)
    mask[30:34, 30:34] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    source = save(tmp_path / "in.exr", pixels, oiio.FLOAT)
    done = rigatino("fill", source, tmp_path / "mask.png", "-o", tmp_path / "out.exr")
    assert done.exit_code == 0, done.output
    after, _ = load(tmp_path / "out.exr")
    assert np.abs(after[28:36, 28:36] - 0.25).max() < 0.1
    assert np.isinf(after[:4]).all()
    pixels[10, 10] = np.nan
    source = save(tmp_path / "bad.exr", pixels, oiio.FLOAT)
    done = rigatino("fill", source, tmp_path / "mask.png", "-o", tmp_path / "worse.exr")
    assert done.exit_code == 1
    assert not (tmp_path / "worse.exr").exists()


@pytest.mark.parametrize(
    ("kind", "name", "known"),
    [
        ("16.png", "out.jpg", ".png .tif .tiff"),
        ("16.tif", "out.webp", ".png"),
        ("16.tif", "out.exr", ".png"),
        ("float.tif", "out.png", ".tif .tiff"),
        ("float.tif", "out.exr", ".tif .tiff"),
        ("float.exr", "out.tif", ".exr"),
    ],
)
def test_formats_that_cannot_hold_it(tmp_path: Path, kind: str, name: str, known: str) -> None:
    picture = pictures.read(save(tmp_path / f"in.{kind}", noise(4, 4, 3, kind), KINDS[kind]))
    with pytest.raises(Failure, match=known) as caught:
        pictures.write(tmp_path / name, picture)
    assert caught.value.code == "no_depth"
    assert not (tmp_path / name).exists()


def test_eight_bits_are_not_written_as_openexr(tmp_path: Path) -> None:
    picture = pictures.Picture(np.zeros((2, 2, 4), np.uint8), "RGB")
    with pytest.raises(Failure, match="8 bits") as caught:
        pictures.check_output(tmp_path / "out.exr", picture, force=False)
    assert caught.value.code == "no_depth"


@pytest.mark.parametrize(
    "kind", ["uint32", "double", "channels", "parts", "cmyk", "cut", "cut exr", "nonsense exr"]
)
def test_refusals_name_the_file(tmp_path: Path, kind: str) -> None:
    path, code = tmp_path / "bad.tif", "deep_picture"
    if kind == "uint32":
        save(path, np.zeros((4, 4, 3), np.uint32), oiio.UINT32)
    elif kind == "double":
        save(path, np.zeros((4, 4, 3)), oiio.DOUBLE)
    elif kind == "channels":
        code = "colour_mode"
        save(path, np.zeros((4, 4, 5), np.uint16), oiio.UINT16)
    elif kind == "cmyk":
        code = "colour_mode"
        spec = oiio.ImageSpec(4, 4, 4, oiio.UINT16)
        spec.attribute("tiff:ColorSpace", "CMYK")
        spec.channelnames = ("C", "M", "Y", "K")
        out = oiio.ImageOutput.create(str(path))
        assert out.open(str(path), spec)
        out.write_image(np.zeros((4, 4, 4), np.uint16))
        out.close()
    elif kind == "parts":
        path, code = tmp_path / "bad.exr", "many_pages"
        specs = (oiio.ImageSpec(4, 4, 3, oiio.HALF), oiio.ImageSpec(4, 4, 3, oiio.HALF))
        out = oiio.ImageOutput.create(str(path))
        assert out.open(str(path), specs)
        out.write_image(np.zeros((4, 4, 3), np.float32))
        out.open(str(path), specs[1], "AppendSubimage")
        out.write_image(np.zeros((4, 4, 3), np.float32))
        out.close()
    else:
        path, code = tmp_path / ("bad.exr" if "exr" in kind else "bad.tif"), "file_unreadable"
        whole = save(path, noise(200, 200, 3, "float.exr"), oiio.FLOAT).read_bytes()
        path.write_bytes(whole[:4] + b"nonsense" if "nonsense" in kind else whole[: len(whole) // 2])
    with pytest.raises(Failure) as caught:
        pictures.read(path)
    assert caught.value.code == code
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "in.png", noise(4, 4, 3, "16.png"), oiio.UINT16)
    monkeypatch.setitem(sys.modules, "OpenImageIO", None)
    with pytest.raises(Failure, match="deep") as caught:
        pictures.read(path)
    assert caught.value.code == "package_missing"


@pytest.mark.parametrize("kind", ["float.tif", "float.exr", "16.tif"])
def test_masks_may_be_deep(tmp_path: Path, kind: str) -> None:
    white = np.zeros((12, 20, 1), np.float32)
    white[3:6, 4:9] = 1
    stored = white * 65535 if KINDS[kind] == oiio.UINT16 else white
    path = save(
        tmp_path / f"mask.{kind}", stored.astype(np.uint16 if stored.max() > 1 else np.float32), KINDS[kind]
    )
    assert (pictures.read_mask(path) == white[..., 0] * 255).all()


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    picture = pictures.read(save(tmp_path / "in.png", noise(4, 4, 3, "16.png"), oiio.UINT16))
    (tmp_path / "out.png").write_text("dear")
    broken = oiio.ImageSpec(picture.header)
    broken.attribute("ICCProfile", oiio.TypeDesc("uint8[9]"), np.arange(9, dtype=np.uint8))
    with pytest.raises(Failure) as caught:
        pictures.write(tmp_path / "out.png", pictures.Picture(picture.rgba, "RGB", header=broken), force=True)
    assert caught.value.code == "file_unwritable"
    assert (tmp_path / "out.png").read_text() == "dear"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.png", "out.png"]
