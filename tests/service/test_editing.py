"""Painting classes and transplanting parts with a small random collage: what changes, where, and what stays."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_networks
import torch
from numpy.typing import NDArray

from rigatino import weights
from rigatino.editing.view import View, around, matching
from rigatino.service import Service
from rigatino.settings import Settings
from rigatino_models.collage import projection
from rigatino_wire.errors import Cancelled, Failure
from rigatino_wire.messages import Array, Fill, Filled, Paint, Transplant
from rigatino_wire.region import Box
from rigatino_wire.texts import NOTES

LATENT = 6
TEXT = 4 * (3 + LATENT)  # bytes of a latent in a text, with its mark and its steps
SIZE = (40, 60)
HOLE = (slice(8, 28), slice(20, 44))
Pixels = NDArray[np.uint8]


def imported(data: Path, name: str, **changes: Any) -> None:
    """A seeded network under a name."""
    data.mkdir(exist_ok=True, parents=True)
    weights.import_file(small_networks.collage(data / "x.safetensors", **changes), name, data)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    data = tmp_path_factory.mktemp("data")
    imported(data, "dogs")
    imported(data, "no-critic", discriminator=())
    imported(data, "no-encoder", encoder=())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    service = Service(Settings(data, device="cpu"))
    torch.set_num_threads(threads)
    return service


def scene(height: int = SIZE[0], width: int = SIZE[1], seed: int = 0) -> Pixels:
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([80 + x * 2, 60 + y * 3, 200 - x - y], -1) + np.random.default_rng(seed).normal(
        0, 6, (height, width, 3)
    )
    return np.concatenate((rgb.clip(0, 255), np.full((height, width, 1), 255)), -1).astype(np.uint8)


def pack(pixels: NDArray[Any]) -> Array:
    kind = "u8" if pixels.dtype == np.uint8 else "f32"
    return Array(kind, pixels.shape, np.ascontiguousarray(pixels).tobytes())


def box(shape: tuple[int, int] = SIZE, part: tuple[slice, slice] = HOLE) -> Pixels:
    mask = np.zeros((*shape, 1), np.uint8)
    mask[part] = 255
    return mask


def paint(**changes: Any) -> Paint:
    hole = changes.pop("mask", box())
    image = changes.pop("picture", scene())
    classes = changes.pop("numbers", np.zeros_like(hole, dtype=np.uint8))
    given = {"palette": (3,), "base": 1, "steps": 3, "seed": 7, "feather": 2.0, "network": "dogs"} | changes
    return Paint(id="p", image=pack(image), hole=pack(hole), classes=pack(classes), **given)


def transplant(**changes: Any) -> Transplant:
    reference = changes.pop("other", scene(50, 50, seed=3))
    marked = changes.pop("marked", box((50, 50), (slice(10, 30), slice(10, 34))))
    image = changes.pop("picture", scene())
    given = {"base": 1, "steps": 3, "seed": 7, "feather": 2.0, "network": "dogs"} | changes
    arrays = {"image": pack(image), "hole": pack(box()), "reference": pack(reference)}
    return Transplant(id="t", **arrays, reference_hole=pack(marked), **given)


def latent(value: float) -> str:
    """A text of the right length, all of one number."""
    return base64.b64encode(np.full(1 + TEXT // 4, value, "<f4").tobytes()).decode()


def run(service: Service, request: Paint | Transplant) -> Filled:
    return service.answer(request, lambda stage, fraction: None)


def laid(filled: Filled, picture: Pixels) -> NDArray[Any]:
    """The picture [H,W,3] under the answer."""
    fill = np.frombuffer(filled.fill.view, np.uint8).reshape(filled.fill.shape)[0].astype(float)
    x, y = filled.offset
    out = picture[..., :3].astype(float)
    part = out[y : y + fill.shape[0], x : x + fill.shape[1]]
    alpha = fill[..., 3:] / 255
    part[...] = part * (1 - alpha) + fill[..., :3] * alpha
    return np.floor(out + 0.5)


@pytest.mark.parametrize("seam", ["auto", "feather", "poisson"])
@pytest.mark.parametrize(
    "request_", [paint(strength=0.0), transplant(sliders=(0, 0, 0, 0))], ids=["paint", "transplant"]
)
def test_nothing_asked_for_changes_nothing(service: Service, request_: Paint | Transplant, seam: str) -> None:
    filled = run(service, replace(request_, seam=seam))
    assert (laid(filled, scene()) == scene()[..., :3]).all()


@pytest.mark.parametrize("seam", ["auto", "poisson"])
@pytest.mark.parametrize("request_", [paint(), transplant()], ids=["paint", "transplant"])
def test_what_is_asked_for_shows_in_the_selection_alone(
    service: Service, request_: Paint | Transplant, seam: str
) -> None:
    filled = run(service, replace(request_, seam=seam))
    changed = np.abs(laid(filled, scene()) - scene()[..., :3]).max(-1)
    near = np.zeros(SIZE, bool)
    near[5:31, 17:47] = True  # the selection and its seam
    assert changed[~near].max() == 0
    assert changed[HOLE].mean() > 2
    assert (filled.network, filled.seed) == ("dogs", 7)
    assert filled.scale == pytest.approx(32 / 40)


def test_more_strength_changes_more(service: Service) -> None:
    sums = [
        np.abs(laid(run(service, paint(strength=s)), scene()) - scene()[..., :3]).sum()
        for s in (0.1, 0.4, 1.0)
    ]
    assert sums[0] < sums[1] < sums[2]


def test_two_classes_are_painted_where_they_are(service: Service) -> None:
    """The class of the right half does not matter on the far left of it."""
    numbers = np.zeros((*SIZE, 1), np.uint8)
    numbers[:, 32:] = 1
    first, second = (
        laid(run(service, paint(numbers=numbers, palette=(3, other))), scene()) for other in (0, 4)
    )
    apart = np.abs(first - second).max(-1)[HOLE]
    assert apart[:, -4:].mean() > 3 * apart[:, :4].mean()


def test_the_marked_part_of_a_reference_counts(service: Service) -> None:
    """Where it lies in the reference does not matter, nor how large it is."""
    part = scene(64, 64, seed=9)
    far = np.full((200, 300, 4), 90, np.uint8)
    far[100:164, 150:214] = part
    marked = np.zeros((64, 64, 1), np.uint8)
    marked[20:40, 20:44] = 255
    mark = np.zeros((200, 300, 1), np.uint8)
    mark[120:140, 170:194] = 255
    first = laid(run(service, transplant(other=part, marked=marked)), scene())
    second = laid(run(service, transplant(other=far, marked=mark)), scene())
    assert np.abs(first - second).max() <= 1
    large = part.repeat(3, 0).repeat(3, 1)
    third = laid(run(service, transplant(other=large, marked=marked.repeat(3, 0).repeat(3, 1))), scene())
    assert np.abs(first - third).mean() < 0.5
    whole = laid(run(service, transplant(other=part, marked=np.zeros_like(marked))), scene())
    assert np.abs(first - whole).max() > 1


def test_editing_goes_on_from_the_latent(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(service, paint(base=-1))
    values: NDArray[np.float32] = np.frombuffer(base64.b64decode(first.latent), "<f4")
    assert values.nbytes == 4 + TEXT
    assert values[0] in range(5)
    started: list[Any] = []
    project = projection.project

    def counted(net: Any, image: Any, label: int, start: Any, steps: int, told: Any) -> projection.Projection:
        started.append((start[0].tolist(), steps))
        return project(net, image, label, start, steps, told)

    def forbidden(*_: object) -> None:
        raise AssertionError("it is known already")

    monkeypatch.setattr("rigatino.editing.editor.likeliest", forbidden)
    monkeypatch.setattr("rigatino.editing.editor.beginning", forbidden)
    monkeypatch.setattr("rigatino.editing.editor.project", counted)
    for steps in (0, 2, 3):
        again = run(service, paint(base=-1, latent=first.latent, steps=steps))
        assert again.fill.view == first.fill.view
        assert again.latent == first.latent
    other = run(service, paint(base=-1, latent=first.latent, palette=(0,)))
    assert other.fill.view != first.fill.view
    assert started == [], "all steps that are asked for were taken before"
    more = run(service, paint(base=-1, latent=first.latent, steps=5))
    assert started == [(values[4:].tolist(), 2)], "the steps of before count"
    assert more.latent != first.latent


def test_what_was_found_in_another_picture_is_not_taken(service: Service) -> None:
    latent = run(service, paint()).latent
    for changes in ({"picture": scene(seed=31)}, {"base": 2}, {"network": "no-critic"}):
        expected = run(service, paint(**changes)).latent
        assert run(service, paint(**changes, latent=latent)).latent == expected
    guessed = run(service, paint(picture=scene(seed=32), base=-1)).latent
    assert run(service, paint(picture=scene(seed=32), base=-1, latent=latent)).latent == guessed


def test_a_transplants_latent_holds_both(service: Service) -> None:
    first = run(service, transplant())
    assert len(base64.b64decode(first.latent)) == 4 + 2 * TEXT
    again = run(service, transplant(latent=first.latent, steps=0))
    assert again.fill.view == first.fill.view
    painted = run(service, paint(latent=first.latent, steps=0)).latent
    assert base64.b64decode(painted) == base64.b64decode(first.latent)[: 4 + TEXT]
    for latent in (first.latent, painted):
        another = {"other": scene(50, 50, seed=41), "latent": latent}
        shown = run(service, transplant(**another))
        assert shown.fill.view == run(service, transplant(**another | {"latent": ""})).fill.view
        assert shown.fill.view != first.fill.view


def test_a_picture_is_looked_for_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    project = projection.project

    def counted(*words: Any) -> projection.Projection:
        looked.append(1)
        return project(*words)

    monkeypatch.setattr("rigatino.editing.editor.project", counted)
    picture = scene(seed=77)
    run(service, paint(picture=picture))
    run(service, paint(picture=picture, strength=0.2, palette=(0, 2), seed=-1))
    assert len(looked) == 1
    run(service, paint(picture=picture, steps=4))
    run(service, paint(picture=picture, base=2))
    assert len(looked) == 3
    run(service, transplant(picture=picture, other=scene(50, 50, seed=78)))
    assert len(looked) == 4, "only the reference is new"


def test_networks_without_all_parts(service: Service) -> None:
    filled = run(service, paint(network="no-critic"))
    assert filled.notes == (NOTES["pixels_alone"],)
    with pytest.raises(Failure, match="discriminator"):
        run(service, paint(network="no-critic", base=-1))
    first, same, other = (
        run(service, paint(network="no-encoder", base=-1, seed=seed, steps=1)).latent for seed in (1, 1, 2)
    )
    assert first == same != other


def test_the_first_network_that_can_is_taken(service: Service) -> None:
    assert run(service, paint(network="", steps=0)).network == "dogs"


@pytest.mark.parametrize("size", [(33, 200), (200, 33), (7, 5), (90, 90)])
def test_regions_of_every_shape(service: Service, size: tuple[int, int]) -> None:
    picture = scene(*size)
    part = (slice(size[0] // 4, 3 * size[0] // 4 + 1), slice(1, size[1] - 1))
    filled = run(service, paint(picture=picture, mask=box(size, part), steps=0, offset=(5, 6)))
    x, y = filled.offset[0] - 5, filled.offset[1] - 6
    assert 0 <= x <= 1
    assert y <= part[0].start
    assert filled.fill.shape[1] + y <= size[0]


def test_float_in_float_out(service: Service) -> None:
    picture = (scene() / 255).astype("<f4")
    same = run(service, paint(picture=picture, mask=(box() / 255).astype("<f4"), strength=0.0))
    fill = np.frombuffer(same.fill.view, "<f4").reshape(same.fill.shape)[0]
    x, y = same.offset
    below = picture[y : y + fill.shape[0], x : x + fill.shape[1]]
    assert np.array_equal(fill[..., :3], below[..., :3])


def test_transparent_pixels_tell_nothing(service: Service) -> None:
    picture = scene()
    picture[:, 50:, 3] = 0
    other = picture.copy()
    other[:, 50:, :3] = 255 - other[:, 50:, :3]
    first, second = (run(service, paint(picture=one)) for one in (picture, other))
    assert first.fill.view == second.fill.view


def test_progress_follows_the_steps_and_can_stop(service: Service) -> None:
    told: list[tuple[str, float]] = []
    request_ = paint(picture=scene(seed=5), steps=10)
    service.answer(request_, lambda *words: told.append(words))
    fractions = [fraction for stage, fraction in told if stage == "filling"]
    assert fractions == sorted(fractions)
    assert len(set(fractions)) > 10
    assert fractions[-1] == pytest.approx(1)

    def stop(stage: str, fraction: float) -> None:
        if fraction > 0.4:
            raise Cancelled

    with pytest.raises(Cancelled):
        service.answer(paint(picture=scene(seed=6), steps=10), stop)


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (paint(mask=box(part=(slice(0, 0), slice(0, 0)))), "hole_empty", "nothing"),
        (paint(palette=(5,)), "bad_setting", "palette"),
        (paint(base=5), "bad_setting", "base"),
        (paint(numbers=np.ones((*SIZE, 1), np.uint8)), "bad_setting", "classes"),
        (paint(latent="no base64!"), "bad_setting", "latent"),
        (paint(latent="AACAPw=="), "bad_setting", "latent"),
        (paint(latent=latent(np.nan)), "bad_setting", "latent"),
        (paint(latent=latent(9)), "bad_setting", "latent"),
        (paint(latent=latent(-1)), "bad_setting", "latent"),
        (paint(latent=latent(0.5)), "bad_setting", "latent"),
        (paint(network="lama-small"), "unknown_network", "dogs"),
        (paint(network="nonesuch"), "unknown_network", "dogs"),
    ],
)
def test_what_cannot_be_painted_gets_a_sentence(
    service: Service, request_: Paint, code: str, words: str
) -> None:
    with pytest.raises(Failure, match=words) as caught:
        run(service, request_)
    assert caught.value.code == code


def test_without_any_such_network(tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        run(Service(Settings(tmp_path, device="cpu")), paint(network=""))
    assert caught.value.code == "no_network"


def test_what_is_offered_for_which_task(service: Service, tmp_path: Path) -> None:
    data = service.pool.settings.data_dir
    fill = [info.name for info in weights.network_infos(data)]
    assert "dogs" not in fill
    for task in ("paint", "transplant"):
        assert [info.name for info in weights.network_infos(data, task)] == [
            "dogs",
            "no-critic",
            "no-encoder",
        ]
    assert weights.class_names("dogs", data) == ["0", "1", "2", "3", "4"]
    imported(tmp_path / "cats", "cats", classes=143)
    names = weights.class_names("cats", tmp_path / "cats")
    assert (len(names), names[0], names[130]) == (143, "Chihuahua", "tabby, tabby cat")
    own = tuple(f"breed {k}, {'long ' * 40}" for k in range(900))
    imported(tmp_path / "many", "many", classes=900, names=own)
    names = weights.class_names("many", tmp_path / "many")
    assert len(names) == 900
    assert len(json.dumps(names)) < 65536
    with pytest.raises(Failure, match="no-critic"):
        weights.class_names("lama-small", data)


def test_a_collage_does_not_fill(service: Service) -> None:
    fill = Fill(id="f", image=pack(scene()), hole=pack(box()), network="dogs")
    with pytest.raises(Failure) as caught:
        service.answer(fill, lambda *_: None)
    assert caught.value.code == "unknown_network"


# --- views


@pytest.mark.parametrize(
    ("part", "size", "expected"),
    [
        (Box(10, 10, 5, 5), (60, 40), Box(0, 0, 40, 40)),
        (Box(50, 10, 5, 5), (60, 40), Box(20, 0, 40, 40)),
        (Box(0, 10, 60, 5), (60, 40), Box(0, -10, 60, 60)),
        (Box(28, 2, 4, 36), (60, 40), Box(10, 0, 40, 40)),
    ],
)
def test_the_square_around_a_part(part: Box, size: tuple[int, int], expected: Box) -> None:
    view = around(part, *size, side=32)
    assert view.box == expected
    assert view.box.contains(part)


def test_there_and_back() -> None:
    y, x = np.mgrid[0:40, 0:60].astype(np.float32)
    smooth = np.stack([np.sin(x / 20), np.cos(y / 15), x * y / 2400], -1)
    for box_ in (Box(10, 0, 40, 40), Box(0, -10, 60, 60), Box(-5, -5, 80, 80)):
        view = View(box_, 60, 40, 160)
        seen = view.seen(smooth, torch.device("cpu"))
        assert seen.shape == (1, 3, 160, 160)
        back = view.back(seen)
        inside = np.zeros((40, 60), bool)
        inside[max(0, box_.y) : box_.bottom, max(0, box_.x) : box_.right] = True
        np.testing.assert_allclose(back[inside], smooth[inside], atol=0.02)
        assert (back[~inside] == 0).all()


def test_matching_parts_have_one_place() -> None:
    view = View(Box(10, 0, 40, 40), 60, 40, 32)
    part, reference = Box(20, 10, 10, 8), Box(300, 100, 30, 24)
    other = matching(view, part, reference, 1000, 700)
    assert other.box == Box(300 - 30, 100 - 30, 120, 120)
    assert other.side == 32
    assert matching(view, part, Box(0, 0, 0, 0), 100, 30).box == Box(35, 0, 30, 30)
