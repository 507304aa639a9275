"""Whether the bundled model is as good as it must be, measured again: next to PatchMatch and OpenCV's two diffusions.

    python benchmarks/quality.py PHOTOS --perceptual squeezenet1_0.safetensors --out DIR [evaluate's other options]

Runs `rigatino evaluate` and prints its tables and one line per demand: NOT met, met by the mean, or clear, which is
met by the whole 95 % interval. The last line is JSON: {demand: {"met", "clear", "mean", "low", "high"}}. Needs the
extra `eval`; with fewer than 100 photographs little is clear, with fewer than 20 nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rigatino_models import registry
from rigatino_models.metrics.bootstrap import LEAST

LARGEST = 16  # MB of weights
OTHERS = ("patchmatch", "ns", "telea")
KINDS = ("wide", "object", "narrow")
# (kinds, other, measure, what the difference must be clear of, side): ours minus the other's, +1 above, -1 below.
DEMANDS = (
    (("wide", "object"), "patchmatch", "lp_sq10", 0.0, -1),
    (("wide", "object"), "patchmatch", "swd", 0.0, -1),
    (("wide", "object"), "patchmatch", "psnr", 1.5, 1),
    (KINDS, "ns", "lp_sq10", 0.0, -1),
    (KINDS, "telea", "lp_sq10", 0.0, -1),
    (KINDS, "ns", "psnr", 0.0, 1),
    (KINDS, "telea", "psnr", 0.0, 1),
)


def main() -> None:
    """Measure, then hold the result against the demands."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("--perceptual", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments, more = parser.parse_known_args()
    report = evaluate(arguments, more)
    print((arguments.out / "table.md").read_text("utf-8"))
    found = {name: row for demand in DEMANDS for name, row in judged(report, *demand)} | size()
    for name, row in found.items():
        word = "clear" if row["clear"] else "met" if row["met"] else "NOT"
        print(f"{word:6}{name}: {row['mean']:+.4f} ({row['low']:+.4f} … {row['high']:+.4f})")
    print(json.dumps(found))


def evaluate(arguments: argparse.Namespace, more: list[str]) -> dict[str, Any]:
    """The report of `rigatino evaluate` on the bundled model."""
    words = ["--images", arguments.photos, "--out", arguments.out, "--perceptual", arguments.perceptual]
    words += ["--masks", ",".join(KINDS), "--against", ",".join(OTHERS), *more]
    done = subprocess.run(
        [sys.executable, "-m", "rigatino", "evaluate", *map(str, words)], stdout=subprocess.DEVNULL
    )
    if done.returncode:  # it has said why
        sys.exit(done.returncode)
    report: dict[str, Any] = json.loads((arguments.out / "results.json").read_text("utf-8"))
    return report


def judged(
    report: dict[str, Any], kinds: tuple[str, ...], other: str, measure: str, bound: float, side: int
) -> list[tuple[str, dict[str, Any]]]:
    """One demand on each kind of hole: the difference, and whether its mean and its whole interval meet it."""
    rows = []
    for kind in kinds:
        row = report["differences"][kind][other][measure]
        worst = row["high"] if side < 0 else row["low"]
        met, clear = (side * value >= side * bound for value in (row["mean"], worst))
        name = f"{kind}: {measure} minus {other}'s {'below' if side < 0 else 'above'} {bound:g}"
        rows.append((name, {"met": met, "clear": clear and len(report["photos"]) >= LEAST, **row}))
    return rows


def size() -> dict[str, dict[str, Any]]:
    """The demand on the bundled model's file of weights, in MB."""
    (path,) = (network.path for network in registry.bundled() if network.spec.name == registry.DEFAULT)
    found = path.stat().st_size / 1e6
    met = found <= LARGEST
    row = {"met": met, "clear": met, "mean": found, "low": found, "high": found}
    return {f"weights: MB at most {LARGEST}": row}


if __name__ == "__main__":
    main()
