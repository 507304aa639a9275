"""How long a user of GIMP waits for a fill beyond the network itself: from the call of the procedure to its layer.

    python benchmarks/gimp_roundtrip.py [--rounds 7] [--gimp COMMAND]

Runs a real GIMP without a display, with a profile and a daemon of its own. The plug-in's own start is taken with a
call that is refused at once. `network_s` is what the daemon spends in the network and in copying texture; `rest_s`,
the median over the rounds, is what is left of `action_s` without that and without the start. The last line is one
JSON object: case -> start_s, action_s, network_s, rest_s.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from rigatino import gimps, pictures, plugin_install
from rigatino_wire.launch import ensure_daemon, stop_daemon

INSIDE = Path(__file__).parent / "inside_gimp.py"
LIMIT = 900  # seconds for GIMP to start and do all rounds


def main() -> None:
    """Measure and print."""
    arguments = parse()
    command = arguments.gimp or gimps.console()
    if command is None:
        sys.exit("gimp_roundtrip: no GIMP 3 was found; name one with --gimp or RIGATINO_GIMP.")
    with tempfile.TemporaryDirectory(prefix="rigatino-gimp-", ignore_cleanup_errors=True) as name:
        rounds = measured(command, Path(name), arguments.rounds)
    cases = {case: summary(one) for case, one in rounds.items()}
    for case, figures in cases.items():
        print(f"{case}: " + ", ".join(f"{key} {value:.3f}" for key, value in figures.items()))
    print(json.dumps(cases))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--gimp", help="GIMP's console program")
    return parser.parse_args()


def measured(command: str, work: Path, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Case -> for each round the seconds of `start`, `action` and `network`."""
    runtime = work / "run"
    runtime.mkdir(mode=0o700)
    plugin_install.install(work / "profile")
    with resources.as_file(resources.files("rigatino") / "demo" / "photo.jpg") as photo:
        pictures.write(work / "photo.png", pictures.read(photo))
    shutil.copyfile(INSIDE, work / INSIDE.name)
    os.environ["RIGATINO_RUNTIME_DIR"] = str(runtime)
    ensure_daemon([sys.executable, "-m", "rigatino"], runtime)
    try:
        run(command, work, rounds)
    finally:
        stop_daemon(runtime)
    result: dict[str, list[dict[str, float]]] = json.loads((work / "rounds.json").read_text())
    return result


def run(command: str, work: Path, rounds: int) -> None:
    """Has GIMP run the rounds; its words go on to standard error."""
    environment = os.environ | {
        "GIMP3_DIRECTORY": str(work / "profile"),
        "RIGATINO_GIMP_SHARE": str(work),  # for commands whose GIMP lives in a chroot
        "RIGATINO_ROUNDS": str(rounds),
    }
    code = f"exec(open({str(work / INSIDE.name)!r}).read())"
    words = [command, "-idf", "--batch-interpreter=python-fu-eval", "-b", code, "--quit"]
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": sys.stderr, "timeout": LIMIT}
    subprocess.run(words, env=environment, check=False, **options)


def summary(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The medians of a case."""
    rest = [one["action"] - one["network"] - one["start"] for one in rounds]
    figures = {f"{name}_s": [one[name] for one in rounds] for name in ("start", "action", "network")}
    return {key: round(statistics.median(values), 3) for key, values in (figures | {"rest_s": rest}).items()}


if __name__ == "__main__":
    main()
