"""The catalogue of failures, and what each failure carries."""

from __future__ import annotations

import ast
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from rigatino_wire.errors import TEXTS, Cancelled, Failure, ProtocolError, Text, Unreachable

ROOT = Path(__file__).parents[2]
CLASSES = {kind.__name__: kind for kind in (Failure, ProtocolError, Unreachable, Cancelled)}
MAKERS = (*CLASSES, "ModelError")


def parameters(text: Text) -> set[str]:
    return {name for part in text for _, name, _, _ in Formatter().parse(part) if name}


def made(tree: ast.AST) -> Iterator[tuple[int, str, str, set[str]]]:
    """(line, class, code, parameters) of every failure that a module makes with a literal code."""
    for node in ast.walk(tree):
        kind = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and kind in MAKERS and node.args:
            code = node.args[0]
            names = {keyword.arg for keyword in node.keywords}
            if isinstance(code, ast.Constant) and isinstance(code.value, str) and None not in names:
                yield node.lineno, kind, code.value, {name for name in names if name}


def raised(folder: str) -> Iterator[tuple[str, str, str, set[str]]]:
    """The same of every module in a folder, with the place instead of the line."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for line, kind, code, names in made(ast.parse(path.read_text("utf-8"))):
            yield f"{path.relative_to(ROOT)}:{line}", kind, code, names


RAISED = [case for folder in ("backend", "models", "gimp_plugin") for case in raised(folder)]


@pytest.mark.parametrize("code", TEXTS)
def test_every_text_is_a_sentence(code: str) -> None:
    for part in TEXTS[code]:
        assert part[0].isupper() or part[0] == "{"
        assert part.endswith((".", ".”"))
        assert "\n" not in part
    assert not any(word in "".join(TEXTS[code]) for word in ("Error", "exception", "Traceback"))


@pytest.mark.parametrize("code", TEXTS)
def test_every_text_takes_its_parameters(code: str) -> None:
    names = parameters(TEXTS[code])
    failure = Failure(code, **{name: f"<{name}>" for name in names})
    assert all(f"<{name}>" in str(failure) for name in names)
    assert "{" not in str(failure)


@pytest.mark.parametrize(("place", "kind", "code", "given"), RAISED, ids=[case[0] for case in RAISED])
def test_what_the_source_raises_is_in_the_catalogue(
    place: str, kind: str, code: str, given: set[str]
) -> None:
    assert code in TEXTS, place
    assert parameters(TEXTS[code]) <= given, place
    if place.startswith("backend/rigatino_wire"):
        own = next((name for name, one in CLASSES.items() if code in one.codes), "Failure")
        assert kind == own, f"{place} should raise {own}"


def test_the_source_was_really_searched() -> None:
    assert sum(place.startswith("backend/rigatino_wire") for place, *_ in RAISED) > 40


def test_classes_name_codes_that_exist() -> None:
    for kind in CLASSES.values():
        assert kind.codes <= set(TEXTS)


def test_a_failure_says_what_happened_and_what_to_do() -> None:
    failure = Failure("unknown_network", name="big", known="small, lama")
    assert failure.sentence == "There is no network named “big”."
    assert failure.hint == "Choose one of these: small, lama."
    assert str(failure) == f"{failure.sentence} {failure.hint}"


def test_an_unknown_code_is_a_slip_of_the_programmer() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Failure("nonsense")


def test_a_parameter_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="list"):
        Failure("bad_setting", value=[1])  # type: ignore[arg-type]


def test_a_missing_parameter_does_not_raise_a_second_error() -> None:
    assert Failure("file_missing").sentence == "There is no file ?."


def test_parameters_that_cannot_be_shown_are_made_plain() -> None:
    failure = Failure("daemon_start_failed", log="a\udc80b", tail="x" * 10_000 + "end", number=float("inf"))
    assert failure.params["log"] == "a?b"
    assert len(str(failure.params["tail"])) == 4000
    assert str(failure.params["tail"]).endswith("end")
    assert failure.params["number"] == "inf"
    json.dumps(failure.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    "failure",
    [
        Failure("bad_setting", name="grow", value=-1, expected="0 to 1000"),
        ProtocolError("bad_mac"),
        Unreachable("daemon_lost"),
        Cancelled(),
    ],
    ids=lambda failure: failure.code,
)
def test_failures_travel(failure: Failure) -> None:
    for copy in (
        Failure.from_json(json.loads(json.dumps(failure.to_json()))),
        pickle.loads(pickle.dumps(failure)),
    ):
        assert type(copy) is type(failure)
        assert (copy.code, copy.params, str(copy)) == (failure.code, failure.params, str(failure))


def test_a_code_of_a_newer_peer_keeps_the_peers_words() -> None:
    sent = {"code": "moon_full", "params": {"phase": 4}, "sentence": "The {moon} is full.", "hint": "Wait."}
    failure = Failure.from_json(sent)
    assert failure.to_json() == sent
    assert str(failure) == "The {moon} is full. Wait."


def test_a_known_code_without_its_parameters_keeps_the_peers_words() -> None:
    sent = {"code": "file_missing", "params": {}, "sentence": "A file is missing.", "hint": "Look."}
    assert Failure.from_json(sent).sentence == "A file is missing."


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"code": "deadline", "params": {}, "sentence": "A."},
        {"code": 1, "params": {}, "sentence": "A.", "hint": "B."},
        {"code": "deadline", "params": [], "sentence": "A.", "hint": "B."},
        {"code": "deadline", "params": {"a": [1]}, "sentence": "A.", "hint": "B."},
        {"code": "deadline", "params": {}, "sentence": "A" * 20_000, "hint": "B."},
        {"code": "deadline", "params": {}, "sentence": "A.", "hint": "B.", "more": 1},
    ],
)
def test_what_is_no_failure_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="a failure"):
        Failure.from_json(value)
