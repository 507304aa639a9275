"""The demonstration inside GIMP: the same photo and hole, the plug-in, an XCF with the fill as a layer."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from rigatino import plugin_install
from rigatino_wire.endpoint import runtime_dir
from rigatino_wire.errors import Failure

SCRIPT = Path(__file__).parent / "demo" / "in_gimp.py"
LIMIT = 300  # seconds for GIMP to start, fill and save


def play(command: str, photo: Path, mask: Path, result: Path) -> None:
    """Fill the photo's hole in GIMP, with a profile of its own beside `result`, the XCF that is written.

    Raises Failure gimp_failed with what GIMP said.
    """
    result.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix=".gimp-", dir=result.parent, ignore_cleanup_errors=True) as name:
        work = Path(name).absolute()
        plugin_install.install(work / "profile")
        for file, target in ((photo, "photo.png"), (mask, "mask.png"), (SCRIPT, "in_gimp.py")):
            shutil.copyfile(file, work / target)
        said = _run(command, work)
        if not (work / "gimp.xcf").exists():
            raise Failure("gimp_failed", command=command, said=said[-1500:].strip() or "nothing")
        (work / "gimp.xcf").replace(result)


def _run(command: str, work: Path) -> str:
    environment = os.environ | {
        "GIMP3_DIRECTORY": str(work / "profile"),
        "RIGATINO_RUNTIME_DIR": str(runtime_dir()),
        "RIGATINO_DEMO_DIR": str(work),
    }
    script = work / "in_gimp.py"
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
