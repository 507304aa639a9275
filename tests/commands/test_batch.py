"""`rigatino batch` on photographs: what is filled, what is left, what is said, and how a run goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import small_networks
from click.testing import Result
from command_line import rigatino
from filelock import FileLock
from PIL import ExifTags, Image

from rigatino import retouch, weights
from rigatino.batch import run
from rigatino.batch.manifest import Line, Manifest
from rigatino.batch.plan import plan

PHOTOS = Path(__file__).parents[1] / "photos"
SIZE = (96, 80)
pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Folders: three photographs, their masks, and where results go."""
    folder, masks, out = tmp_path / "in", tmp_path / "masks", tmp_path / "out"
    folder.mkdir()
    masks.mkdir()
    for name, kind in (("cat", "jpg"), ("coffee", "png"), ("pier", "tif")):
        with Image.open(PHOTOS / f"{name}.jpg") as photo:
            photo.convert("RGB").resize(SIZE).save(folder / f"{name}.{kind}")
        mask(masks / f"{name}.png")
    return folder, masks, out


def mask(path: Path, value: int = 255) -> None:
    pixels = np.zeros(SIZE[::-1], np.uint8)
    pixels[30:45, 40:60] = value
    Image.fromarray(pixels).save(path)


def batch(folder: Path, masks: object, out: Path, *words: object) -> Result:
    return rigatino("batch", folder, "--masks", masks, "--out", out, *words)


def states(out: Path) -> dict[str, str]:
    return {name: line.state for name, line in Manifest(out).read().items()}


def results(out: Path) -> list[str]:
    return sorted(file.name for file in out.iterdir() if file.name not in (".lock", "manifest.jsonl"))


def changed(before: Path, after: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    with Image.open(before) as first, Image.open(after) as second:
        return (np.asarray(first) != np.asarray(second)).any(-1)


def test_a_folder_is_filled_once(places: tuple[Path, Path, Path]) -> None:
    folder, _, out = places
    done = batch(*places)
    assert done.exit_code == 0, done.output
    assert "3 filled" in done.stderr
    assert results(out) == ["cat.jpg", "coffee.png", "pier.tif"]
    for name in ("coffee.png", "pier.tif"):
        different = changed(folder / name, out / name)
        assert different[30:45, 40:60].mean() > 0.5
        different[30 - 9 : 45 + 9, 40 - 9 : 60 + 9] = False
        assert not different.any()
    line = Manifest(out).read()["coffee.png"]
    assert line.ran["network"] == "lama-small"
    assert line.outputs == ["coffee.png"]
    before = {name: (out / name).stat().st_mtime_ns for name in results(out)}
    again = batch(*places)
    assert again.exit_code == 0
    assert "3 as before" in again.stderr
    assert before == {name: (out / name).stat().st_mtime_ns for name in results(out)}


def test_far_holes_are_filled_as_a_single_fill_fills_them(
    places: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    folder, masks, out = places
    for file in folder.iterdir():
        file.unlink()
    with Image.open(PHOTOS / "pier.jpg") as photo:
        photo.convert("RGB").resize((1100, 1000)).save(folder / "pier.png")
    pixels = np.zeros((1000, 1100), np.uint8)
    pixels[20:30, 30:40] = pixels[960:970, 1070:1085] = 255
    Image.fromarray(pixels).save(masks / "pier.png")
    words = ["--quality", "fast", "--no-detail"]
    done = batch(*places, *words)
    assert done.exit_code == 0, done.output
    alone = rigatino("fill", folder / "pier.png", masks / "pier.png", "-o", tmp_path / "alone.png", *words)
    assert "2 places" in alone.stderr
    assert not changed(tmp_path / "alone.png", out / "pier.png").any()
    assert len(Manifest(out).read()["pier.png"].ran["seeds"]) == 1


def test_what_is_wrong_with_one_does_not_end_the_run(places: tuple[Path, Path, Path]) -> None:
    folder, masks, out = places
    (folder / "apple.png").write_text("no picture")
    Image.new("RGB", (20, 20)).save(folder / "small.png")
    mask(masks / "apple.png")
    mask(masks / "small.png")
    (masks / "coffee.png").unlink()
    mask(masks / "cat.png", 0)
    done = batch(*places, "--suffix", ".png")
    assert done.exit_code == 1
    assert states(out) == {
        "apple.png": "failed",
        "cat.jpg": "unmarked",
        "coffee.png": "failed",
        "pier.tif": "filled",
        "small.png": "failed",
    }
    assert "3 of 5 pictures" in done.stderr
    for words in ("apple.png: The file", "coffee.png: There is no file", "small.png: Picture (20x20)"):
        assert words in done.stderr
    assert results(out) == ["cat.png", "pier.png"]
    assert not changed(folder / "cat.jpg", out / "cat.png").any()
    mask(masks / "coffee.png")
    (folder / "apple.png").unlink()
    Image.new("RGB", SIZE).save(folder / "small.png")
    again = batch(*places, "--suffix", ".png")
    assert again.exit_code == 0, again.output
    assert "2 filled, 2 as before" in again.stderr


def test_a_rule_names_the_masks_and_masks_are_not_filled(places: tuple[Path, Path, Path]) -> None:
    folder, masks, out = places
    for file in masks.iterdir():
        file.rename(folder / f"{file.stem}_mask.png")
    done = batch(folder, "{stem}_mask.png", out)
    assert done.exit_code == 0, done.output
    assert results(out) == ["cat.jpg", "coffee.png", "pier.tif"]
    one = batch(folder, folder / "cat_mask.png", out.with_name("other"), "--network", "exemplar")
    assert "5 filled" in one.stderr  # the other masks are pictures now


def test_what_has_changed_is_done_again(places: tuple[Path, Path, Path]) -> None:
    _, masks, out = places
    assert batch(*places).exit_code == 0
    os.utime(masks / "cat.png", ns=(1, 1))
    assert "1 filled, 2 as before" in batch(*places).stderr
    (out / "pier.tif").unlink()
    assert "1 filled, 2 as before" in batch(*places).stderr
    assert "3 filled" in batch(*places, "--grow", 5).stderr
    assert "3 as before" in batch(*places, "--grow", 5).stderr


def test_weights_that_were_imported_anew_fill_anew(places: tuple[Path, Path, Path], tmp_path: Path) -> None:
    for make in (small_networks.pic, small_networks.comodgan):
        weights.import_file(make(tmp_path / "one.safetensors"), "mine")
        assert "3 filled" in batch(*places, "--network", "mine", "--seed", 1).stderr
        weights.remove("mine")


def test_the_files_of_others_stay(places: tuple[Path, Path, Path]) -> None:
    out = places[2]
    out.mkdir()
    (out / "cat.jpg").write_text("dear")
    done = batch(*places)
    assert done.exit_code == 1
    assert "exists already" in done.stderr
    assert (out / "cat.jpg").read_text() == "dear"
    assert batch(*places).exit_code == 1
    assert (out / "cat.jpg").read_text() == "dear"
    assert "3 filled" in batch(*places, "--force").stderr


def test_two_pictures_of_one_name_do_not_overwrite_each_other(places: tuple[Path, Path, Path]) -> None:
    folder, _, out = places
    with Image.open(folder / "cat.jpg") as cat:
        cat.save(folder / "cat.png")
    done = batch(*places, "--suffix", ".png")
    assert done.exit_code == 1
    assert states(out)["cat.jpg"] == "filled"
    assert states(out)["cat.png"] == "failed"
    again = batch(*places, "--suffix", ".png", "--force")
    for told in (done.stderr, again.stderr):
        assert "the result of cat.jpg" in told
        assert "--force" not in told
    assert states(out)["cat.jpg"] == "filled"


def test_files_whose_masks_mark_nothing_are_copied_if_they_are_upright(
    places: tuple[Path, Path, Path],
) -> None:
    folder, masks, out = places
    with Image.open(folder / "cat.jpg") as cat:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 3  # upside down
        cat.rotate(180).save(folder / "turned.jpg", exif=exif)
    (folder / "pier.tif").rename(folder / "pier.png")  # its name is wrong
    for name in ("cat", "coffee", "pier", "turned"):
        mask(masks / f"{name}.png", 0)
    done = batch(*places)
    assert done.exit_code == 0, done.output
    assert set(states(out).values()) == {"unmarked"}
    same = {name for name in results(out) if (out / name).read_bytes() == (folder / name).read_bytes()}
    assert same == {"cat.jpg", "coffee.png"}
    with Image.open(out / "turned.jpg") as turned, Image.open(out / "pier.png") as pier:
        assert turned.getexif().get(ExifTags.Base.Orientation, 1) == 1
        assert pier.format == "PNG"


def test_a_run_that_was_killed_is_gone_on_with(places: tuple[Path, Path, Path]) -> None:
    """Killed after a result was written and before it was noted, and while a line was being written."""
    folder, masks, out = places
    out.mkdir()
    manifest = Manifest(out)
    for job in plan(folder, str(masks), out, retouch.Options(), {}).jobs:
        manifest.add(job.line("planned"))
    (out / "cat.jpg").write_bytes(b"half a")
    with manifest.path.open("a") as file:
        file.write('{"picture": "pier.tif", "mask')
    done = batch(*places)
    assert done.exit_code == 0, done.output
    assert "3 filled" in done.stderr
    assert all(json.loads(text) for text in manifest.path.read_text().splitlines() if "filled" in text)
    assert set(states(out).values()) == {"filled"}


@pytest.mark.parametrize(
    "text", ["[]", "{}", "nonsense", '{"picture": 1}', "[" * 100_000, '{"picture": "a", "mask": "b", "x": 1}']
)
def test_lines_that_are_none_are_passed_over(tmp_path: Path, text: str) -> None:
    manifest = Manifest(tmp_path)
    manifest.path.write_text(text + "\n")
    assert manifest.read() == {}
    manifest.add(Line("a", "b", "failed", "k"))
    assert list(manifest.read()) == ["a"]


def test_several_processes_and_one_that_dies(places: tuple[Path, Path, Path]) -> None:
    folder, masks, out = places
    out.mkdir()
    jobs = plan(folder, str(masks), out, retouch.Options(seed=1), {}).jobs
    lines: list[Line] = []
    for line in run.in_workers(jobs, retouch.Options(seed=1), 2):
        if not lines:
            workers = [c for c in psutil.Process().children() if any("spawn_main" in w for w in c.cmdline())]
            workers[0].kill()
        lines.append(line)
    assert sorted(line.picture for line in lines) == sorted(job.picture.name for job in jobs)
    assert {line.state for line in lines} == {"filled"}


def test_no_process_outlives_a_run_that_is_killed(places: tuple[Path, Path, Path]) -> None:
    folder, masks, out = map(str, places)
    words = ["batch", folder, "--masks", masks, "--out", out, "--workers", "2"]
    with subprocess.Popen([sys.executable, "-m", "rigatino", *words], stderr=subprocess.DEVNULL) as parent:
        workers: list[psutil.Process] = []
        while parent.poll() is None and not workers:
            found = psutil.Process(parent.pid).children()
            workers = [c for c in found if any("spawn_main" in word for word in c.cmdline())]
            time.sleep(0.05)
        parent.kill()
    assert workers
    assert psutil.wait_procs(workers, timeout=120)[1] == []


def test_the_daemon_fills_them_too(places: tuple[Path, Path, Path]) -> None:
    done = batch(*places, "--daemon", "--seed", 1)
    assert done.exit_code == 0, done.output
    assert "3 filled" in done.stderr


def test_pictures_stay_as_deep_as_they_are(places: tuple[Path, Path, Path]) -> None:
    from rigatino import pictures

    folder, masks, out = places
    deep = pictures.read(folder / "coffee.png").rgba[..., 0].astype(np.uint16) * 257
    Image.fromarray(deep).save(folder / "deep.png")
    mask(masks / "deep.png")
    assert batch(*places).exit_code == 0
    assert pictures.read(out / "deep.png").rgba.dtype == np.uint16


def test_two_runs_do_not_write_into_one_folder(places: tuple[Path, Path, Path]) -> None:
    out = places[2]
    out.mkdir()
    with FileLock(out / ".lock"):
        done = batch(*places)
    assert done.exit_code == 1
    assert "another run" in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--out", "{in}"], 2, "folder of the pictures"),
        (["--suffix", ".gif"], 2, ".png"),
        (["--workers", "2", "--daemon"], 2, "--daemon"),
        (["--network", "nonesuch"], 1, "lama-small"),
        (["--masks", "nowhere"], 1, "nowhere"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(
    places: tuple[Path, Path, Path], words: list[str], status: int, said: str
) -> None:
    done = batch(*places, *(word.replace("{in}", str(places[0])) for word in words))
    assert done.exit_code == status, done.output
    assert said in done.stderr
    assert not places[2].exists()


def test_a_network_that_fills_nothing_is_refused_at_once(
    places: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    weights.import_file(small_networks.collage(tmp_path / "collage.safetensors"), "collage")
    done = batch(*places, "--network", "collage")
    assert done.exit_code == 1
    assert "lama-small" in done.stderr
    assert not places[2].exists()


def test_folders_without_pictures(places: tuple[Path, Path, Path], tmp_path: Path) -> None:
    _, masks, out = places
    for kind, words in (("nowhere", "There is no folder"), ("empty", "no photographs")):
        if kind == "empty":
            (tmp_path / kind).mkdir()
        done = batch(tmp_path / kind, masks, out)
        assert done.exit_code == 1
        assert words in done.stderr
        assert not out.exists()
