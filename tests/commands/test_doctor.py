"""rigatino doctor: each part of the chain whole, and each of them broken."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rigatino import gimps, login_service, plugin_install
from rigatino.cli import cli
from rigatino.doctor import computing, examine
from rigatino.settings import Settings
from rigatino_models import registry
from rigatino_wire import PROTOCOL, __version__, launch
from rigatino_wire.endpoint import Connection, read_connection, write_connection
from rigatino_wire.launch import stop_daemon
from rigatino_wire.program import remember

CONFIG = json.loads((registry.WEIGHTS / "lama-small.json").read_text())["config"]
Facts = dict[str, list[dict[str, str]]]


class House:
    """A user's home folder, in which a GIMP 3.2 has been started and the plug-in is installed."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.runtime = folder / "run"
        self.data = folder / "data"
        self.profile = self.home / ".config" / "GIMP" / "3.2"
        self.profile.mkdir(parents=True)

    @property
    def plug_in(self) -> Path:
        return plugin_install.place(self.profile)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    made = House(tmp_path)
    for name in ("GIMP3_DIRECTORY", "XDG_CONFIG_HOME", "APPDATA", "RIGATINO_DEVICE", "RIGATINO_TRANSPORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(made.home))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", str(made.runtime))
    monkeypatch.setenv("RIGATINO_DATA_DIR", str(made.data))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setattr(gimps, "FLATPAKS_OF_ALL", made.home / "none")
    monkeypatch.setattr(launch, "FOREIGN_VARIABLES", ())
    monkeypatch.setattr("rigatino.doctor.gimp.FOREIGN_VARIABLES", ())  # this checkout may not be installed
    plugin_install.install(made.profile)
    return made


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what torch does: it is looked at once, below."""
    monkeypatch.setattr(computing, "torch", lambda settings: computing.python())
    monkeypatch.setattr(computing, "fill", lambda settings: computing.python())


def asked(*words: str, status: int = 0) -> Facts:
    """The points by name, as `rigatino doctor --json` prints them."""
    done = CliRunner().invoke(cli, ["doctor", "--json", *words], catch_exceptions=False)
    assert done.exit_code == status, done.output
    said = json.loads(done.stdout)
    wrong = [point for point in said["points"] if point["state"] == "wrong"]
    assert said["wrong"] == len(wrong) == (len(wrong) if status else 0)
    assert bool(done.stderr) == bool(status)
    found: Facts = {}
    for point in said["points"]:
        assert set(point) == {"name", "state", "text", "hint"}
        assert point["state"] == "ok" or point["hint"], point
        found.setdefault(point["name"], []).append(point)
    return found


def states(points: Facts) -> dict[str, list[str]]:
    return {name: [point["state"] for point in found] for name, found in points.items()}


def test_all_is_well(house: House) -> None:
    """With torch and a real fill."""
    assert states(asked()) == {
        name: ["ok"]
        for name in (
            "Python", "torch", *(f"Weights {spec.name}" for spec in registry.specs()), "Data folder",
            "Runtime folder", "Socket", "Daemon", "Service", "Fill", "GIMP 3.2",
        )
    }  # fmt: skip
    assert read_connection(house.runtime) is None
    assert not list(house.runtime.glob("*.sock"))


@pytest.mark.usefixtures("light")
def test_it_speaks_to_people_too(house: House) -> None:
    (house.plug_in / "rigatino-gimp.py").chmod(0o644)
    done = CliRunner().invoke(cli, ["doctor"], catch_exceptions=False)
    assert done.exit_code == 1
    assert "ok       Socket: a Unix socket\n" in done.stdout
    assert "wrong    GIMP 3.2: " in done.stdout
    assert "→ Run “rigatino install-plugin”.\n" in done.stdout
    assert done.stderr.startswith("Rigatino is not well; points that are wrong: 1.")


def spoil(name: str) -> Callable[[House], None]:
    def change(house: House) -> None:
        (house.plug_in / name).write_text("spoilt")

    return change


def old(house: House) -> None:
    (house.plug_in / "rigatino_wire" / "__init__.py").write_text('__version__ = "0.0.1"\n')


def settings(**changes: Any) -> Callable[[House], None]:
    def change(house: House) -> None:
        file = house.plug_in / "daemon.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return change


def settings_without_weights(house: House) -> None:
    file = house.plug_in / "daemon.json"
    facts = json.loads(file.read_text())
    del facts["data_dir"]
    file.write_text(json.dumps(facts))


def gimp_did_not_take_it(house: House) -> None:
    (house.profile / "pluginrc").write_text("# GIMP pluginrc\n")
    os.utime(house.plug_in / "rigatino-gimp.py", (1, 1))


def no_plug_in(house: House) -> None:
    plugin_install.remove(house.profile)


def no_run_bit(house: House) -> None:
    (house.plug_in / "rigatino-gimp.py").chmod(0o644)


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        (no_plug_in, "warning", "not installed"),
        (no_run_bit, "wrong", "run bit"),
        (old, "wrong", "version 0.0.1"),
        (spoil("rigatino_gimp/procedure.py"), "warning", "not the one of this installation"),
        (spoil("rigatino_gimp/more.py"), "warning", "not the one of this installation"),
        (spoil("daemon.json"), "wrong", "damaged"),
        (settings(command=["/no/such/python", "-m", "rigatino"]), "wrong", "No such file"),
        (settings(command=["/bin/sh", "-c", "echo nothing here; exit 3"]), "wrong", "nothing here"),
        (settings(command=["/bin/sh", "-c", "echo rigatino, version 0.0.1"]), "wrong", "version 0.0.1"),
        (settings(runtime_dir="/somewhere/else"), "warning", "daemon of /somewhere/else"),
        (settings(data_dir="/somewhere/else"), "warning", "weights of /somewhere/else"),
        (settings_without_weights, "wrong", "damaged"),
        (gimp_did_not_take_it, "wrong", "did not take it"),
    ],
)
def test_a_plug_in_that_is_not_well(
    house: House, change: Callable[[House], None], state: str, words: str
) -> None:
    change(house)
    (point,) = asked(status=int(state == "wrong"))["GIMP 3.2"]
    assert point["state"] == state
    assert words in point["text"]


@pytest.mark.usefixtures("light")
def test_a_program_that_has_moved_is_a_warning_where_it_is_found_again(house: House) -> None:
    settings(command=["/no/such/python", "-m", "rigatino"])(house)
    remember(house.runtime, [sys.executable, "-m", "rigatino"])
    assert states(asked())["GIMP 3.2"] == ["warning"]


@pytest.mark.usefixtures("light")
def test_caches_that_python_left_are_no_difference(house: House) -> None:
    (house.plug_in / "rigatino_gimp" / "__pycache__").mkdir()
    (house.profile / "pluginrc").write_text('(proc-def "rigatino-fill" 1')
    assert states(asked())["GIMP 3.2"] == ["ok"]


@pytest.mark.usefixtures("light")
def test_a_profile_that_cannot_be_looked_into(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(folder: Path, profile: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(plugin_install, "assemble", refused)
    (point,) = asked(status=1)["GIMP 3.2"]
    assert "cannot be looked into: Permission denied" in point["text"]


@pytest.mark.usefixtures("light")
def test_without_a_gimp(house: House) -> None:
    house.profile.rename(house.profile.with_name("2.10"))
    assert states(asked())["GIMP"] == ["warning"]


@pytest.mark.usefixtures("light")
def test_a_flatpak_needs_the_service(house: House) -> None:
    (house.home / ".local/share/flatpak/app/org.gimp.GIMP").mkdir(parents=True)
    (point,) = asked()["Service"]
    assert point["state"] == "warning"
    assert "rigatino service install" in point["hint"]


@pytest.mark.usefixtures("light")
def test_a_service_of_another_folder(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    systemctl = tmp_path / "systemctl"
    systemctl.write_text("#!/bin/sh\necho active\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    login_service.install()
    assert states(asked())["Service"] == ["ok"]
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", str(tmp_path / "other"))
    (point,) = asked()["Service"]
    assert (point["state"], "in another folder" in point["text"]) == ("warning", True)


@pytest.mark.usefixtures("light")
def test_a_service_of_another_installation(house: House) -> None:
    unit = house.home / ".config" / "systemd" / "user" / "rigatino.service"
    unit.parent.mkdir(parents=True)
    unit.write_text('[Service]\nExecStart="/old/python" "-m" "rigatino" "serve"\n')
    (point,) = asked()["Service"]
    assert (point["state"], "another installation" in point["text"]) == ("warning", True)


@pytest.mark.usefixtures("light")
def test_a_runtime_folder_that_others_may_write_to(house: House) -> None:
    house.runtime.chmod(0o777)
    points = asked(status=1)
    assert states(points)["Runtime folder"] == ["wrong"]
    assert "chmod 700" in points["Runtime folder"][0]["hint"]
    assert "Socket" not in points


@pytest.mark.usefixtures("light")
def test_a_setting_that_cannot_be(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIGATINO_IDLE_MINUTES", "soon")
    assert states(asked(status=1)) == {"Python": ["ok"], "Settings": ["wrong"]}


@pytest.mark.usefixtures("light")
def test_a_folder_too_deep_for_a_socket(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", str(tmp_path / ("deep" * 30)))
    assert states(asked())["Socket"] == ["warning"]


@pytest.mark.usefixtures("light")
def test_a_socket_that_cannot_be_bound(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: socket.socket, address: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket.socket, "bind", refused)
    (point,) = asked(status=1)["Socket"]
    assert "Operation not permitted" in point["text"]
    assert "RIGATINO_TRANSPORT=tcp" in point["hint"]


@pytest.mark.usefixtures("light")
def test_a_data_folder_that_is_none(house: House) -> None:
    house.data.write_text("in the way")
    assert states(asked(status=1))["Data folder"] == ["wrong"]


@pytest.mark.usefixtures("light")
def test_bundled_weights_that_were_damaged(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = registry.find("")
    for change, words in ((b"cut", "not the ones on record"), (None, "cannot be read")):
        file = tmp_path / "weights"
        file.unlink(missing_ok=True) if change is None else file.write_bytes(change)
        monkeypatch.setattr(registry, "bundled", lambda: [replace(whole, path=file)])  # noqa: B023
        (point,) = asked(status=1)["Weights lama-small"]
        assert words in point["text"]


@pytest.mark.usefixtures("light")
def test_imported_weights(house: House) -> None:
    folder = house.data / "weights"
    folder.mkdir(parents=True)
    (folder / "broken.json").write_text("{")
    whole = {
        "system": "lama", "config": CONFIG, "title": "", "licence": "none",
        "sha256": "0" * 64, "source": {"kind": "ours"},
    }  # fmt: skip
    (folder / "changed.json").write_text(json.dumps(whole))
    (folder / "changed.safetensors").write_bytes(b"other")
    points = asked(status=1)
    for name in ("broken", "changed"):
        (point,) = points[f"Weights {name}"]
        assert point["state"] == "wrong"
        assert f"rigatino weights remove {name}" in point["hint"]


@pytest.fixture
def stopped(house: House) -> Iterator[None]:
    yield
    stop_daemon(house.runtime)


@pytest.mark.usefixtures("light", "stopped")
def test_it_starts_a_daemon_when_asked(house: House) -> None:
    (point,) = asked("--start")["Daemon"]
    connection = read_connection(house.runtime)
    assert connection is not None
    assert f"process {connection.pid}" in point["text"]
    assert __version__ in point["text"]
    assert str(connection.pid) in asked()["Daemon"][0]["text"]


@pytest.mark.usefixtures("light")
def test_a_daemon_of_another_version(house: House) -> None:
    write_connection(
        house.runtime, Connection(f"ipc://{house.runtime}/daemon.sock", bytes(32), 1, "0.0.1", PROTOCOL)
    )
    (point,) = asked()["Daemon"]
    assert (point["state"], "rigatino stop" in point["hint"]) == ("warning", True)


@pytest.mark.usefixtures("light")
def test_a_file_that_a_killed_daemon_left(house: House) -> None:
    endpoint = f"ipc://{house.runtime}/daemon.sock"
    write_connection(house.runtime, Connection(endpoint, bytes(32), 1, __version__, PROTOCOL))
    assert states(asked())["Daemon"] == ["ok"]


def test_a_device_that_is_not_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIGATINO_DEVICE", "toaster")
    points = {point.name: point for point in examine()}
    assert points["torch"].state == points["Fill"].state == "wrong"
    assert "RIGATINO_DEVICE" in points["torch"].text


def test_a_torch_that_does_not_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(name: str) -> None:
        raise OSError(f"{name}.so: cannot open shared object file\nmore")

    monkeypatch.setattr("rigatino.doctor.computing.importlib.import_module", broken)
    point = computing.torch(Settings(tmp_path))
    assert (point.state, point.text) == (
        "wrong",
        "torch cannot be loaded: torch.so: cannot open shared object file.",
    )


def test_torch_is_loaded_only_when_it_is_looked_at() -> None:
    code = (
        "import sys\nfrom rigatino.doctor import examine\n"
        "print(next(examine()).name, 'torch' in sys.modules or 'numpy' in sys.modules)"
    )
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **paths}, capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "Python False\n"
