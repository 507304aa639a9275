"""The answers of a network to one hole, each a fill of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rigatino_wire.messages import Answer, Filled
from rigatino_wire.region import Box
from rigatino_wire.several import as_one

PLAIN = Answer()  # of a network without chance


class Part(NamedTuple):
    """What is laid over the picture: RGBA, row by row, and its place there."""

    box: Box
    rgba: memoryview


class Candidate(NamedTuple):
    """One of the answers that a reply holds, by its number there; of several replies each is about a place of its own.

    `filled`: what ran, as of one reply.
    """

    filled: Filled
    number: int
    replies: Sequence[Filled]

    @property
    def answer(self) -> Answer:
        """Its lineage and score; empty where the daemon tells of none."""
        answers = self.filled.answers
        return answers[self.number] if self.number < len(answers) else PLAIN

    @property
    def parts(self) -> list[Part]:
        """Its pixels, of the reply's dtype."""
        return [_part(reply, self.number) for reply in self.replies]

    @property
    def nbytes(self) -> int:
        """How much memory its pixels take."""
        return sum(part.rgba.nbytes for part in self.parts)


def of(*replies: Filled) -> list[Candidate]:
    """The candidates of a reply, in its order: the best first, where they have scores. Several replies are one fill."""
    filled = as_one(replies)
    return [Candidate(filled, number, replies) for number in range(filled.fill.shape[0])]


def _part(reply: Filled, number: int) -> Part:
    count, height, width, _ = reply.fill.shape
    size = reply.fill.nbytes // count
    return Part(Box(*reply.offset, width, height), reply.fill.view[number * size : (number + 1) * size])


def name(network: str, answer: Answer = PLAIN, kind: str = "Fill") -> str:
    """What a fill's layer is called, with its answer among others."""
    seeds = "+".join(map(str, answer.lineage))
    parts = [f"{kind} ({network})"]
    if seeds:
        parts.append(f"seed {seeds}")
    if answer.score is not None:
        parts.append(f"score {answer.score:.2f}")
    return " ".join(parts)
