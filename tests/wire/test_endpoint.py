"""The runtime folder, the address and the connection file."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from rigatino_wire import endpoint
from rigatino_wire.endpoint import (
    Connection,
    choose_endpoint,
    read_connection,
    runtime_dir,
    write_connection,
)
from rigatino_wire.errors import Failure

CONNECTION = Connection("ipc:///run/daemon.sock", bytes(range(32)), 4711, "0.1.0", 1)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refused(*codes: str) -> Any:
    return pytest.raises(Failure, check=lambda failure: failure.code in codes)


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch, runtime: Path) -> Path:
    """RIGATINO_RUNTIME_DIR, of a folder that does not exist yet."""
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", str(runtime / "a" / "b"))
    return runtime / "a" / "b"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_folder_is_made_for_its_user_alone(setting: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        assert runtime_dir() == setting
    finally:
        os.umask(before)
    assert mode(setting) == 0o700
    assert runtime_dir() == setting  # and found again


def test_without_a_setting_it_is_a_fixed_place_at_home(
    monkeypatch: pytest.MonkeyPatch, runtime: Path
) -> None:
    monkeypatch.delenv("RIGATINO_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("HOME", str(runtime))
    first = runtime_dir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/elsewhere")
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")
    assert runtime_dir() == first == runtime / ".local" / "state" / "rigatino" / "run"


def test_a_relative_setting_becomes_absolute(monkeypatch: pytest.MonkeyPatch, runtime: Path) -> None:
    monkeypatch.chdir(runtime)
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", "here")
    assert runtime_dir() == Path.cwd() / "here"


@pytest.mark.parametrize("bits", [0o777, 0o720, 0o702, 0o770])
def test_an_open_folder_is_refused(setting: Path, bits: int) -> None:
    setting.mkdir(parents=True)
    setting.chmod(bits)
    with refused("runtime_open"):
        runtime_dir()


def test_a_folder_of_another_user_is_refused(setting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime_dir()
    monkeypatch.setattr(os, "getuid", lambda: setting.stat().st_uid + 1)
    with refused("runtime_foreign"):
        runtime_dir()


def test_a_file_in_its_place_is_refused(setting: Path) -> None:
    setting.parent.mkdir()
    setting.write_text("x")
    with refused("runtime_unusable"):
        runtime_dir()
    setting.unlink()
    setting.parent.rmdir()
    setting.parent.write_text("x")
    with refused("runtime_unusable"):
        runtime_dir()


def test_the_address_is_a_socket_in_the_folder(monkeypatch: pytest.MonkeyPatch, runtime: Path) -> None:
    monkeypatch.delenv("RIGATINO_TRANSPORT", raising=False)
    assert choose_endpoint(runtime) == f"ipc://{runtime}/daemon.sock"


@pytest.mark.parametrize(("length", "kind"), [(107, "ipc"), (108, "tcp"), (300, "tcp")])
def test_a_long_path_makes_it_a_port(monkeypatch: pytest.MonkeyPatch, length: int, kind: str) -> None:
    monkeypatch.delenv("RIGATINO_TRANSPORT", raising=False)
    monkeypatch.setattr(endpoint, "LONGEST_SOCKET_PATH", 107)
    folder = Path("/" + "x" * (length - len("//daemon.sock")))
    assert choose_endpoint(folder).startswith(f"{kind}://")


def test_length_is_counted_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RIGATINO_TRANSPORT", raising=False)
    assert choose_endpoint(Path("/" + "ü" * 60)) == "tcp://127.0.0.1:0"
    assert choose_endpoint(Path("/a\udc80b")) == "tcp://127.0.0.1:0"


@pytest.mark.parametrize(("value", "kind"), [("tcp", "tcp"), ("ipc", "ipc"), ("", "ipc")])
def test_the_transport_can_be_chosen(
    monkeypatch: pytest.MonkeyPatch, runtime: Path, value: str, kind: str
) -> None:
    monkeypatch.setenv("RIGATINO_TRANSPORT", value)
    assert choose_endpoint(runtime).startswith(f"{kind}://")


def test_an_unknown_transport_is_refused(monkeypatch: pytest.MonkeyPatch, runtime: Path) -> None:
    monkeypatch.setenv("RIGATINO_TRANSPORT", "pigeon")
    with refused("bad_setting"):
        choose_endpoint(runtime)


def test_without_unix_sockets_it_is_a_port(monkeypatch: pytest.MonkeyPatch, runtime: Path) -> None:
    monkeypatch.delenv("RIGATINO_TRANSPORT", raising=False)
    monkeypatch.delattr(socket, "AF_UNIX")
    assert choose_endpoint(runtime) == "tcp://127.0.0.1:0"


def test_the_file_there_and_back(runtime: Path) -> None:
    assert read_connection(runtime) is None
    path = write_connection(runtime, CONNECTION)
    assert read_connection(runtime) == CONNECTION
    assert mode(path) == 0o600
    assert [entry.name for entry in runtime.iterdir()] == ["connection.json"]


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_the_file_is_never_open_to_others(runtime: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        assert mode(write_connection(runtime, CONNECTION)) == 0o600
    finally:
        os.umask(before)


def test_the_key_stays_out_of_logs() -> None:
    assert CONNECTION.key.hex() not in repr(CONNECTION)
    assert repr(CONNECTION.key) not in repr(CONNECTION)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_while_writing_leaves_the_old_file(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write_connection(runtime, CONNECTION)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr({"fsync": os, "replace": Path}[step], step, crash)
    with pytest.raises(KeyboardInterrupt):
        write_connection(runtime, Connection("tcp://127.0.0.1:1", bytes(32), 1, "9", 9))
    assert read_connection(runtime) == CONNECTION
    assert [entry.name for entry in runtime.iterdir()] == ["connection.json"]


def test_a_folder_that_cannot_be_written_to(runtime: Path) -> None:
    with refused("runtime_unusable"):
        write_connection(runtime / "missing", CONNECTION)


def written(runtime: Path, data: bytes) -> Path:
    path = runtime / "connection.json"
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def item(**changes: Any) -> bytes:
    whole = {"endpoint": "ipc:///x", "key": "00" * 32, "pid": 1, "version": "0", "protocol": 1, **changes}
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 60_000,
        b"x" * 70_000,
        item(endpoint=None),
        item(endpoint=""),
        item(endpoint=5),
        item(key=None),
        item(key="00" * 31),
        item(key="zz" * 32),
        item(key=["00"] * 64),
        item(pid=None),
        item(pid=0),
        item(pid=True),
        item(pid="1"),
        item(pid=1.5),
        item(version=None),
        item(version=1),
        item(protocol=None),
        item(protocol="1"),
    ],
)
def test_a_corrupt_file_gets_a_sentence(runtime: Path, data: bytes) -> None:
    path = written(runtime, data)
    with refused("connection_corrupt") as caught:
        read_connection(runtime)
    assert str(path) in str(caught.value)
    assert str(caught.value.params["why"])


def test_a_newer_file_may_say_more(runtime: Path) -> None:
    written(runtime, item(colour="red"))
    found = read_connection(runtime)
    assert found is not None
    assert found.endpoint == "ipc:///x"


def test_a_file_of_another_user_is_refused(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_connection(runtime, CONNECTION)
    monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)
    with refused("connection_foreign"):
        read_connection(runtime)


@pytest.mark.parametrize("bits", [0o644, 0o640, 0o602])
def test_a_file_that_others_can_read_or_write_is_refused(runtime: Path, bits: int) -> None:
    write_connection(runtime, CONNECTION).chmod(bits)
    with refused("connection_foreign"):
        read_connection(runtime)


def test_a_link_is_not_followed(runtime: Path) -> None:
    elsewhere = runtime / "elsewhere"
    write_connection(runtime, CONNECTION).rename(elsewhere)
    (runtime / "connection.json").symlink_to(elsewhere)
    with refused("connection_corrupt"):
        read_connection(runtime)


@pytest.mark.timeout(20)
def test_a_pipe_in_its_place_does_not_block(runtime: Path) -> None:
    os.mkfifo(runtime / "connection.json", 0o600)
    with refused("connection_corrupt"):
        read_connection(runtime)
