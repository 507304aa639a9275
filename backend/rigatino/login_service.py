"""The daemon as a service of the login session: a systemd user unit on Linux, a launchd agent on macOS.

Nobody needs it who starts the daemon by filling; a GIMP in a sandbox does, for it may start nothing.
"""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from rigatino import atomic, gimps
from rigatino.settings import Settings
from rigatino.whereabouts import command
from rigatino_wire.endpoint import runtime_dir
from rigatino_wire.errors import Failure
from rigatino_wire.launch import START_LOG, stop_daemon

UNIT = "rigatino.service"
LABEL = "org.rigatino.daemon"
LIMIT = 60  # seconds for systemctl or launchctl
SETTINGS = ("RIGATINO_DEVICE", "RIGATINO_IDLE_MINUTES", "RIGATINO_MEMORY_MB", "RIGATINO_TRANSPORT")


def needed() -> bool:
    """Whether there is a GIMP in a sandbox, which may not start the daemon."""
    return gimps.has_flatpak() or any(map(gimps.is_snap, gimps.profiles()))


def folder() -> Path:
    """The folder of the service's daemon: that of a GIMP from Snap where there is one, which can use no other."""
    snaps = filter(gimps.is_snap, gimps.profiles())
    return next(map(gimps.runtime_of, snaps), None) or runtime_dir()


def file() -> Path:
    """Where the service of this user is described, on this system."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    configuration = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return configuration / "systemd" / "user" / UNIT


def install() -> Path:
    """Writes or replaces the service, has the system start it now and at every login, and returns its file.

    A daemon of the same folder that runs already is stopped: the service's takes its place. Raises Failure
    service_unsupported and bad_setting (nothing is written then), file_unwritable, service_refused,
    daemon_stop_failed.
    """
    manager, target = _manager(), file()
    words = command()
    text = _agent(words) if manager == "launchctl" else _unit(words).encode()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure("file_unwritable", file=str(target), why=atomic.why(error)) from error
    upgrade = target.exists()
    with atomic.replacing(target) as part:
        part.write_bytes(text)
    if upgrade and manager == "launchctl":
        _call([manager, "bootout", _domain(), str(target)])
    stop_daemon(folder())
    for call in _starts(manager, target):
        _demand(call, target)
    return target


def remove() -> Path | None:
    """Stops the service and takes its file away, which is returned; None where there is none.

    Raises Failure service_unsupported, file_unwritable.
    """
    manager, target = _manager(), file()
    if not target.exists():
        return None
    if manager == "launchctl":
        _call([manager, "bootout", _domain(), str(target)])
    else:
        _call([manager, "--user", "disable", "--now", UNIT])
    try:
        target.unlink()
    except OSError as error:
        raise Failure("file_unwritable", file=str(target), why=atomic.why(error)) from error
    if manager == "systemctl":
        _call([manager, "--user", "daemon-reload"])
    return target


def state() -> str:
    """The service in a word: absent, active, or what systemd says of one that is not; launchd is not asked."""
    if not file().exists():
        return "absent"
    if sys.platform == "darwin" or not shutil.which("systemctl"):
        return "installed"
    return _call(["systemctl", "--user", "is-active", UNIT]).stdout.strip() or "unknown"


def is_ours() -> bool:
    """Whether the service starts this installation of Rigatino, in the folder that it is to have."""
    try:
        text = file().read_bytes()
    except OSError:
        return False
    if sys.platform == "darwin":
        parts = [f"<string>{escape(word)}</string>" for word in (command()[0], str(folder()))]
    else:
        parts = [f"ExecStart={_quoted(command()[0])} ", _environment("RIGATINO_RUNTIME_DIR", str(folder()))]
    return all(part.encode() in text for part in parts)


def _manager() -> str:
    name = "launchctl" if sys.platform == "darwin" else "systemctl"
    if os.name == "nt" or not shutil.which(name):
        raise Failure("service_unsupported")
    return name


def _starts(manager: str, target: Path) -> list[list[str]]:
    """The calls that make the system read the file, and start what it says, now and at every login."""
    if manager == "launchctl":
        return [[manager, "bootstrap", _domain(), str(target)]]
    return [
        [manager, "--user", "daemon-reload"],
        [manager, "--user", "enable", UNIT],
        [manager, "--user", "restart", UNIT],
    ]


def _domain() -> str:
    return f"gui/{os.getuid()}"


def _demand(call: Sequence[str], target: Path) -> None:
    done = _call(call)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().replace("\n", " ")
        raise Failure("service_refused", file=str(target), command=" ".join(call), said=said or "nothing")


def _call(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(words, 1, "", str(error))


def _settings() -> dict[str, str]:
    """What this shell sets of Rigatino, and its folders always, for the session may have other ones.

    Raises Failure bad_setting for what would keep the daemon from starting.
    """
    found = {name: os.environ[name] for name in SETTINGS if os.environ.get(name)}
    data = Settings.from_environment().data_dir
    return {**found, "RIGATINO_RUNTIME_DIR": str(folder()), "RIGATINO_DATA_DIR": str(data)}


def _unit(words: Sequence[str]) -> str:
    """The systemd unit. A daemon that Rigatino's own “stop” ends stays ended until the next login."""
    start = " ".join(_quoted(word) for word in [*words, "serve"])
    settings = "\n".join(_environment(name, value) for name, value in _settings().items())
    return f"""[Unit]
Description=Rigatino, which fills holes in pictures for GIMP
StartLimitIntervalSec=60
StartLimitBurst=3

[Service]
ExecStart={start}
{settings}
Restart=on-failure
RestartSec=5
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""


def _environment(name: str, value: str) -> str:
    """A line of the unit."""
    return f"Environment={_quoted(f'{name}={value}')}"


def _quoted(word: str) -> str:
    """A word of a unit file: quotes, backslashes and percent signs mean something there."""
    for special in ("\\", '"'):
        word = word.replace(special, "\\" + special)
    return '"' + word.replace("%", "%%") + '"'


def _agent(words: Sequence[str]) -> bytes:
    """The launchd agent, restarted after a crash alone."""
    return plistlib.dumps({
        "Label": LABEL,
        "ProgramArguments": [*words, "serve"],
        "EnvironmentVariables": _settings(),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "StandardErrorPath": str(folder() / START_LOG),
    })  # fmt: skip
