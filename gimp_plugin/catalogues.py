"""For translators: brings the plug-in's catalogues up to date with the words in the sources.

python gimp_plugin/catalogues.py         updates all of them, compiles them, and says what is left to translate
python gimp_plugin/catalogues.py nl      begins a Dutch one
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from compile_catalogues import LOCALE, compile_all
from rigatino_wire.texts import NOTES, TEXTS

ROOT = Path(__file__).parents[1]
SOURCES = Path(__file__).parent / "rigatino-gimp" / "rigatino_gimp"
WIRE = ROOT / "backend" / "rigatino_wire"
NETWORKS = ROOT / "models" / "rigatino_models"
KEYWORDS = {"_": None, "_n": (1, 2)}


def extract() -> Catalog:
    """All that can be translated: the plug-in's words, failures and notes by code, and the networks' purposes."""
    template = Catalog()
    found = extract_from_dir(SOURCES, [("**.py", "python")], keywords=KEYWORDS, comment_tags=["Translators:"])
    for name, _, text, comments, _ in sorted(found, key=lambda entry: entry[:2]):
        template.add(text, locations=[_place(SOURCES / name)], auto_comments=comments)
    for code, failure in TEXTS.items():
        for text in failure:
            template.add(text, locations=[_place(WIRE / "texts.py")], auto_comments=[code])
    for code, text in NOTES.items():
        template.add(text, locations=[_place(WIRE / "texts.py")], auto_comments=[code])
    for file, text in _purposes():
        template.add(text, locations=[_place(file)], auto_comments=["after “Good for”"])
    return template


def _purposes() -> Iterator[tuple[Path, str]]:
    """What the networks are good for, as their specs and the records of bundled weights say it."""
    for file in sorted(NETWORKS.rglob("spec.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if (
                isinstance(node, ast.keyword)
                and node.arg == "good_for"
                and isinstance(node.value, ast.Constant)
            ):
                yield file, str(node.value.value)
    for file in sorted(NETWORKS.glob("weights/*.json")):
        stated = json.loads(file.read_text("utf-8"))["spec"]  # the rest is the system's own
        if "good_for" in stated:
            yield file, stated["good_for"]


def _place(file: Path) -> tuple[str, int]:
    return file.relative_to(ROOT).as_posix(), 0


def catalogue(language: str, locale: Path = LOCALE) -> Path:
    """The file of a language."""
    return locale / language / "LC_MESSAGES" / "rigatino.po"


def read(file: Path) -> Catalog:
    """A catalogue as it is written; its language is the folder's name."""
    with file.open("rb") as source:
        return read_po(source, locale=file.parts[-3])


def update(file: Path, template: Catalog) -> Catalog:
    """Brings a file up to date, or begins it: new words are empty, changed ones fuzzy, others are gone."""
    words = read(file) if file.exists() else _new(file.parts[-3])
    template.creation_date = words.creation_date  # a date of today would change the file every day
    words.update(template)
    file.parent.mkdir(parents=True, exist_ok=True)
    write(file, words)
    return read(file)


def write(file: Path, words: Catalog) -> None:
    """Writes a catalogue as it lies in the repository: no line numbers, no words that are gone."""
    with file.open("wb") as target:
        write_po(target, words, width=110, ignore_obsolete=True, include_lineno=False)


def _new(language: str) -> Catalog:
    """An empty catalogue, whose head names no person."""
    return Catalog(
        locale=language,
        header_comment="# The words of Rigatino's plug-in for GIMP; Apache-2.0, as all of Rigatino.",
        project="Rigatino",
        version="plug-in",
        msgid_bugs_address="docs/translating.md",
        last_translator="Rigatino's authors",
        language_team="Rigatino's authors",
        fuzzy=False,
    )


def unfinished(words: Catalog) -> list[str]:
    """The English of entries that have no translation, or a fuzzy one."""
    return [str(entry.id) for entry in words if entry.id and (entry.fuzzy or not _complete(entry))]


def _complete(entry: Message) -> bool:
    return all(entry.string) if isinstance(entry.string, (tuple, list)) else bool(entry.string)


@click.command(help=__doc__)
@click.argument("languages", nargs=-1)
def main(languages: tuple[str, ...]) -> None:
    """Updates the catalogues that there are and those that are named."""
    template = extract()
    files = {*LOCALE.glob("*/LC_MESSAGES/rigatino.po"), *map(catalogue, languages)}
    for file in sorted(files):
        left = unfinished(update(file, template))
        click.echo(f"{file.relative_to(ROOT)}: {len(left)} of {len(template)} to translate")
    compile_all()


if __name__ == "__main__":
    main()
