"""The answers of a reply, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rigatino_gimp import candidates
from rigatino_wire.messages import Answer, Array, Filled


def filled(*answers: Answer) -> Filled:
    """A reply of two candidates, 2 x 1 pixels each."""
    return Filled(
        id="a", offset=(5, 6), seed=42, network="pic", weights="", scale=1, precision="fp32", device="cpu",
        fill=Array("u8", (2, 1, 2, 4), bytes(range(16))), answers=answers,
    )  # fmt: skip


def test_each_has_its_own_pixels_and_answer() -> None:
    first, second = candidates.of(filled(Answer((42,), 0.5), Answer((43,))))
    ((box, one),), ((same, other),) = first.parts, second.parts
    assert (bytes(one), bytes(other)) == (bytes(range(8)), bytes(range(8, 16)))
    assert box == same == (5, 6, 2, 1)
    assert first.nbytes == 8
    assert (first.answer, second.answer) == (Answer((42,), 0.5), Answer((43,)))


def test_several_replies_are_one_fill_of_several_places() -> None:
    one, other = filled(Answer((42,), 0.5)), replace(filled(), offset=(700, 8), scale=0.5)
    first, _ = candidates.of(one, other)
    assert [box for box, _ in first.parts] == [(5, 6, 2, 1), (700, 8, 2, 1)]
    assert (first.answer, first.filled.scale) == (Answer((42,)), 0.5)


def test_what_a_daemon_tells_nothing_of_is_a_plain_answer() -> None:
    assert [one.answer for one in candidates.of(filled())] == [Answer(), Answer()]


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (Answer(), "Fill (pic)"),
        (Answer((17,)), "Fill (pic) seed 17"),
        (Answer((17, 4), 0.826), "Fill (pic) seed 17+4 score 0.83"),
        (Answer((17,), -3), "Fill (pic) seed 17 score -3.00"),
    ],
)
def test_names_tell_network_seeds_and_score(answer: Answer, name: str) -> None:
    assert candidates.name("pic", answer) == name
