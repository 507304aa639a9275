"""One point that the doctor looked at."""

from __future__ import annotations

from dataclasses import dataclass

from rigatino_wire.errors import Failure

OK, WARNING, WRONG = "ok", "warning", "wrong"


@dataclass(frozen=True)
class Point:
    """What was looked at, how it is (ok, warning, wrong), what was found, and what to do about it."""

    name: str
    state: str
    text: str
    hint: str = ""

    @staticmethod
    def of(name: str, failure: Failure, state: str = WRONG) -> Point:
        """The point that a failure makes."""
        return Point(name, state, failure.sentence, failure.hint)
