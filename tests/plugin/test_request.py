"""Settings, the region to send, and the request made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rigatino_gimp import request
from rigatino_gimp.request import RANGES, WORDS, Seen, Settings
from rigatino_wire.errors import Failure
from rigatino_wire.messages import MAX_LINEAGE, Description, Fill, Limits, NetworkInfo
from rigatino_wire.region import Box, ContextRule

FRAME = Box(0, 0, 1000, 800)


def network(name: str, rule: ContextRule) -> NetworkInfo:
    return NetworkInfo(
        name=name, title=name.title(), good_for="", licence="", weights_licence="", multiple=8, minimum=16,
        comfortable=512, rule=rule, stochastic=False, paper="",
    )  # fmt: skip


def description(max_pixels: int = 1_000_000) -> Description:
    return Description(
        id="1", version="0", device="cpu", precision="fp32", default_network="small",
        limits=Limits(max_pixels),
        networks=[network("small", ContextRule(0, 10, 64)), network("wide", ContextRule(4, 10, 64))],
    )  # fmt: skip


def seen(x: int, y: int, width: int, height: int, dtype: str = "u8") -> Seen:
    """A region that shows nothing."""
    size = width * height * {"u8": 1, "f32": 4}[dtype]
    return Seen(Box(x, y, width, height), dtype, bytes(4 * size), bytes(size))


def test_the_defaults_are_right_values_and_the_wires_own() -> None:
    settings = Settings()
    request.check(settings)
    made = request.message("a", settings, seen(3, 4, 2, 1))
    plain = Fill(id="a", image=made.image, hole=made.hole, offset=(3, 4))
    assert made == plain


@pytest.mark.parametrize("name", sorted(set(RANGES) & set(Settings._fields)))
def test_what_the_plug_in_takes_the_wire_takes(name: str) -> None:
    for value in RANGES[name]:
        settings = Settings()._replace(**{name: type(getattr(Settings(), name))(value)})
        request.check(settings)
        request.message("a", settings, seen(0, 0, 1, 1, "f32"))


@pytest.mark.parametrize(("name", "words"), sorted(WORDS.items()))
def test_the_words_that_it_takes_the_wire_takes(name: str, words: tuple[str, ...]) -> None:
    for word in words:
        settings = Settings()._replace(**{name: word})  # type: ignore[arg-type]
        request.check(settings)
        made = request.message("a", settings, seen(0, 0, 1, 1))
        assert getattr(made, name, word) == word


def test_another_answer_is_asked_for_with_the_same_settings_and_a_new_seed() -> None:
    settings = Settings(seed=5, candidates=3, variety=0.5, seam="poisson", grow=9)
    first = request.like(request.message("a", settings, seen(3, 4, 1, 1)), [8])
    more = request.another(first, "b")
    assert (more.id, more.seed, more.candidates, more.near) == ("b", -1, 1, ())
    assert replace(more, id="a", seed=5, candidates=3, near=(8,)) == first


def test_an_answer_of_the_longest_lineage_can_still_be_resembled() -> None:
    first = request.message("a", Settings(), seen(0, 0, 1, 1))
    assert request.like(first, [17, 4]).near == (17, 4)
    assert len(request.like(first, range(MAX_LINEAGE)).near) == MAX_LINEAGE - 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("grow", -1), ("grow", 1001), ("feather", -0.1), ("feather", float("nan")), ("context", 65.0),
     ("seed", -2), ("candidates", 0), ("candidates", 13), ("source", "Layer"), ("result", ""),
     ("variety", -0.1), ("variety", 4.1), ("seam", "none"), ("quality", "good")],
)  # fmt: skip
def test_a_wrong_value_is_named_with_what_it_takes(name: str, value: Any) -> None:
    with pytest.raises(Failure) as caught:
        request.check(Settings()._replace(**{name: value}))
    assert caught.value.code == "bad_setting"
    assert caught.value.params["name"] == name
    for word in WORDS.get(name, ()):
        assert word in str(caught.value)


@pytest.mark.parametrize("mode", ["", "Replace", "both"])
def test_a_wrong_mode_is_named_with_what_it_takes(mode: str) -> None:
    with pytest.raises(Failure, match=r"mode.*“replace” or “add” or “another” or “like”"):
        request.check_mode(mode)


def test_no_name_means_the_daemons_own_choice() -> None:
    assert request.network(description(), "").name == "small"
    assert request.network(description(), "wide").name == "wide"


def test_an_unknown_network_is_answered_with_the_known_ones() -> None:
    with pytest.raises(Failure, match="small, wide") as caught:
        request.network(description(), "lamma")
    assert caught.value.params["name"] == "lamma"


def test_the_region_holds_what_grow_and_feather_reach() -> None:
    selection = Box(400, 300, 100, 50)
    region = request.region(selection, FRAME, Settings(grow=7, feather=2.5), description())
    assert region == Box(380, 280, 140, 90)  # 7 + 3 of reach, 10 of the network's margin


def test_context_widens_the_region_and_0_leaves_it_to_the_network() -> None:
    selection, plain = Box(400, 300, 100, 50), Settings(grow=0, feather=0)
    assert request.region(selection, FRAME, plain._replace(network="wide"), description()).width == 500
    assert request.region(selection, FRAME, plain._replace(context=2.0), description()).width == 300


def test_only_the_part_of_the_selection_within_the_frame_counts() -> None:
    region = request.region(Box(-50, -50, 100, 100), FRAME, Settings(grow=0, feather=0), description())
    assert region == Box(0, 0, 70, 70)


def test_far_holes_are_sent_apart_and_each_may_have_as_many_pixels_as_the_daemon_takes() -> None:
    far, plain = [Box(100, 100, 9, 9), Box(2000, 3000, 9, 9)], Settings(grow=0, feather=0)
    found = request.regions([*far, Box(9000, 0, 3, 3)], Box(0, 0, 4000, 4000), plain, description())
    assert found == [Box(73, 73, 64, 64), Box(1973, 2973, 64, 64)]
    with pytest.raises(Failure):
        request.region(far[0].join(far[1]), Box(0, 0, 4000, 4000), plain, description())


def test_more_pixels_than_the_daemon_takes_are_refused_before_they_are_read() -> None:
    with pytest.raises(Failure) as caught:
        request.region(Box(0, 0, 500, 500), FRAME, Settings(), description(max_pixels=250_000))
    assert caught.value.code == "too_many_pixels"
    assert caught.value.params["limit"] == 250_000


def test_more_fills_than_a_reply_holds_are_refused_before_they_are_made() -> None:
    hole = Box(0, 0, 3000, 2000)
    request.check_answers(hole, 11, "f32", description())
    request.check_answers(hole, 12, "u8", description())
    with pytest.raises(Failure) as caught:
        request.check_answers(hole, 12, "f32", description())
    assert caught.value.code == "too_large"
