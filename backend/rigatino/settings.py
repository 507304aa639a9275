"""What the environment says: where data lies, what computes and in how much memory, how long a worker may idle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path

import platformdirs

from rigatino_wire.errors import Failure

LEAST_MEMORY = 256  # megabytes
LONGEST_IDLE = 7 * 24 * 60.0  # minutes


@dataclass(frozen=True)
class Settings:
    """Settings of the daemon, its worker and the command line.

    `data_dir` holds imported weights; `device` is "auto" or a device's name (cpu, cuda, cuda:1, mps);
    after `idle_minutes` without work the worker ends; `memory` is how many bytes networks and their work may take on
    that device, infinite for as much as there is.
    """

    data_dir: Path
    device: str = "auto"
    idle_minutes: float = 10.0
    memory: float = inf

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """RIGATINO_DATA_DIR, RIGATINO_DEVICE, RIGATINO_IDLE_MINUTES, RIGATINO_MEMORY_MB.

        Unset or empty ones have their defaults. Raises Failure bad_setting.
        """
        found = os.environ if environment is None else environment
        return cls(
            data_dir=_folder(found.get("RIGATINO_DATA_DIR", "")),
            device=found.get("RIGATINO_DEVICE") or "auto",
            idle_minutes=_minutes(found.get("RIGATINO_IDLE_MINUTES") or "10"),
            memory=_megabytes(found.get("RIGATINO_MEMORY_MB") or "inf"),
        )


def _folder(name: str) -> Path:
    return Path(name).absolute() if name else platformdirs.user_data_path("rigatino", appauthor=False)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    if not isfinite(minutes) or not 0 <= minutes <= LONGEST_IDLE:
        expected = f"a number of minutes from 0 to {LONGEST_IDLE:g}"
        raise Failure("bad_setting", name="RIGATINO_IDLE_MINUTES", value=text, expected=expected)
    return minutes


def _megabytes(text: str) -> float:
    """Bytes from megabytes; “inf” for no limit."""
    try:
        megabytes = float(text)
    except ValueError:
        megabytes = -1.0
    if not megabytes >= LEAST_MEMORY:
        expected = f"a number of megabytes of {LEAST_MEMORY} or more"
        raise Failure("bad_setting", name="RIGATINO_MEMORY_MB", value=text, expected=expected)
    return megabytes * (1 << 20)
