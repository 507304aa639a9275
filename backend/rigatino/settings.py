"""What the environment says: where data lies, what computes, how long a worker may idle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import platformdirs

from rigatino_wire.errors import Failure

LONGEST_IDLE = 7 * 24 * 60.0  # minutes


@dataclass(frozen=True)
class Settings:
    """Settings of the daemon, its worker and the command line.

    `data_dir` holds imported weights; `device` is "auto" or a device's name (cpu, cuda, cuda:1, mps);
    after `idle_minutes` without work the worker ends.
    """

    data_dir: Path
    device: str = "auto"
    idle_minutes: float = 10.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """RIGATINO_DATA_DIR, RIGATINO_DEVICE, RIGATINO_IDLE_MINUTES; unset or empty ones have their defaults.

        Raises Failure bad_setting.
        """
        found = os.environ if environment is None else environment
        return cls(
            data_dir=_folder(found.get("RIGATINO_DATA_DIR", "")),
            device=found.get("RIGATINO_DEVICE") or "auto",
            idle_minutes=_minutes(found.get("RIGATINO_IDLE_MINUTES") or "10"),
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
