"""`rigatino fill` and the command line's manners."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import small_networks
from command_line import rigatino
from PIL import Image

from rigatino.cli import COMMANDS
from rigatino.commands.demo import shipped
from rigatino.progress import Bar

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture
def hole(tmp_path: Path) -> tuple[Path, Path]:
    """A picture and a mask."""
    y, x = np.mgrid[0:90, 0:120]
    picture = np.stack([x * 2, y * 2, 255 - x], -1).astype(np.uint8)
    mask = np.zeros((90, 120), np.uint8)
    mask[30:50, 40:70] = 255
    Image.fromarray(picture).save(tmp_path / "in.png")
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return tmp_path / "in.png", tmp_path / "mask.png"


def pixels(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    with Image.open(path) as image:
        return np.asarray(image).astype(np.int16)


def test_a_hole_is_filled_and_the_rest_stays(hole: tuple[Path, Path], tmp_path: Path) -> None:
    done = rigatino("fill", *hole, "-o", tmp_path / "out.png")
    assert done.exit_code == 0, done.output
    before, after = pixels(hole[0]), pixels(tmp_path / "out.png")
    changed = (before != after).any(-1)
    assert changed[30:50, 40:70].mean() > 0.5
    changed[30 - 9 : 50 + 9, 40 - 9 : 70 + 9] = False
    assert not changed.any()
    # A smooth ramp is closed smoothly.
    assert np.abs(before - after)[30:50, 40:70].mean() < 12
    assert "lama-small" in done.stderr
    assert "seed" not in done.stderr  # it has one answer


def test_the_daemon_gives_the_same_picture(hole: tuple[Path, Path], tmp_path: Path) -> None:
    assert rigatino("fill", *hole, "-o", tmp_path / "here.png").exit_code == 0
    done = rigatino("fill", *hole, "-o", tmp_path / "there.png", "--daemon")
    assert done.exit_code == 0, done.output
    assert (pixels(tmp_path / "here.png") == pixels(tmp_path / "there.png")).all()


def test_deep_pictures_go_through_the_daemon_as_they_are(hole: tuple[Path, Path], tmp_path: Path) -> None:
    deep = pixels(hole[0])[..., 0].astype(np.uint16) * 257 + 3
    Image.fromarray(deep).save(tmp_path / "deep.png")
    for name, words in (("here.png", []), ("there.png", ["--daemon"])):
        done = rigatino("fill", tmp_path / "deep.png", hole[1], "-o", tmp_path / name, *words)
        assert done.exit_code == 0, done.output
    with Image.open(tmp_path / "here.png") as here, Image.open(tmp_path / "there.png") as there:
        assert here.mode == there.mode == "I;16"
        assert (np.asarray(here) == np.asarray(there)).all()
        assert (np.asarray(here) % 257 != 3)[30:50, 40:70].mean() > 0.5


def test_grow_and_feather_say_how_far_pixels_change(hole: tuple[Path, Path], tmp_path: Path) -> None:
    rigatino("fill", *hole, "-o", tmp_path / "out.png", "--grow", 0, "--feather", 0)
    changed = (pixels(hole[0]) != pixels(tmp_path / "out.png")).any(-1)
    changed[30:50, 40:70] = False
    assert not changed.any()


@pytest.mark.parametrize("daemon", [[], ["--daemon"]])
@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        ("empty", "nothing to fill"),
        ("full", "covers everything"),
        ("small", "differ in size"),
        ("gone", "no file"),
    ],
)
def test_bad_masks_get_a_sentence_and_change_nothing(
    hole: tuple[Path, Path], tmp_path: Path, mask: str, sentence: str, daemon: list[str]
) -> None:
    made = {"empty": ((120, 90), 0), "full": ((120, 90), 255), "small": ((60, 90), 255)}
    path = tmp_path / f"{mask}.png"
    if mask in made:
        Image.new("L", *made[mask]).save(path)
    done = rigatino("fill", hole[0], path, "-o", tmp_path / "out.png", *daemon)
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "out.png").exists()


def test_an_existing_output_stays_unless_forced(hole: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "out.png").write_text("dear")
    refused = rigatino("fill", *hole, "-o", tmp_path / "out.png")
    assert refused.exit_code == 1
    assert "--force" in refused.stderr
    assert (tmp_path / "out.png").read_text() == "dear"
    assert rigatino("fill", *hole, "-o", tmp_path / "out.png", "--force").exit_code == 0
    assert pixels(tmp_path / "out.png").shape == (90, 120, 3)


def test_a_folder_is_no_picture(hole: tuple[Path, Path], tmp_path: Path) -> None:
    for words in ((tmp_path, hole[1]), (hole[0], tmp_path)):
        done = rigatino("fill", *words, "-o", tmp_path / "out.png")
        assert done.exit_code == 1
        assert f"{tmp_path} cannot be read: it is a folder" in done.stderr


def test_where_nothing_can_be_written_is_said_before_the_work(
    hole: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(0o500)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).stat().st_mode & 0o200)  # so for root too
    done = rigatino("fill", hole[0], tmp_path / "no-mask.png", "-o", folder / "out.png")
    assert done.exit_code == 1
    assert "out.png cannot be written" in done.stderr


@pytest.mark.parametrize("daemon", [[], ["--daemon"]])
def test_ctrl_c_is_told_as_what_it_is(
    hole: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, daemon: list[str]
) -> None:
    def pressed(bar: Bar, stage: str, fraction: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Bar, "show", pressed)
    done = rigatino("fill", *hole, "-o", tmp_path / "out.png", *daemon)
    assert done.exit_code == 1
    assert done.stderr.strip() == "The fill was cancelled. Nothing was changed."
    assert not (tmp_path / "out.png").exists()


def test_an_unknown_network_is_told_the_known_ones(hole: tuple[Path, Path], tmp_path: Path) -> None:
    done = rigatino("fill", *hole, "-o", tmp_path / "out.png", "--network", "nonesuch")
    assert done.exit_code == 1
    assert "lama-small" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["fill"],
        ["fill", "a", "b"],
        ["nothing"],
        ["fill", "a", "b", "-o", "c", "--grow", "x"],
        ["fill", "a", "b", "-o", "c", "--feather", "nan"],
        ["fill", "a", "b", "-o", "c", "--seed", "1" + 30 * "0"],
    ],
)
def test_wrong_usage_is_status_2(words: list[str]) -> None:
    assert rigatino(*words).exit_code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    done = rigatino(command, "--help")
    assert done.exit_code == 0
    assert "Usage:" in done.output


def test_the_demo_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("dear")
    done = rigatino("demo", "--out", tmp_path / "file")
    assert done.exit_code == 1
    assert "cannot be written" in done.stderr
    assert (tmp_path / "file").read_text() == "dear"


def test_grey_and_alpha_pictures(hole: tuple[Path, Path], tmp_path: Path) -> None:
    for mode in ("L", "LA", "RGBA"):
        with Image.open(hole[0]) as image:
            image.convert(mode).save(tmp_path / f"{mode}.png")
        out = tmp_path / f"{mode}-out.png"
        assert rigatino("fill", tmp_path / f"{mode}.png", hole[1], "-o", out).exit_code == 0
        with Image.open(out) as image:
            assert image.mode == mode


@pytest.mark.parametrize("words", [[], ["--out", "demo"], ["--out", "full", "--force"]])
def test_the_demo_leaves_three_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    for name in ("rigatino-demo", "full"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "after.png").write_text("old")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))  # no GIMP here; tests/gimp has it
    monkeypatch.delenv("RIGATINO_GIMP", raising=False)
    done = rigatino("demo", *words)
    assert done.exit_code == 0, done.output
    out = Path(words[1] if words else "rigatino-demo")
    before, after = pixels(out / "before.png"), pixels(out / "after.png")
    mask = pixels(shipped("mask.png")) > 0
    assert (pixels(out / "hole.png")[mask] == (255, 0, 255)).all()
    assert (before != after).any(-1)[mask].mean() > 0.5
    assert str(out / "after.png") in done.output


@pytest.mark.parametrize("name", ["before.png", "hole.png", "after.png", "gimp.xcf"])
def test_the_demo_overwrites_nobody_elses_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("dear")
    done = rigatino("demo", "--out", tmp_path, "--gimp", "some-gimp")
    assert done.exit_code == 1
    assert "--force" in done.stderr
    assert (tmp_path / name).read_text() == "dear"


@pytest.mark.parametrize("daemon", [[], ["--daemon"]])
def test_candidates_go_to_files_of_their_own(
    hole: tuple[Path, Path], tmp_path: Path, daemon: list[str]
) -> None:
    network = small_networks.pic(tmp_path / "pic.safetensors")
    assert rigatino("weights", "import", network, "--as", "many").exit_code == 0
    wanted = ["--network", "many", "--candidates", 3, "--seed", 7, *daemon]
    (tmp_path / "out-3.png").write_text("dear")
    refused = rigatino("fill", *hole, "-o", tmp_path / "out.png", *wanted)
    assert (refused.exit_code, (tmp_path / "out.png").exists()) == (1, False)
    (tmp_path / "out-3.png").unlink()
    done = rigatino("fill", *hole, "-o", tmp_path / "out.png", *wanted)
    assert done.exit_code == 0, done.output
    found = [pixels(tmp_path / f"out{end}.png") for end in ("", "-2", "-3")]
    assert len({picture.tobytes() for picture in found}) == 3
    assert all(f"seed {seed}, score" in done.stderr for seed in (7, 8, 9))


@pytest.mark.parametrize("daemon", [[], ["--daemon"]])
def test_far_holes_are_filled_place_by_place(tmp_path: Path, daemon: list[str]) -> None:
    """As if each were alone, with nothing of what lies between them."""
    y, x = np.mgrid[0:1000, 0:1100]
    before = np.stack([x // 5, y // 4, (x + y) % 256], -1).astype(np.uint8)
    Image.fromarray(before).save(tmp_path / "in.png")
    places = np.s_[20:32, 30:40], np.s_[960:970, 1070:1085]
    masks = [np.zeros((1000, 1100), np.uint8) for _ in range(3)]
    for k, place in enumerate(places):
        masks[k][place] = masks[2][place] = 255
    found = []
    for k, made in enumerate(masks):
        Image.fromarray(made).save(tmp_path / f"mask{k}.png")
        words = ["--quality", "fast", "--no-detail", *daemon]
        done = rigatino(
            "fill", tmp_path / "in.png", tmp_path / f"mask{k}.png", "-o", tmp_path / f"{k}.png", *words
        )
        assert done.exit_code == 0, done.output
        assert ("2 places filled" in done.stderr) == (k == 2)
        found.append(pixels(tmp_path / f"{k}.png"))
    one, other, both = found
    np.testing.assert_array_equal(both, one + other - before.astype(np.int16))
    assert (both != before)[places[0]].any()
    assert (both != before)[places[1]].any()
