"""The build's step: every catalogue (.po) of the plug-in gets the binary form (.mo) that gettext reads.

Runs for wheels and for editable installs; the .mo files lie beside the .po files and are no part of the repository.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LOCALE = Path(__file__).parent / "rigatino-gimp" / "locale"


def compile_all(locale: Path = LOCALE) -> list[Path]:
    """Writes the .mo files of all languages and returns them. Fuzzy and empty entries are left out."""
    return [_compile(file) for file in sorted(locale.glob("*/LC_MESSAGES/*.po"))]


def _compile(file: Path) -> Path:
    with file.open("rb") as source:
        catalogue = read_po(source, locale=file.parts[-3])
    binary = file.with_suffix(".mo")
    with binary.open("wb") as target:
        write_mo(target, catalogue)
    return binary


class CompileCatalogues(BuildHookInterface[Any]):
    """What hatchling calls before it collects the files of a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is hatchling's word for the kind of wheel: "standard" or "editable"."""
        compile_all()
