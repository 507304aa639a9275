"""A screen, a keyboard and a mouse inside the chroot, and the graphical GIMP that they belong to.

Nothing waits for a time: only for a window, a file, or what GIMP says, and no longer than LIMIT.
"""

import json
import os
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

SHARE = Path(os.environ["RIGATINO_GIMP_SHARE"])
OUT, ASK = SHARE / "out", SHARE / "ask"
SIZE = "1280x860"
LIMIT = 150  # seconds for anything to happen
STEADY = 3  # looks at the screen that must agree before it counts as drawn
LETTER_PAUSE = "60"  # milliseconds between keys, as a quick typist's: menus open in between


class GaveUp(Exception):
    """What was waited for did not come."""


class Confused(Exception):
    """GIMP could not answer."""


def wait(what, words, limit=LIMIT):
    """The first true answer of `what()`."""
    end = time.monotonic() + limit
    while not (found := what()):
        if time.monotonic() > end:
            screenshot("gave-up")
            raise GaveUp(words)
        time.sleep(0.1)
    return found


def soon(what, limit=5):
    """Whether `what()` becomes true, where it may well not."""
    end = time.monotonic() + limit
    while not what() and time.monotonic() < end:
        time.sleep(0.1)
    return what()


@contextmanager
def running(*words, **options):
    process = subprocess.Popen(words, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def said_by(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout


def xdotool(*words):
    return said_by("xdotool", *words).decode().split()


def windows(name):
    """The windows to be seen whose titles match."""
    return xdotool("search", "--onlyvisible", "--name", name)


def window(name):
    """The newest window to be seen whose title matches."""
    return wait(lambda: windows(name), f"a window {name}")[-1]


def gone(name):
    wait(lambda: not windows(name), f"the end of the window {name}")


def steady():
    """Waits until all is drawn: the screen stays the same for a few looks, and no plug-in is at work."""
    looks = []

    def agree():
        looks.append(None if at_work() else said_by("import", "-window", "root", "-silent", "pgm:-"))
        return len(looks) >= STEADY and looks[-1] and len(set(looks[-STEADY:])) == 1

    wait(agree, "a screen that stands still")


def plug_ins():
    """The processes that GIMP runs Rigatino's procedures in."""
    ours = str(SHARE / "profile" / "plug-ins").encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if ours in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def at_work():
    """Whether one of them computes, or waits for a disk, just now."""
    for number in plug_ins():
        with suppress(OSError):
            if Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] in "RD":
                return True
    return False


def screenshot(name, of="root"):
    subprocess.run(["import", "-window", of, "-silent", str(OUT / f"{name}.png")], check=False)


def drawn(name):
    """The window of that title, when it has the keyboard and has been drawn."""
    found = window(name)
    wait(lambda: xdotool("getactivewindow") == [found], "the keyboard's focus")
    steady()
    return found


def picture(name, of="root"):
    """A screenshot of what has been drawn in full."""
    steady()
    screenshot(name, of)


def focus(of):
    wait(lambda: xdotool("windowactivate", of, "getactivewindow") == [of], "the keyboard's focus")


def press(*keys):
    """Types keys, one after the other, to the window that has the keyboard."""
    xdotool("key", "--clearmodifiers", "--delay", LETTER_PAUSE, *keys)


def click(x, y):
    xdotool("mousemove", str(x), str(y), "click", "1")


def drag(x, y, to_x):
    """Drags what is at a point sideways."""
    xdotool("mousemove", "--sync", str(x), str(y), "mousedown", "1")
    for step in range(x, to_x, -8 if to_x < x else 8):
        xdotool("mousemove", "--sync", str(step), str(y))
    xdotool("mouseup", "1")


_numbers = count()


def gimp(what, *values):
    """What gui.py, which runs inside GIMP, answers."""
    question = ASK / f"gui-{next(_numbers)}"
    question.with_suffix(".part").write_text(json.dumps([what, *values]))
    question.with_suffix(".part").rename(question.with_suffix(".question"))
    answer = question.with_suffix(".answer")
    wait(answer.exists, f"GIMP's answer to {what}")
    said = json.loads(answer.read_text())
    if isinstance(said, dict) and "traceback" in said:
        raise Confused(said["traceback"])
    return said


def until(true, words):
    """The state of the image as soon as it is as wished."""

    def state():
        with suppress(Confused):  # a layer went while it was looked at
            found = gimp("state")
            return found if true(found) else None

    return wait(state, words)


@contextmanager
def desktop(picture):
    """The graphical GIMP with a picture, on a screen of its own; its words go to out/gimp-says.log."""
    settings = Path(os.environ["HOME"]) / ".config" / "gtk-3.0" / "settings.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text("[Settings]\ngtk-cursor-blink=0\n")  # or no screen stands still
    with (SHARE / "profile" / "gimprc").open("a") as gimprc:
        gimprc.write("(marching-ants-speed 10000)\n")  # milliseconds; likewise
    batch = f"exec(open({str(SHARE / 'inside' / 'gui.py')!r}).read())"
    words = "gimp -n --no-splash --new-instance --batch-interpreter=python-fu-eval -b"
    with ExitStack() as stack:
        server = running(
            *f"Xvfb -displayfd 1 -screen 0 {SIZE}x24 -nolisten tcp".split(), stdout=subprocess.PIPE
        )
        os.environ["DISPLAY"] = ":" + stack.enter_context(server).stdout.readline().decode().strip()
        stack.enter_context(running("openbox"))
        log = stack.enter_context((OUT / "gimp-says.log").open("wb"))
        process = stack.enter_context(running(*words.split(), batch, picture, stdout=log, stderr=log))
        yield process
