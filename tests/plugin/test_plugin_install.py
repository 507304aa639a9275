"""install-plugin: into GIMP's profiles, upgraded in place, and out again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rigatino import gimps, plugin_install
from rigatino.cli import cli
from rigatino.commands.install_plugin import command
from rigatino_wire.errors import Failure


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path / "run"


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_an_installed_plug_in_is_complete(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIGATINO_DATA_DIR", str(tmp_path / "data"))
    folder = plugin_install.install(tmp_path / "3.0")
    assert folder == tmp_path / "3.0" / "plug-ins" / "rigatino-gimp"
    here = files(folder)
    assert {
        "rigatino-gimp.py",
        "rigatino_gimp/procedure.py",
        "rigatino_wire/client.py",
        "daemon.json",
    } <= here
    assert not [name for name in here if "__pycache__" in name or name.endswith(".pyc")]
    assert os.access(folder / "rigatino-gimp.py", os.X_OK)
    settings = json.loads((folder / "daemon.json").read_text())
    assert settings == {
        "command": [sys.executable, "-m", "rigatino"],
        "runtime_dir": str(runtime),
        "data_dir": str(tmp_path / "data"),
    }


def test_it_stands_on_its_own(tmp_path: Path) -> None:
    """The copy runs where Rigatino is not: only the standard library and gi come from elsewhere."""
    folder = plugin_install.install(tmp_path)
    modules = "request, record, planes, texts, installed"
    code = f"from rigatino_gimp import {modules}; import rigatino_wire.launch as w; print(w.__file__)"
    python = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {code}"]
    done = subprocess.run(python, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(folder))


def test_an_upgrade_leaves_nothing_of_the_old_one(tmp_path: Path) -> None:
    folder = plugin_install.install(tmp_path)
    fresh = files(folder)
    (folder / "rigatino_gimp" / "gone.py").write_text("old")
    (folder / "rigatino_gimp" / "procedure.py").write_text("old")
    plugin_install.install(tmp_path)
    assert files(folder) == fresh
    assert (folder / "rigatino_gimp" / "procedure.py").read_text() != "old"
    assert [path.name for path in folder.parent.iterdir()] == ["rigatino-gimp"]


def test_a_failed_upgrade_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = plugin_install.install(tmp_path)
    (folder / "mark").write_text("old")
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(Failure, match="Permission denied"):
        plugin_install.install(tmp_path)
    assert (folder / "mark").read_text() == "old"
    assert [path.name for path in folder.parent.iterdir()] == ["rigatino-gimp"]


def test_remove(tmp_path: Path) -> None:
    folder = plugin_install.install(tmp_path)
    other = tmp_path / "plug-ins" / "other"
    other.mkdir()
    assert plugin_install.remove(tmp_path)
    assert not folder.exists()
    assert other.exists()
    assert not plugin_install.remove(tmp_path)


@pytest.mark.parametrize("leads", ["somewhere", "nowhere"])
def test_a_link_is_replaced_and_removed_but_not_followed(tmp_path: Path, leads: str) -> None:
    """Who works on the plug-in may have linked it into the profile."""
    own = tmp_path / "somewhere"
    own.mkdir()
    (own / "work").touch()
    folder = plugin_install.place(tmp_path)
    folder.parent.mkdir()
    for change in (plugin_install.install, plugin_install.remove):
        folder.symlink_to(tmp_path / leads)
        assert change(tmp_path)
        assert not folder.is_symlink()
        assert plugin_install.remove(tmp_path) == (change is plugin_install.install)
        assert not list(folder.parent.iterdir())
    assert (own / "work").exists()


def test_profiles_are_found_wherever_gimp_keeps_them(tmp_path: Path) -> None:
    wanted = {
        tmp_path / ".config/GIMP/3.0",
        tmp_path / ".config/GIMP/3.2",
        tmp_path / ".var/app/org.gimp.GIMP/config/GIMP/3.0",
        tmp_path / "snap/gimp/current/.config/GIMP/3.0",
        tmp_path / "Library/Application Support/GIMP/3.0",
        tmp_path / "roaming/GIMP/3.2",
    }
    for profile in (*wanted, tmp_path / ".config/GIMP/2.10", tmp_path / ".config/GIMP/backup-3.0"):
        profile.mkdir(parents=True)
    assert set(gimps.profiles({"APPDATA": str(tmp_path / "roaming")}, tmp_path)) == wanted


def test_a_folder_that_cannot_be_looked_into_has_no_profiles(tmp_path: Path) -> None:
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config/GIMP").write_text("in the way")
    other = tmp_path / ".var/app/org.gimp.GIMP/config/GIMP/3.0"
    other.mkdir(parents=True)
    assert gimps.profiles({}, tmp_path) == [other]


def test_no_program_is_taken_from_the_folder_that_happens_to_be_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "gimp-console-3.0"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert gimps.console({}) is None
    assert gimps.console({"PATH": f"{os.pathsep}/nowhere"}) is None
    assert gimps.console({"PATH": str(tmp_path)}) == str(program)


def test_the_environment_can_name_the_profile(tmp_path: Path) -> None:
    (tmp_path / ".config/GIMP/3.0").mkdir(parents=True)
    assert gimps.profiles({"GIMP3_DIRECTORY": "/else/where"}, tmp_path) == [Path("/else/where")]
    xdg = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    (tmp_path / "xdg/GIMP/3.4").mkdir(parents=True)
    assert gimps.profiles(xdg, tmp_path) == [tmp_path / "xdg/GIMP/3.4"]


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    folder = plugin_install.place(tmp_path)
    arguments = ["--gimp-dir", str(tmp_path)]
    said = [CliRunner().invoke(command, arguments + more) for more in ([], [], ["--remove"], ["--remove"])]
    assert [one.exit_code for one in said] == [0, 0, 0, 0]
    words = ("Installed", "Upgraded", "Removed", "There is no plug-in")
    for one, word in zip(said, words, strict=True):
        assert one.output.startswith(word)
        assert str(folder) in one.output


@pytest.mark.parametrize("more", [[], ["--remove"]])
def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path, more: list[str]) -> None:
    folder = tmp_path / "GIMP" / "3.O"
    said = invoke("--gimp-dir", str(folder), *more)
    assert (said.exit_code, said.stdout) == (1, "")
    assert f"no folder {folder}" in said.stderr
    assert not folder.parent.exists()


def test_without_a_gimp_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gimps, "profiles", list)
    monkeypatch.setattr(gimps, "console", lambda: None)
    with pytest.raises(Failure, match="--gimp-dir"):
        CliRunner().invoke(command, [], catch_exceptions=False)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "plug-ins").write_text("in the way")
    with pytest.raises(Failure) as caught:
        plugin_install.install(tmp_path)
    assert caught.value.code == "plug_in_unwritable"
    assert str(tmp_path) in str(caught.value)


def test_gimp_asks_an_upgraded_plug_in_for_its_procedures_again(tmp_path: Path) -> None:
    """It does so only where the entry file is newer than the one it knows, whatever else has changed."""
    entry = plugin_install.install(tmp_path) / "rigatino-gimp.py"
    os.utime(entry, (1, 1))
    plugin_install.install(tmp_path)
    assert entry.stat().st_mtime >= (entry.parent / "daemon.json").stat().st_mtime - 1


def test_a_snap_gets_a_folder_that_it_can_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    profile = tmp_path / "snap/gimp/current/.config/GIMP/3.0"
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", "")
    assert plugin_install.settings(profile)["runtime_dir"] == str(tmp_path / "snap/gimp/common/rigatino")
    elsewhere = plugin_install.settings(tmp_path / ".config/GIMP/3.0")["runtime_dir"]
    assert elsewhere == str(tmp_path / ".local/state/rigatino/run")
    monkeypatch.setenv("RIGATINO_RUNTIME_DIR", str(tmp_path / "mine"))
    assert plugin_install.settings(profile)["runtime_dir"] == str(tmp_path / "mine")


class Home:
    """A home folder with GIMP profiles, and nothing of this machine's own on the PATH."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "home"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("GIMP3_DIRECTORY", "XDG_CONFIG_HOME", "APPDATA", "RIGATINO_GIMP"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(gimps, "FLATPAKS_OF_ALL", self.folder / "none")
        monkeypatch.setenv("HOME", str(self.folder))
        monkeypatch.setenv("PATH", f"{self.bin}{os.pathsep}/usr/bin:/bin")

    def profile(self, version: str) -> Path:
        made = self.folder / ".config/GIMP" / version
        made.mkdir(parents=True)
        return made

    def gimp(self, name: str, script: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, monkeypatch)


def invoke(*words: str) -> Result:
    """The command as `rigatino` runs it: a failure is a sentence on stderr."""
    return CliRunner().invoke(cli, ["install-plugin", *words], catch_exceptions=False)


def test_all_profiles_are_installed_and_removed_at_once(home: Home) -> None:
    folders = [plugin_install.place(home.profile(version)) for version in ("3.0", "3.2", "3.4")]
    home.profile("2.10")
    for words, there in (([], True), (["--remove"], False)):
        said = invoke(*words)
        assert said.exit_code == 0
        assert all(str(folder) in said.output for folder in folders)
        assert [folder.exists() for folder in folders] == [there] * 3
    assert not (home.folder / ".config/GIMP/2.10/plug-ins").exists()


def test_a_profile_that_cannot_be_written_keeps_no_other_from_its_plug_in(home: Home) -> None:
    for version in ("3.0", "3.2"):
        (home.profile(version) / "plug-ins").write_text("in the way")
    last = plugin_install.place(home.profile("3.4"))
    said = invoke()
    assert said.exit_code == 1
    assert said.stdout.startswith("Installed")
    assert (last / "daemon.json").exists()
    assert said.stderr.count("cannot be written to") == 2
    for version in ("3.0", "3.2"):
        assert f"GIMP/{version}/plug-ins" in said.stderr


def test_a_gimp_that_was_never_started_makes_its_profile_first(home: Home) -> None:
    home.gimp("gimp-console-3.0", "exit 1")
    home.gimp("gimp-console-3.10", 'mkdir -p "$HOME/.config/GIMP/3.10"')
    home.gimp("gimp-console-2.10", 'mkdir -p "$HOME/.config/GIMP/2.10"')
    said = invoke()
    assert said.exit_code == 0, said.output
    assert "gimp-console-3.10 is started once" in said.stderr
    assert (home.folder / ".config/GIMP/3.10/plug-ins/rigatino-gimp/daemon.json").exists()


def test_a_gimp_that_makes_no_profile_is_no_gimp(home: Home) -> None:
    home.gimp("gimp-console-3.0", "exit 1")
    said = invoke()
    assert said.exit_code == 1
    assert "No GIMP 3 was found" in said.stderr


def test_nothing_is_started_to_remove_a_plug_in(home: Home) -> None:
    home.gimp("gimp-console-3.0", 'mkdir -p "$HOME/.config/GIMP/3.0"')
    assert invoke("--remove").exit_code == 1
    assert not home.folder.exists()


def test_who_has_a_gimp_in_a_sandbox_is_told_of_the_service(home: Home) -> None:
    home.profile("3.2")
    assert "service" not in invoke().stdout
    (home.folder / ".local/share/flatpak/app/org.gimp.GIMP").mkdir(parents=True)
    assert "rigatino service install" in invoke().stdout
    assert "service" not in invoke("--remove").stdout


def test_it_needs_no_torch() -> None:
    code = "import sys, rigatino.commands.install_plugin; sys.exit('torch' in sys.modules)"
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **paths}, timeout=60, check=False)
    assert done.returncode == 0
