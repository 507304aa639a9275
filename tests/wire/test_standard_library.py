"""rigatino_wire runs wherever GIMP's Python does: 3.9 to 3.14, the standard library, nothing else."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rigatino_wire

PACKAGE = Path(rigatino_wire.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py"))
IMPORT_ALL = "import sys; sys.path.insert(0, {root!r}); before = set(sys.modules); import {modules}; {then}"
TELL = "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"), feature_version=(3, 9))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("module", MODULES)
def test_it_imports_the_standard_library_alone(module: str) -> None:
    assert imported(PACKAGE / f"{module}.py") <= {*sys.stdlib_module_names, "rigatino_wire"}


@pytest.mark.parametrize("module", MODULES)
def test_it_evaluates_no_annotation_of_its_own_when_imported(module: str) -> None:
    text = (PACKAGE / f"{module}.py").read_text("utf-8")
    assert module in ("__init__",) or "from __future__ import annotations\n" in text


def run(python: str, then: str) -> str:
    modules = ", ".join(f"rigatino_wire.{name}" for name in MODULES if name != "__init__")
    code = IMPORT_ALL.format(root=str(PACKAGE.parent), modules=modules, then=then)
    done = subprocess.run(
        [python, "-I", "-W", "error", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_all_of_it_loads_nothing_else() -> None:
    loaded = set(run(sys.executable, TELL).split())
    assert loaded - {"rigatino_wire"} <= set(sys.stdlib_module_names)


def test_importing_the_package_loads_none_of_it() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); import rigatino_wire; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60)
    assert not {name for name in done.stdout.split() if name.startswith("rigatino_wire.")}


GOLDEN = """
sys.path.insert(0, {tests!r})
from wire.golden import KEY, MESSAGES
for message in MESSAGES:
    read = rigatino_wire.frames.unpack(rigatino_wire.frames.pack(message, KEY), KEY)
    assert read.to_header() == message.to_header()
print(len(MESSAGES))
"""


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13", "3.14"])
def test_other_pythons_of_this_computer(version: str) -> None:
    python = shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip(f"no Python {version} here")
    then = "exec(" + repr(GOLDEN.format(tests=str(Path(__file__).parents[1]))) + ")"
    assert run(python, then).split() == ["11"]
