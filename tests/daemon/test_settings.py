"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from rigatino.pool import pick_device
from rigatino.settings import Settings
from rigatino_wire.errors import Failure


def test_defaults() -> None:
    settings = Settings.from_environment({"RIGATINO_IDLE_MINUTES": "", "RIGATINO_DEVICE": ""})
    assert (settings.device, settings.idle_minutes) == ("auto", 10.0)
    assert settings.data_dir.is_absolute()


def test_all_set(tmp_path: Path) -> None:
    environment = {
        "RIGATINO_DATA_DIR": str(tmp_path),
        "RIGATINO_DEVICE": "cpu",
        "RIGATINO_IDLE_MINUTES": "0.5",
        "RIGATINO_MEMORY_MB": "1024",
    }
    assert Settings.from_environment(environment) == Settings(tmp_path, "cpu", 0.5, 2.0**30)


@pytest.mark.parametrize("minutes", ["soon", "-1", "nan", "inf", "1e9"])
def test_minutes_that_are_none(minutes: str) -> None:
    with pytest.raises(Failure, match="RIGATINO_IDLE_MINUTES") as error:
        Settings.from_environment({"RIGATINO_IDLE_MINUTES": minutes})
    assert error.value.code == "bad_setting"


@pytest.mark.parametrize("megabytes", ["all", "-1", "nan", "10"])
def test_memory_that_is_none(megabytes: str) -> None:
    with pytest.raises(Failure, match="RIGATINO_MEMORY_MB") as error:
        Settings.from_environment({"RIGATINO_MEMORY_MB": megabytes})
    assert error.value.code == "bad_setting"


@pytest.mark.parametrize("device", ["abacus", "cuda:99"])
def test_a_device_that_is_not_there(device: str) -> None:
    with pytest.raises(Failure, match="a device that is there") as error:
        pick_device(device)
    assert (error.value.code, error.value.params["value"]) == ("bad_setting", device)
