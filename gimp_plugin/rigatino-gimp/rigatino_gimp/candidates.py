"""The answers of a network to one hole, each a fill of its own."""

from __future__ import annotations

from typing import NamedTuple

from rigatino_wire.messages import Answer, Filled

PLAIN = Answer()  # of a network without chance


class Candidate(NamedTuple):
    """One of the answers that a reply holds, by its number there."""

    filled: Filled
    number: int

    @property
    def answer(self) -> Answer:
        """Its lineage and score; empty where the daemon tells of none."""
        answers = self.filled.answers
        return answers[self.number] if self.number < len(answers) else PLAIN

    @property
    def rgba(self) -> memoryview:
        """Its pixels, of the reply's size and dtype."""
        fill = self.filled.fill
        size = fill.nbytes // fill.shape[0]
        return fill.view[self.number * size : (self.number + 1) * size]


def of(filled: Filled) -> list[Candidate]:
    """The candidates of a reply, in its order: the best first, where they have scores."""
    return [Candidate(filled, number) for number in range(filled.fill.shape[0])]


def name(network: str, answer: Answer = PLAIN, kind: str = "Fill") -> str:
    """What a fill's layer is called, with its answer among others."""
    seeds = "+".join(map(str, answer.lineage))
    parts = [f"{kind} ({network})"]
    if seeds:
        parts.append(f"seed {seeds}")
    if answer.score is not None:
        parts.append(f"score {answer.score:.2f}")
    return " ".join(parts)
