"""The catalogues: complete, well-formed, and nothing in them that the sources do not say."""

from __future__ import annotations

import gettext
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message

import catalogues
from compile_catalogues import LOCALE, compile_all
from rigatino_gimp import record, texts

LANGUAGES = sorted(file.parts[-3] for file in LOCALE.glob("*/LC_MESSAGES/rigatino.po"))
ASIAN = {"ja", "zh_CN"}  # mnemonics are Latin letters in brackets behind the words
# The letters of GIMP's own buttons in a procedure's dialog: OK, Cancel, Reset, Save and Load Settings.
BUTTONS = {"en": "ocrsl", "de": "oczsg", "fr": "vnrsc", "es": "acrg", "ja": "ocrsl", "zh_CN": "ocrsl"}
# What the dialogs' rows are for: a procedure's settings, but for the eyes, which have none, and what it takes besides.
ROWS = {task: [*settings()._fields] for task, settings in record.TASKS.items()}
ROWS["face"].remove("eyes")
for task, besides in {"fill": "mode", "paint": "map", "transplant": "reference"}.items():
    ROWS[task].append(besides)
WINDOW = [words.label for words in texts.WINDOW.values()]

each_language = pytest.mark.parametrize("language", LANGUAGES)


def words(language: str) -> Catalog:
    return catalogues.read(catalogues.catalogue(language))


def pairs(entry: Message) -> Iterator[tuple[str, str]]:
    """Each translation with the English it stands for; of plurals every form with the English plural."""
    if isinstance(entry.id, str):
        yield entry.id, str(entry.string)
    else:
        yield from ((entry.id[1], form) for form in entry.string)


def translations(language: str) -> list[tuple[str, str]]:
    return [pair for entry in words(language) if entry.id for pair in pairs(entry)]


def blanks(text: str) -> list[str]:
    """The names in braces; ValueError for braces that do not match, "" for a blank without a name."""
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def mnemonic(label: str) -> str | None:
    """The letter after the underscore; placeholders and names of variables have none."""
    found = re.findall(r"_(\w)", re.sub(r"\{.*?\}|[A-Z]+_[A-Z_]+", "", label))
    assert len(found) <= 1, label
    return found[0].lower() if found else None


def problems(english: str, translated: str, language: str) -> list[str]:
    """What is broken in one translation."""
    wrong = []
    try:
        if blanks(translated) != blanks(english):
            wrong.append("placeholders")
    except ValueError:
        wrong.append("braces")
    if (mnemonic(english) is None) != (mnemonic(translated) is None):
        wrong.append("mnemonic")
    elif mnemonic(english) and language in ASIAN and not re.search(r"\(_[A-Z]\)…?$", translated):
        wrong.append("place of the mnemonic")
    if translated != translated.strip() or "\n" in translated:
        wrong.append("white space")
    if english.endswith("…") != translated.endswith("…"):
        wrong.append("ellipsis")
    if english.endswith(".") != translated.endswith((".", "。")):
        wrong.append("full stop")
    return wrong


def test_the_languages_are_there() -> None:
    assert set(LANGUAGES) >= {"de", "es", "fr", "ja", "zh_CN"}
    assert set(BUTTONS) == {"en", *LANGUAGES}


@each_language
def test_a_catalogue_has_the_words_of_the_sources(language: str) -> None:
    spoken = {entry.id for entry in catalogues.extract() if entry.id}
    held = {entry.id for entry in words(language) if entry.id}
    assert [str(text) for text in spoken - held] == [], "missing: run gimp_plugin/catalogues.py"
    assert [str(text) for text in held - spoken] == [], "no longer said: run gimp_plugin/catalogues.py"
    assert not words(language).obsolete


@each_language
def test_everything_is_translated(language: str) -> None:
    assert not catalogues.unfinished(words(language))


@each_language
def test_no_translation_is_broken(language: str) -> None:
    broken = {
        translated: wrong
        for english, translated in translations(language)
        if (wrong := problems(english, translated, language))
    }
    assert not broken


@each_language
def test_plurals_have_as_many_forms_as_the_language(language: str) -> None:
    catalogue = words(language)
    plurals = [entry for entry in catalogue if entry.pluralizable]
    assert plurals
    for entry in plurals:
        assert len(entry.string) == catalogue.num_plurals


@pytest.mark.parametrize(
    ("translated", "wrong"),
    [
        ("Das Netz „{name}“ fehlt.", []),
        ("Das Netz fehlt.", ["placeholders"]),
        ("Das Netz „{nahme}“ fehlt.", ["placeholders"]),
        ("Das Netz „{}“ fehlt.", ["placeholders"]),
        ("Das Netz „{name“ fehlt.", ["braces"]),
        ("Das _Netz „{name}“ fehlt. ", ["mnemonic", "white space", "full stop"]),
    ],
)
def test_broken_translations_are_found(translated: str, wrong: list[str]) -> None:
    assert problems("There is no network “{name}”.", translated, "de") == wrong


def said(language: str, labels: Iterable[str]) -> list[str]:
    """The labels as that language has them."""
    translated = dict(translations(language)) if language in LANGUAGES else {}
    return [translated.get(label, label) for label in labels]


@pytest.mark.parametrize("task", ROWS)
@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_all_of_a_dialog_has_mnemonics_and_they_differ(language: str, task: str) -> None:
    rows = [texts.words(name).label for name in ROWS[task]]
    labels = said(language, [*rows, *texts.AUTOMATIC.values(), texts.TRY_AGAIN])
    letters = [mnemonic(label) for label in labels]
    assert None not in letters, labels
    assert len(set(letters)) == len(labels), labels
    assert not set(letters) & set(BUTTONS[language]), labels


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_mnemonics_of_the_window_of_candidates_differ(language: str) -> None:
    letters = {label: mnemonic(label) for label in said(language, WINDOW)}
    assert None not in letters.values()
    assert len(set(letters.values())) == len(WINDOW), letters


@each_language
def test_mnemonics_of_the_menu_differ(language: str) -> None:
    items = said(language, [about.menu for about in texts.PROCEDURES.values()])
    assert len({mnemonic(item) for item in items}) == len(items), items


@each_language
def test_the_binary_form_says_the_same(language: str, tmp_path: Path) -> None:
    folder = tmp_path / language / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "rigatino.po").write_bytes(catalogues.catalogue(language).read_bytes())
    assert compile_all(tmp_path) == [folder / "rigatino.mo"]
    binary = gettext.translation("rigatino", tmp_path, [language])
    for entry in words(language):
        if isinstance(entry.id, str) and entry.id:
            assert binary.gettext(entry.id) == (entry.string or entry.id)
        elif entry.id:
            assert {binary.ngettext(*entry.id, n) for n in (1, 2, 5)} == set(entry.string)


def test_an_update_keeps_translations_and_marks_what_is_new_or_changed(tmp_path: Path) -> None:
    file = catalogues.catalogue("de", tmp_path)
    old, new = Catalog(), Catalog()
    for text in ("Kept.", "A sentence that will change a little.", "Dropped altogether"):
        old.add(text)
    catalogues.update(file, old)
    translated = catalogues.read(file)
    for entry in translated:
        if entry.id:
            entry.string = f"de: {entry.id}"
    catalogues.write(file, translated)
    for text in ("Kept.", "A sentence that did change a little.", "New"):
        new.add(text)
    updated = catalogues.update(file, new)
    assert updated["Kept."].string == "de: Kept."
    assert catalogues.unfinished(updated) == ["A sentence that did change a little.", "New"]
    assert len(updated) == 3
    before = file.read_bytes()
    catalogues.update(file, new)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("variables", "label"),
    [
        ({"LANGUAGE": "de"}, "N_etz"),
        ({"LANG": "de_AT.UTF-8"}, "N_etz"),
        ({"LANG": "zh_CN.UTF-8"}, "网络(_N)"),
        ({"LANG": "fr_FR.UTF-8", "LANGUAGE": "ja:en"}, "ネットワーク(_N)"),
        ({"LANG": "nl_NL.UTF-8"}, "_Network"),
        ({"LANG": "C.UTF-8"}, "_Network"),
    ],
)
def test_the_environment_chooses_the_language(variables: dict[str, str], label: str) -> None:
    compile_all()
    done = subprocess.run(
        [sys.executable, "-c", "from rigatino_gimp import texts; print(texts.ARGUMENTS['network'].label)"],
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONUTF8": "1", **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == label
