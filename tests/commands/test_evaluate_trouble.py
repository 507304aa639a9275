"""What can go wrong while `rigatino evaluate` measures: none of it costs what was measured."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import patchmatch
import pytest
from click.testing import Result
from command_line import rigatino
from PIL import Image

from commands.evaluations import PHOTOS, evaluate, judges, report
from rigatino.evaluation import holes
from rigatino.service import Service
from rigatino.settings import Settings
from rigatino_models.metrics import distributions
from rigatino_wire.errors import Failure

pytestmark = pytest.mark.usefixtures("own_folders")


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


def test_photographs_that_all_turn_out_damaged_are_too_few(tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes((PHOTOS / "pier.jpg").read_bytes()[:9000])
    words = ("--images", tmp_path, "--side", 128, "--network", "photo", "--out", tmp_path / "out")
    done = rigatino("evaluate", *words)
    assert done.exit_code == 1
    assert "0 photographs of at least 128 pixels" in done.stderr
    assert not (tmp_path / "out").exists()


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


def without_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, score: str, error: BaseException
) -> tuple[Result, dict[str, Any]]:
    """What two measured photographs come to where a score of all of them ends with an error."""

    def ending(real: Any, fake: Any) -> Any:
        raise error

    monkeypatch.setattr(distributions, score, ending)
    out = tmp_path / "out"
    done = evaluate(out, "--network", "photo", "--masks", "wide", "--count", 2, *judges(tmp_path)[-2:])
    assert done.exit_code == 1
    found = json.loads((out / "results.json").read_text())
    assert len(found["photos"]) == 2
    return done, found


def test_scores_that_cannot_be_computed_do_not_take_the_tables_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, found = without_scores(tmp_path, monkeypatch, "frechet_distance", MemoryError())
    assert "There is not enough memory" in done.stderr
    assert not found["interrupted"]
    assert found["distributions"] == {}


def test_patience_that_ends_with_the_scores_costs_them_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, _ = without_scores(tmp_path, monkeypatch, "discriminative_scores", KeyboardInterrupt())
    assert "interrupted after 2 of 2 photographs" in done.stderr


class Short:
    """A service that says of its first fill, and of every other one, that it made do with less."""

    def __init__(self, settings: Settings) -> None:
        self.service, self.short = Service(settings), True

    def fill(self, request: Any, progress: Any) -> Any:
        filled = self.service.fill(request, progress)
        notes, self.short = ["Memory was short."] if self.short else [], not self.short
        return replace(filled, notes=notes)


def test_fills_that_made_do_with_less_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rigatino.service.Service", Short)
    found = report(tmp_path, "--count", 3, "--masks", "narrow", "--no-detail")
    assert found["fillers"]["lama-small"]["notes"] == {"Memory was short.": 2}
    assert "2 fills: Memory was short." in (tmp_path / "table.md").read_text()
    assert caplog.text.count("lama-small: Memory was short.") == 1


def test_tables_that_cannot_be_written_are_printed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "results.json").mkdir()
    done = evaluate(tmp_path, "--network", "photo", "--masks", "wide", "--count", 1)
    assert done.exit_code == 1
    assert f"{tmp_path / 'results.json'} cannot be written" in done.stderr
    assert "| hole PSNR dB |" in done.stdout


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
