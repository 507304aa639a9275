"""Who may import whom: the arrows of docs/architecture.md, held against the code, transitively."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "rigatino_gimp": ROOT / "gimp_plugin" / "rigatino-gimp" / "rigatino_gimp",
    "rigatino": ROOT / "backend" / "rigatino",
    "rigatino_wire": ROOT / "backend" / "rigatino_wire",
    "rigatino_models": ROOT / "models" / "rigatino_models",
}
ALLOWED = {
    "rigatino_gimp": {"rigatino_wire", "gi"},
    "rigatino": {
        "rigatino_wire", "rigatino_models", "torch", "numpy", "PIL", "zmq", "scipy",
        "click", "tqdm", "platformdirs", "filelock", "gi", "cv2", "patchmatch", "OpenImageIO",
    },
    "rigatino_wire": set(),
    "rigatino_models": {
        "torch", "numpy", "PIL", "scipy", "safetensors", "tqdm", "skimage", "sklearn", "tensorboardX",
    },
}  # fmt: skip
# Inside rigatino_models: layers <- systems <- registry; these import no system.
GROUND = {"layers", "losses", "metrics", "data"}
SYSTEMS = {"lama", "comodgan", "pic", "dfnet", "collage", "gfc", "exemplar"}


def imports(file: Path) -> Iterator[str]:
    """Full dotted names of all that a file imports, also within functions."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(package: str) -> list[Path]:
    """A package's modules; there must be some."""
    found = sorted(PACKAGES[package].rglob("*.py"))
    assert found, package
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_package_imports_only_what_the_architecture_allows(package: str) -> None:
    allowed = ALLOWED[package] | set(sys.stdlib_module_names) | {package}
    wrong = {
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files(package)
        for name in imports(file)
        if name.partition(".")[0] not in allowed
    }
    assert not wrong


def test_models_keep_their_own_order() -> None:
    wrong = set()
    for file in files("rigatino_models"):
        room = file.relative_to(PACKAGES["rigatino_models"]).parts[0]
        for name in imports(file):
            parts = name.split(".")
            target = parts[1] if parts[0] == "rigatino_models" and len(parts) > 1 else ""
            if target in SYSTEMS and (room in GROUND or (room in SYSTEMS and room != target)):
                wrong.add(f"{file.relative_to(ROOT)} imports {name}")
    assert not wrong


@pytest.mark.parametrize(
    ("program", "unwanted"),
    [
        (
            "import rigatino_wire, rigatino_wire.client, rigatino_wire.launch",
            {"torch", "numpy", "zmq", "PIL"},
        ),
        ("from rigatino.cli import cli; cli(['--help'], standalone_mode=False)", {"torch", "numpy", "scipy"}),
        ("import rigatino.daemon", {"torch"}),
        ("import rigatino_models.registry; rigatino_models.registry.specs()", {"torch"}),
        (
            "from rigatino_models import registry; from rigatino_models.convert import weights; "
            "bundled = registry.find(''); weights.read(bundled.path, bundled.sha256)",
            {"sympy"},
        ),
    ],
)
def test_light_entries_import_nothing_heavy(program: str, unwanted: set[str]) -> None:
    code = f"import sys\n{program}\nprint('loaded:', *sys.modules)"
    paths = f"import sys; sys.path[:0] = {[str(p.parent) for p in PACKAGES.values()]!r}\n"
    said = subprocess.run(
        [sys.executable, "-c", paths + code], capture_output=True, text=True, check=True
    ).stdout
    loaded = set(said.rpartition("loaded: ")[2].split())
    assert len(loaded) > 20
    assert not loaded & unwanted
