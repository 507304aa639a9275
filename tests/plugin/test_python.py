"""The plug-in runs in GIMP's own Python, which may be 3.9."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "gimp_plugin" / "rigatino-gimp"
FILES = sorted(FOLDER.rglob("*.py"))
ALLOWED = {"rigatino_gimp", "rigatino_wire", "gi"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_python_3_9_can_read_it(file: Path) -> None:
    ast.parse(file.read_text("utf-8"), feature_version=(3, 9))
    assert "from __future__ import annotations" in file.read_text("utf-8") or file.name == "__init__.py"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_needs_nothing_that_gimps_python_has_not(file: Path) -> None:
    tree = ast.parse(file.read_text("utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= ALLOWED | sys.stdlib_module_names


def test_the_entry_is_short_and_can_be_run() -> None:
    entry = FOLDER / "rigatino-gimp.py"
    lines = entry.read_text("utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/env python3"
    assert len(lines) <= 60
    assert entry.stat().st_mode & 0o111 == 0o111
