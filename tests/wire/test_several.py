"""Requests that make one fill: their order, seed and progress, and what is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from rigatino_wire.errors import Cancelled
from rigatino_wire.messages import Answer, Array, Fill, Filled
from rigatino_wire.several import Whole, as_one, ask


def request(id: str, width: int, seed: int = -1) -> Fill:
    return Fill(
        id, Array("u8", (1, width, 4), bytes(4 * width)), Array("u8", (1, width, 1), bytes(width)), seed=seed
    )


def reply(request: Fill, **facts: Any) -> Filled:
    drawn = request.seed if request.seed >= 0 else 17
    given: dict[str, Any] = {"scale": 1.0, "answers": [Answer([drawn], 0.5)], **facts}
    return Filled(
        id=request.id, offset=(0, 0), seed=drawn, network="n", weights="w", precision="fp32", device="cpu",
        fill=Array("u8", (1, 1, 1, 4), bytes(4)), **given,
    )  # fmt: skip


def test_the_seed_that_the_first_one_drew_is_all_the_others() -> None:
    asked: list[tuple[str, int]] = []

    def fill(one: Fill, whole: Whole) -> Filled:
        asked.append((one.id, one.seed))
        return reply(one)

    answers = ask([request("a", 3), request("b", 1), request("c", 9)], fill)
    assert asked == [("a", -1), ("b", 17), ("c", 17)]
    assert [answer.id for answer in answers] == ["a", "b", "c"]


def test_progress_is_one_and_by_pixels() -> None:
    told: list[float] = []

    def fill(one: Fill, whole: Whole) -> Filled:
        told.extend(map(whole, (0.0, 0.5, 1.0)))
        return reply(one)

    ask([request("a", 6), request("b", 2)], fill)
    assert told == [0, 0.375, 0.75, 0.75, 0.875, 1]
    told.clear()
    ask([request("a", 6)], fill)
    assert told == [0, 0.5, 1]


def test_whatever_ends_one_ends_all() -> None:
    asked: list[str] = []

    def fill(one: Fill, whole: Whole) -> Filled:
        asked.append(one.id)
        if one.id == "b":
            raise Cancelled
        return reply(one)

    with pytest.raises(Cancelled):
        ask([request("a", 1), request("b", 1), request("c", 1)], fill)
    assert asked == ["a", "b"]


def test_what_ran_is_told_as_of_one() -> None:
    first = reply(request("a", 1), notes=["x"], seconds={"network": 1.0, "total": 2.0})
    second = reply(request("b", 1), scale=0.5, notes=["y", "x"], seconds={"total": 3.0, "detail": 1.0})
    told = as_one([first, second])
    assert (told.scale, list(told.notes), told.network) == (0.5, ["x", "y"], "n")
    assert told.seconds == {"network": 1.0, "total": 5.0, "detail": 1.0}
    assert [answer.lineage for answer in told.answers] == [(17,)]
    assert told.answers[0].score is None
    assert as_one([first]) is first
