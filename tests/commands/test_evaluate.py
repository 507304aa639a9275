"""`rigatino evaluate` on the ten shipped photographs."""

from __future__ import annotations

import csv
import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from commands.evaluations import DOCS, PHOTOS, evaluate, judges, report
from rigatino.evaluation import holes, photos, sheet, tables
from rigatino.evaluation.measures import MEASURES
from rigatino_models.data import masks

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


def test_networks_that_judge_add_their_rows(tmp_path: Path) -> None:
    words = ("--network", "photo", "--against", "ns", "--masks", "wide", "--count", 3, *judges(tmp_path))
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


def test_the_sheet_keeps_no_more_than_it_shows() -> None:
    large = np.zeros((1024, 1024, 3), np.uint8)
    strip = sheet.Strip.of("name", large, np.ones((1024, 1024), np.uint8), [large])
    assert [picture.size for picture in strip.pictures] == [(256, 256)] * 3
    assert strip.pictures[0].getpixel((0, 0)) == sheet.MAGENTA


def test_the_benchmark_calls_nothing_clear_on_few_photographs_and_weighs_the_weights() -> None:
    quality = runpy.run_path(str(DOCS.parent / "benchmarks" / "quality.py"))
    row = {"mean": -1.0, "low": -2.0, "high": -0.5}
    for count, clear in ((1, False), (100, True)):
        table = {"differences": {"wide": {"ns": {"swd": row}}}, "photos": ["a"] * count}
        ((_, found),) = quality["judged"](table, ("wide",), "ns", "swd", 0.0, -1)
        assert (found["met"], found["clear"]) == (True, clear)
    (weights,) = quality["size"]().values()
    assert weights["met"]
    assert 1 < weights["mean"] <= 16


def test_holes_are_a_function_of_seed_number_and_kind() -> None:
    assert (holes.draw("wide", 256, 1, 7) == holes.draw("wide", 256, 1, 7)).all()
    drawn = [holes.draw(kind, 256, seed, i) for kind in ("wide", "object") for seed in (1, 2) for i in (0, 1)]
    assert len({hole.tobytes() for hole in drawn}) == len(drawn)


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


def test_patterns_choose_photographs(tmp_path: Path) -> None:
    words = ("--network", "photo", "--masks", "wide", "--match", "c*.jpg", "--match", "pier*")
    assert report(tmp_path, *words)["photos"] == [
        "camera.jpg", "canyon.jpg", "cat.jpg", "coffee.jpg", "pier.jpg",
    ]  # fmt: skip


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
