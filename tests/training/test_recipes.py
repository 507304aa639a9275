"""Every setting is checked, and what is wrong is said with its name, its value and what it takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rigatino.failures import translated
from rigatino_models.errors import ModelError
from rigatino_models.training.recipe import as_table, find, read
from rigatino_models.training.settings import Recipe
from rigatino_wire.errors import Failure

# One recipe of each system, with what it cannot do without.
SYSTEMS: dict[str, list[str]] = {
    "lama-small": [],
    "comodgan-places": ["data.side=256"],
    "pic-random": [],
    "dfnet": [],
    "gfc": [],
    "collage-encoder": ["teacher=some.safetensors"],
}
# What no setting takes; a text takes all but the first.
STRANGE = ['[["lama"]]', "99999999999999999999999999", "9" * 400, "1e400", "1979-05-27", "{a = {b = 1}}"]


def leaves(table: dict[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every setting."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{where}{key}.")
        else:
            yield f"{where}{key}", value


def refused(name: str, *changes: str) -> ModelError | None:
    """What is said of a recipe with these changes; None if it is taken."""
    try:
        read(find(name), [*SYSTEMS[name], *changes])
    except ModelError as error:
        return error
    return None


def settings(name: str) -> Recipe:
    """A recipe as it ships."""
    return read(find(name), SYSTEMS[name])


@pytest.mark.parametrize("name", SYSTEMS)
def test_no_number_may_be_less_than_nothing(name: str) -> None:
    seen = 0
    for setting, value in leaves(as_table(settings(name))):
        held = value if isinstance(value, tuple) else (value,)
        if not held or any(type(number) not in (int, float) for number in held):
            continue
        seen += 1
        less = [-1 if type(number) is int else -1.0 for number in held]
        change = less if isinstance(value, tuple) else less[0]
        error = refused(name, f"{setting}={change}")
        assert error, setting
        assert (error.code, error.params["name"]) == ("bad_setting", setting)
        assert "-1" in str(error.params["value"])
        assert any(figure.isdigit() for figure in str(error.params["expected"])), error
    assert seen > 30


@pytest.mark.parametrize("name", SYSTEMS)
def test_no_setting_takes_just_anything(name: str) -> None:
    for setting, value in leaves(as_table(settings(name))):
        for strange in STRANGE[:1] if isinstance(value, str) else STRANGE:
            error = refused(name, f"{setting}={strange}")
            assert error, (setting, strange)
            assert error.code == "bad_setting", (setting, strange)


@pytest.mark.parametrize("section", ["system", "network", "data", "data.masks", "optimiser", "log"])
def test_no_section_takes_just_anything(section: str) -> None:
    for name in SYSTEMS:
        for strange in ["[1]", "-1", "text", "{a = {b = 1}}"]:
            error = refused(name, f"{section}={strange}")
            assert error, (name, strange)
            assert error.code == "bad_setting", (name, strange)


@pytest.mark.parametrize(
    ("name", "change", "setting", "value", "expected"),
    [
        ("collage-encoder", "network.classes=-1", "network.classes", "-1", "from 1 to 10000"),
        ("lama-small", "network.blocks=-3", "network.blocks", "-3", "0 to 256"),
        ("lama-small", "network.global_width=256", "network.global_width", "256", "less than its last width"),
        ("comodgan-places", "network.global_width=0", "network.global_width", "0", "1 to 8192"),
        ("lama-small", "optimiser.ema=3.0", "optimiser.ema", "3.0", "0 to 1"),
        ("lama-small", "optimiser.rate=1e30", "optimiser.rate", "1e+30", "0 to 1"),
        ("lama-small", "losses.border=-1.0", "losses.border", "-1.0", "0 or more"),
        ("lama-small", "adversary.weight=-1.0", "adversary.weight", "-1.0", "0 or more"),
        ("lama-small", "adversary.r1=-1.0", "adversary.r1", "-1.0", "0 or more"),
        ("lama-small", "seed=99999999999999999999999999", "seed", "9" * 26, "0 to 9.0"),
        ("lama-small", "optimiser.accumulate=3", "optimiser.batch", "16", "a multiple of optimiser.accumulate, 3"),
        ("lama-small", "data.side=many", "data.side", "many", "a whole number"),
        ("lama-small", 'system=["lama"]', "system", "['lama']", "comodgan"),
        ("comodgan-places", "data.side=0", "data.side", "0", "8 to 16384"),
        ("lama-small", "optimiser.batches=3", "optimiser.batches", "3", "batch"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_value_and_remedy(
    name: str, change: str, setting: str, value: str, expected: str
) -> None:
    error = refused(name, change)
    assert error
    assert (error.params["name"], error.params["value"]) == (setting, value)
    assert expected in str(error.params["expected"])
    with pytest.raises(Failure) as told, translated():
        raise error
    assert value in str(told.value)


def test_an_unknown_recipe_is_answered_with_those_there_are() -> None:
    with pytest.raises(ModelError) as caught:
        find("nonesuch")
    assert caught.value.params["value"] == "nonesuch"
    assert "big-lama" in str(caught.value.params["expected"])


@pytest.mark.parametrize("content", [b"system = [", b"\xff\xfe", b"seed = " + b"9" * 5000])
def test_a_recipe_that_is_no_toml_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"mine\.toml") as caught:
        read(find(str(path)))
    assert caught.value.code == "file_unreadable"


def test_a_number_of_thousands_of_digits_is_a_wrong_setting() -> None:
    error = refused("gfc", f"optimiser.rate={'9' * 5000}")
    assert error
    assert error.code == "bad_setting"


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Is a directory"):
        read(find(str(tmp_path)))
