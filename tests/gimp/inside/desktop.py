"""A user at a desktop, inside the chroot: chooses Fill with Rigatino, accepts its dialog, takes it back.

Leaves screenshots in out/ and says on standard output how far it came. Runs as: python3 desktop.py PICTURE
"""

import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

SHARE = Path(os.environ["RIGATINO_GIMP_SHARE"])
OUT = SHARE / "out"
SHORTCUT = "ctrl+shift+alt+i"
LIMIT = 90


@contextmanager
def running(*words, **options):
    process = subprocess.Popen(words, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait(what, limit=LIMIT):
    end = time.monotonic() + limit
    while not (found := what()):
        if time.monotonic() > end:
            screenshot("gave-up")
            raise TimeoutError(what)
        time.sleep(0.2)
    return found


def xdotool(*words):
    done = subprocess.run(
        ["xdotool", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, text=True
    )
    return done.stdout.split()


def window(name):
    return xdotool("search", "--onlyvisible", "--name", name)


def screenshot(name, of="root"):
    subprocess.run(["import", "-window", of, str(OUT / f"{name}.png")], check=False)


def press(key, of):
    xdotool("windowfocus", "--sync", of)
    time.sleep(0.5)
    xdotool("key", "--clearmodifiers", key)


def act():
    """The user: menu item (by its shortcut), dialog, result, undo."""
    wait((OUT / "gui.selected").exists)
    picture = wait(lambda: window("photo"))[-1]
    time.sleep(3)
    for welcome in window("Welcome to GIMP"):
        xdotool("windowclose", welcome)
    time.sleep(1)
    xdotool("windowsize", picture, "1270", "820")
    xdotool("mousemove", "1260", "850")
    press(SHORTCUT, picture)
    dialog = wait(lambda: window("^Fill with Rigatino$"))[-1]
    time.sleep(2)
    screenshot("dialog", dialog)
    screenshot("dialog-desktop")
    press("Return", dialog)
    wait((OUT / "gui.filled").exists)
    time.sleep(2)
    screenshot("filled-desktop")
    press("ctrl+z", picture)
    wait((OUT / "gui.json").exists)
    screenshot("undone-desktop")


def main(picture):
    profile = Path(os.environ["GIMP3_DIRECTORY"])
    keys = "<Primary><Shift><Alt>i"
    (profile / "shortcutsrc").write_text(f'(file-version 1)\n(action "rigatino-fill" "{keys}")\n')
    batch = f"exec(open({str(SHARE / 'inside' / 'gui.py')!r}).read())"
    server = "Xvfb -displayfd 1 -screen 0 1280x860x24 -nolisten tcp"
    gimp = "gimp -n --no-splash --new-instance --batch-interpreter=python-fu-eval"
    with ExitStack() as stack:
        xvfb = stack.enter_context(running(*server.split(), stdout=subprocess.PIPE))
        os.environ["DISPLAY"] = ":" + xvfb.stdout.readline().decode().strip()
        stack.enter_context(running("openbox"))
        stack.enter_context(running(*gimp.split(), "-b", batch, picture))
        act()


main(sys.argv[1])
