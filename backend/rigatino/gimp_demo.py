"""The demonstration inside GIMP: the same photo and hole, the plug-in, an XCF with the fill as a layer."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from rigatino import plugin_install
from rigatino_wire.endpoint import runtime_dir
from rigatino_wire.errors import Failure

CONSOLES = ("gimp-console-3.2", "gimp-console-3.0", "gimp-console-3", "gimp-console")
SCRIPT = Path(__file__).parent / "demo" / "in_gimp.py"
LIMIT = 300  # seconds for GIMP to start, fill and save


def console(environment: Mapping[str, str] = os.environ) -> str | None:
    """GIMP's console program: the first that RIGATINO_GIMP names ("3.2=COMMAND:..."), else one on the PATH."""
    named = environment.get("RIGATINO_GIMP", "")
    if named:
        return named.split(":")[0].partition("=")[2]
    return next((found for name in CONSOLES if (found := shutil.which(name))), None)


def play(command: str, folder: Path) -> Path:
    """Run the demonstration in GIMP with a profile of its own in `folder`; returns the XCF.

    `folder` holds before.png and the mask. Raises Failure gimp_failed with what GIMP said.
    """
    folder = folder.absolute()
    profile, result = folder / "gimp-profile", folder / "gimp.xcf"
    plugin_install.install(profile)
    script = folder / "in_gimp.py"
    shutil.copyfile(SCRIPT, script)
    result.unlink(missing_ok=True)
    said = _run(command, script, profile, folder)
    if not result.exists():
        raise Failure("gimp_failed", command=command, said=said[-1500:].strip() or "nothing")
    return result


def _run(command: str, script: Path, profile: Path, folder: Path) -> str:
    environment = os.environ | {
        "GIMP3_DIRECTORY": str(profile),
        "RIGATINO_RUNTIME_DIR": str(runtime_dir()),
        "RIGATINO_DEMO_DIR": str(folder),
    }
    code = f"exec(open({str(script)!r}).read())"
    words = [command, "-idf", "--batch-interpreter=python-fu-eval", "-b", code, "--quit"]
    try:
        done = subprocess.run(
            words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT, check=False
        )
    except OSError as error:
        raise Failure("gimp_failed", command=command, said=error.strerror or str(error)) from None
    except subprocess.TimeoutExpired:
        raise Failure("gimp_failed", command=command, said=f"nothing within {LIMIT} seconds") from None
    return (done.stdout + done.stderr).decode("utf-8", "replace")
