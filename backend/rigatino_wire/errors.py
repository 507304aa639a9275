"""Every failure that a user can meet: a code, parameters, and sentences (what happened, what to do).

    Failure
    ├── ProtocolError   a message or a peer that breaks docs/protocol.md
    ├── Unreachable     no daemon, or one that no longer answers
    └── Cancelled       the user stopped the work

The English texts stand in `TEXTS`; a plug-in translates the templates by code and formats them with `params`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, ClassVar, Union

from rigatino_wire.texts import TEXTS, Text

__all__ = ["TEXTS", "Cancelled", "Failure", "ProtocolError", "Scalar", "Text", "Unreachable"]

Scalar = Union[str, int, float, bool, None]

LONGEST_TEXT = (
    4000  # characters of one parameter or text; a log's tail fits, a header (64 KiB) is never filled
)


class Failure(Exception):
    """A failure with a code from `TEXTS` and JSON scalars as parameters.

    Raises ValueError for a code that the catalogue does not have. Parameters above 4000 characters are cut.
    """

    codes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, code: str, /, **params: Scalar) -> None:
        if code not in TEXTS:
            raise ValueError(f"no text for the failure code {code!r}")
        super().__init__(code)  # the one argument that unpickling calls again; the rest travels in __dict__
        self.code = code
        self.params: dict[str, Scalar] = {name: _short(value) for name, value in params.items()}
        self._text = _formatted(TEXTS[code], self.params)

    @property
    def sentence(self) -> str:
        """What happened, in English."""
        return self._text.sentence

    @property
    def hint(self) -> str:
        """What to do, in English."""
        return self._text.hint

    def __str__(self) -> str:
        return f"{self.sentence} {self.hint}"

    def to_json(self) -> dict[str, Any]:
        """The failure as the header of a message holds it."""
        return {"code": self.code, "params": self.params, "sentence": self.sentence, "hint": self.hint}

    @staticmethod
    def from_json(value: Any) -> Failure:
        """The failure that a peer sent; a code that is unknown here keeps the peer's own text.

        Raises ValueError where the value is not what `to_json` writes.
        """
        code, params, text = _parts(value)
        if code not in TEXTS:
            return _foreign(code, params, text)
        kind = next((kind for kind in (ProtocolError, Unreachable, Cancelled) if code in kind.codes), Failure)
        failure = kind(code, **params)
        if "?" in failure.sentence + failure.hint:  # a parameter is missing: the peer's version knows better
            failure._text = text
        return failure


class ProtocolError(Failure):
    """A message, or a peer, that breaks docs/protocol.md. `id` is the message's, where it could be read."""

    codes = frozenset({
        "bad_magic", "wrong_version", "bad_mac", "truncated", "bad_frames", "too_large", "bad_header",
        "unknown_op", "unknown_field", "missing_field", "bad_field", "bad_handshake", "bad_transport",
        "unexpected_reply",
    })  # fmt: skip
    id: str = ""


class Unreachable(Failure):
    """There is no daemon, or it does not answer any more."""

    codes = frozenset({
        "daemon_absent", "daemon_silent", "daemon_lost", "daemon_start_failed", "daemon_start_slow", "version_differs",
        "daemon_stop_failed", "command_failed", "daemon_outside", "plug_in_older", "program_older",
    })  # fmt: skip


class Cancelled(Failure):
    """The user stopped the work."""

    codes = frozenset({"cancelled"})

    def __init__(self, code: str = "cancelled", /, **params: Scalar) -> None:
        super().__init__(code, **params)


class Blanks(dict[str, Scalar]):
    """Parameters for format_map: a missing one becomes a question mark, an error must not raise another."""

    def __missing__(self, name: str) -> str:
        return "?"


def _formatted(text: Text, params: Mapping[str, Scalar]) -> Text:
    values = Blanks(params)
    return Text(text.sentence.format_map(values), text.hint.format_map(values))


def _short(value: Scalar) -> Scalar:
    if not isinstance(value, (str, int, float, type(None))):
        raise TypeError(f"a failure's parameter is a JSON scalar, not {type(value).__name__}")
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return _plain(value) if isinstance(value, str) else value


def _plain(text: str) -> str:
    """Text that every receiver can show: file names may hold lone surrogates, logs may be long."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= LONGEST_TEXT else "…" + text[-LONGEST_TEXT + 1 :]  # the end says the most


def _parts(value: Any) -> tuple[str, dict[str, Scalar], Text]:
    if not isinstance(value, dict) or set(value) != {"code", "params", "sentence", "hint"}:
        raise ValueError("a failure has code, params, sentence and hint")
    code, params, text = value["code"], value["params"], Text(value["sentence"], value["hint"])
    if not all(isinstance(part, str) and len(part) <= 3 * LONGEST_TEXT for part in (code, *text)):
        raise ValueError("a failure's code, sentence and hint are strings")
    if not isinstance(params, dict) or not all(
        isinstance(v, (str, int, float, type(None))) for v in params.values()
    ):
        raise ValueError("a failure's parameters are JSON scalars")
    return code, params, Text(_plain(text.sentence), _plain(text.hint))


def _foreign(code: str, params: dict[str, Scalar], text: Text) -> Failure:
    failure = Failure("unknown_failure", code=code)
    failure.code, failure._text = code, text
    failure.params = {name: _short(value) for name, value in params.items()}
    return failure
