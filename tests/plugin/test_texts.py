"""The plug-in's words."""

from __future__ import annotations

import pytest

from rigatino_gimp import texts
from rigatino_gimp.edits import PaintSettings, TransplantSettings
from rigatino_gimp.request import MODES, WORDS, Settings
from rigatino_wire.errors import TEXTS, Failure
from rigatino_wire.messages import Answer, Progress
from rigatino_wire.texts import NOTES


def test_every_argument_has_a_label_and_a_tooltip() -> None:
    assert set(texts.ARGUMENTS) == {*Settings._fields, "mode"}
    for words in texts.ARGUMENTS.values():
        assert words.help
        assert words.label.count("_") == 1


@pytest.mark.parametrize("settings", [PaintSettings(), TransplantSettings()])
def test_the_arguments_of_edits_have_words_too(settings: PaintSettings | TransplantSettings) -> None:
    for name in (*settings._fields, "map", "reference"):
        assert texts.words(name).help
    assert not set(texts.EDITS) & set(texts.ARGUMENTS)


def test_every_word_of_a_choice_is_said() -> None:
    assert {name: tuple(words) for name, words in texts.CHOICES.items()} == {**WORDS, "mode": MODES}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(), ""),
        (Answer((17,)), "Seed 17"),
        (Answer((17, 4), 0.826), "Seed 17 + 4\nScore 0.83"),
    ],
)
def test_a_candidate_tells_its_seeds_and_its_score(answer: Answer, words: str) -> None:
    assert texts.candidate(answer) == words


@pytest.mark.parametrize("stage", ["queued", "starting", "loading", "filling"])
def test_every_stage_has_words(stage: str) -> None:
    assert texts.stage(Progress(id="a", stage=stage, position=3)).startswith("Rigatino: ")


@pytest.mark.parametrize(("position", "words"), [(1, "1 other fill"), (3, "3 other fills")])
def test_a_queued_fill_tells_its_place(position: int, words: str) -> None:
    assert texts.stage(Progress(id="a", stage="queued", position=position)).endswith(words)


def test_failures_are_said_in_the_users_language(monkeypatch: pytest.MonkeyPatch) -> None:
    german = {
        TEXTS["unknown_network"].sentence: "Ein Netz „{name}“ gibt es nicht.",
        TEXTS["unknown_network"].hint: "Es gibt {known}.",
    }
    failure = Failure("unknown_network", name="x", known="a, {b}")
    assert texts.say(failure) == str(failure)
    monkeypatch.setattr(texts, "_", lambda text: german.get(text, text))
    assert texts.say(failure) == "Ein Netz „x“ gibt es nicht. Es gibt a, {b}."


def test_a_failure_with_other_parameters_keeps_the_words_of_its_daemon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peer = {"code": "unknown_network", "params": {"new": 1}, "sentence": "No net 1.", "hint": "Choose."}
    monkeypatch.setattr(texts, "_", lambda text: text.replace("There is", "Es gibt"))
    assert texts.say(Failure.from_json(peer)) == "No net 1. Choose."


def test_what_only_a_newer_daemon_knows_is_said_in_its_words() -> None:
    peer = {"code": "brand_new", "params": {}, "sentence": "The moon is full.", "hint": "Wait."}
    assert texts.say(Failure.from_json(peer)) == "The moon is full. Wait."


def test_notes_are_said_in_the_users_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_", {NOTES["one_candidate"]: "Nur ein Vorschlag."}.get)
    assert texts.note(NOTES["one_candidate"]) == "Nur ein Vorschlag."
