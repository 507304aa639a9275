"""The photographs of training: found once, held back by patterns, the same when a run goes on, in memory or files."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rigatino_models.data.batches import Batch, Workers
from rigatino_models.data.crops import Augment
from rigatino_models.data.photos import Files, Photos, load, look
from rigatino_models.data.samples import Samples
from rigatino_models.errors import ModelError
from rigatino_models.training.loop import Trainer
from rigatino_models.training.photographs import fingerprints
from rigatino_models.training.recipe import read, shipped
from rigatino_models.training.settings import Log
from training.test_loop import RECIPE, lines, photos

CPU = torch.device("cpu")
SIDE, SHORT = 16, 40
ORIENTATION = 0x0112


def noise(seed: int, width: int = 70, height: int = 50) -> Image.Image:
    """A picture that no other one is like."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def lying(orientation: int) -> Image.Exif:
    """What a camera writes that was held otherwise."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of all kinds: turned, grey, of a palette, large, small, and in a folder of their own."""
    below = tmp_path / "all" / "below"
    below.mkdir(parents=True)
    for number, suffix in enumerate(("jpg", "png", "tif", "webp")):
        for orientation in (1, 3, 6):
            picture = noise(10 * number + orientation)
            picture.save(below.parent / f"turned{orientation}.{suffix}", exif=lying(orientation))
    noise(50).convert("L").save(below / "grey.png")
    noise(51).convert("P").save(below / "palette.png")
    noise(52, 211, 97).save(below / "large.jpg")
    noise(53, 31, 30).save(below / "small.png")
    return below.parent


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Three pictures, one of which ends in its middle."""
    there = tmp_path / "damaged"
    there.mkdir()
    for number in range(3):
        noise(number).save(there / f"{number}.jpg")
    whole = (there / "1.jpg").read_bytes()
    (there / "1.jpg").write_bytes(whole[: len(whole) // 2])
    return there


def samples(found: Photos) -> Samples:
    return Samples(found, SIDE, 64, 5, (SIDE, SHORT), augment=Augment(rotation=20.0, hue=10.0))


def drawn(found: Photos, workers: int) -> list[Batch]:
    """Forty samples."""
    return list(Workers(samples(found), CPU, workers)([list(range(i, i + 8)) for i in range(0, 40, 8)]))


def same(one: list[Batch], other: list[Batch]) -> bool:
    return all(torch.equal(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True))


def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load([folder, folder / "nowhere"])
    assert (caught.value.code, caught.value.params["folder"]) == ("folder_missing", str(folder / "nowhere"))


def test_each_photograph_counts_once(folder: Path) -> None:
    once = look([folder]).names
    again = folder / "below" / ".."
    assert len(once) == len(set(once)) == 16
    assert look([folder / "below", folder, again]).names == once


def test_patterns_see_the_path_below_the_folder_and_the_name(folder: Path) -> None:
    training, held = look([folder]).split(["below/*", "turned6.*"])
    assert sorted(held.names) == sorted(
        [f"below/{name}" for name in ("grey.png", "palette.png", "large.jpg", "small.png")]
        + [f"turned6.{suffix}" for suffix in ("jpg", "png", "tif", "webp")]
    )
    assert len(training.names) == 8
    chances = look([folder]).weights({"below/*": 0.0})
    assert np.count_nonzero(chances) == 12
    assert len(look([folder]).split(["grey*"])[1].names) == 1


@pytest.mark.parametrize(("held", "measured"), [(("nothing*",), "train_l1"), (("held*",), "held_l1")])
def test_measures_on_training_photographs_are_called_so(
    held: tuple[str, ...], measured: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data, optimiser = replace(RECIPE.data, held=held), replace(RECIPE.optimiser, samples=16)
    recipe = replace(RECIPE, data=data, optimiser=optimiser, log=Log(line=1, sheet=1))
    Trainer(recipe, photos(), tmp_path).run()
    named = {name for line in lines(tmp_path) for name in line if name.endswith(("_l1", "_psnr"))}
    assert named == {measured, measured.replace("l1", "psnr")}
    warned = [message for message in caplog.messages if "data.held" in message]
    assert len(warned) == (measured == "train_l1")


def test_a_run_does_not_go_on_with_other_photographs(tmp_path: Path) -> None:
    Trainer(RECIPE, photos(6), tmp_path).run(stop_at=1)
    shown = photos(6)
    others = Photos([*shown.names[:3], "new.png", "newer.png"], shown.pixels[:5])
    with pytest.raises(ModelError) as caught:
        Trainer(RECIPE, others, tmp_path, resume=True)
    told = caught.value.params
    assert (caught.value.code, told["name"]) == ("bad_setting", "--data")
    assert "5 photographs, with 2 new ones and 3 missing" in str(told["value"])
    assert "the 6 that the run began with" in str(told["expected"])
    assert Trainer(RECIPE, shown, tmp_path, resume=True).step == 1


def test_a_checkpoint_that_knows_no_photographs_is_gone_on_with(tmp_path: Path) -> None:
    Trainer(RECIPE, photos(), tmp_path).run(stop_at=1)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    del state["photos"]
    torch.save(state, tmp_path / "state.pt")
    assert Trainer(RECIPE, photos(5), tmp_path, resume=True).step == 1


def test_photographs_are_known_by_name_and_size_wherever_they_lie(folder: Path, tmp_path: Path) -> None:
    before = look([folder])
    known = fingerprints(before)
    assert torch.equal(fingerprints(before.decoded()), known)
    mixed = random.Random(1).sample(range(16), 16)
    assert torch.equal(fingerprints(before._only(mixed)), known)
    folder.rename(tmp_path / "elsewhere")
    after = look([tmp_path / "elsewhere"])
    assert after.names == before.names
    assert torch.equal(fingerprints(after), known)
    noise(1, 71, 50).save(tmp_path / "elsewhere" / "turned1.png")
    assert not torch.equal(fingerprints(look([tmp_path / "elsewhere"])), known)


def test_folders_keep_their_order_when_one_moves(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        noise(1).save(tmp_path / name / f"{'ba'[name == 'b']}.png")
    before = look([tmp_path / "a", tmp_path / "b"]).names
    (tmp_path / "a").rename(tmp_path / "c")
    assert look([tmp_path / "c", tmp_path / "b"]).names == before == ["a.png", "b.png"]


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # on a single core
def test_files_give_the_samples_that_photographs_in_memory_give(folder: Path) -> None:
    files = look([folder], SHORT, SIDE)
    memory = load([folder], SHORT, SIDE)
    assert isinstance(files.pixels, Files)
    assert files.names == memory.names
    assert [files.shape(i) for i in range(16)] == [pixels.shape[:2] for pixels in memory.pixels]
    assert files.bytes == memory.bytes == sum(pixels.nbytes for pixels in memory.pixels)
    wanted = drawn(memory, 0)
    assert same(drawn(files, 0), wanted)
    assert same(drawn(files, 2), wanted)
    assert not same(drawn(files.split(["turned*"])[0], 0), wanted)


def test_pairs_in_files_are_those_in_memory(folder: Path) -> None:
    files, memory = (read([folder], SHORT, SIDE, pairs=True) for read in (look, load))
    assert files.bytes == memory.bytes
    for found, wanted in zip(files.pixels, memory.pixels, strict=True):
        assert np.array_equal(found, wanted)


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # on a single core
def test_a_file_that_proves_damaged_is_named_once_and_another_drawn(
    damaged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = look([damaged], SHORT, SIDE)
    assert len(files.names) == 3
    first = drawn(files, 0)
    assert same(drawn(files, 0), first)
    assert same(drawn(files, 2), first)
    assert sum("1.jpg" in message for message in caplog.messages) == 1
    assert list(load([damaged], SHORT, SIDE).names) == ["0.jpg", "2.jpg"]


def shrunk(file: Path) -> None:
    noise(9, 40, 40).save(file)


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # on a single core
@pytest.mark.parametrize("harm", [Path.unlink, shrunk])
@pytest.mark.parametrize("workers", [0, 1])
def test_files_that_are_all_lost_end_the_run_in_a_sentence(
    harm: Callable[[Path], None], workers: int, folder: Path
) -> None:
    files = look([folder], SHORT, SIDE).split(["below/*"])[0]
    for file in folder.glob("*.*"):
        harm(file)
    with pytest.raises(ModelError, match="no_photos"):
        drawn(files, workers)


def test_published_recipes_leave_their_photographs_in_files() -> None:
    changes = ["teacher=/some/file"]
    loaders = {
        name: read(path, changes if name == "collage-encoder" else []).data.loader
        for name, path in shipped().items()
    }
    assert loaders.pop("lama-small") == "workers"
    assert set(loaders.values()) == {"files"}
