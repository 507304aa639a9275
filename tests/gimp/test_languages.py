"""GIMP in German, then in Chinese: menu, documentation and refusal follow, also what GIMP keeps between starts."""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import pytest

from compile_catalogues import LOCALE, compile_all
from gimp.conftest import picture
from gimp.real import RealGimp
from rigatino_gimp import texts
from rigatino_wire.errors import TEXTS

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(1500)]

LANGUAGES = ("de", "zh_CN")


def choose(gimp: RealGimp, language: str) -> None:
    """What GIMP's preferences do; GIMP keeps its other settings, among them the language of its last start."""
    file = gimp.share / "profile" / "gimprc"
    kept = re.sub(r"\(language .*\)\n", "", file.read_text("utf-8")) if file.exists() else ""
    file.write_text(f'{kept}\n(language "{language}")\n', "utf-8")


def expected(language: str) -> dict[str, str]:
    _ = gettext.translation("rigatino", LOCALE, [language]).gettext
    about, refusal = texts.PROCEDURES["rigatino-fill"], TEXTS["selection_empty"]
    return {
        "menu": _(about.menu),
        "blurb": _(about.blurb),
        "help": _(about.help),
        "grow": _(texts.ARGUMENTS["grow"].label),
        "error": _("{sentence} {hint}").format(sentence=_(refusal.sentence), hint=_(refusal.hint)),
    }


def test_gimp_speaks_the_users_language(gimp_command: Path, tmp_path: Path) -> None:
    compile_all()
    gimp = RealGimp(gimp_command, tmp_path)
    picture().save(gimp.share / "photo.png")
    heard = {}
    for language in LANGUAGES:
        choose(gimp, language)
        gimp.batch("languages.py")
        heard[language] = gimp.facts("words")
    assert heard == {language: expected(language) for language in LANGUAGES}
    assert heard["de"] != heard["zh_CN"]
