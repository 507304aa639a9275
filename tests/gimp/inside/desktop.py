"""A user at a desktop, inside the chroot, with menus, keys and mouse.

Leaves what GIMP said of each step in out/desktop.json, and screenshots in out/. Runs as: python3 desktop.py PICTURE
"""

import json
import os
import signal
import sys
import traceback

from screen import (
    ASK,
    OUT,
    SHARE,
    click,
    desktop,
    drag,
    drawn,
    focus,
    gimp,
    gone,
    picture,
    plug_ins,
    press,
    screenshot,
    soon,
    steady,
    until,
    wait,
    window,
    windows,
    xdotool,
)

sys.path.insert(0, str(SHARE / "profile" / "plug-ins" / "rigatino-gimp"))
from rigatino_wire.client import Client
from rigatino_wire.endpoint import read_connection

HOLE = (435, 120, 45, 260)
FILL = "^Fill with Rigatino$"
REFILL = "^Re-fill This Layer$"
CANDIDATES = "^Candidates$"
PAINT, TRANSPLANT = "^Paint a Class$", "^Transplant$"
ENHANCE = (
    "alt+r",
    "h",
)  # Filters > Enhance; then f: Fill with Rigatino, g: Fill Again, i: Re-fill This Layer

AWAY = ("640", "850")  # where the mouse is in nobody's way
DOCK = (1046, 452)  # the handle at the left of the right dock, in GIMP 3.0
STATUS_BAR = 850  # where its middle lies on the screen
CANCEL = (1000, 1015, 985, 970, 1030)  # where its Cancel may be: that depends on fonts

HELD, BROKEN, STARTS = SHARE / "held", SHARE / "broken", OUT / "starts"
STARTER = f"""#!/bin/sh
echo "$@" >> {STARTS}
[ -e {BROKEN} ] && {{ echo "The disk is on fire." >&2; exit 1; }}
while [ -e {HELD} ]; do sleep 0.1; done
exec {SHARE}/rigatino.real "$@"
"""


def starter():
    """A `rigatino` that can be held or broken, and counts how often it is called."""
    (SHARE / "rigatino").rename(SHARE / "rigatino.real")
    (SHARE / "rigatino").write_text(STARTER)
    (SHARE / "rigatino").chmod(0o755)


def remember_a_network_that_is_gone():
    settings = SHARE / "profile" / "plug-in-settings"
    settings.mkdir()
    (settings / "GimpProcedureConfigRun-rigatino-fill.last").write_text('(network "no-such-network")\n')


def starts():
    return len(STARTS.read_text().splitlines()) if STARTS.exists() else 0


def status():
    return Client(read_connection(SHARE / "run")).status()


def layers(count):
    return until(lambda state: len(state["layers"]) == count, f"{count} layers")


def settle():
    """GIMP's first screen, with what else it shows put away."""
    gimp("state")
    main = window("photo")
    for welcome in windows("Welcome to GIMP"):
        xdotool("windowclose", welcome)
    xdotool("windowmove", main, "0", "0", "windowsize", main, "1280", "840")
    focus(main)
    steady()
    xdotool("mousemove", *AWAY)
    steady()


def choose(item, dialog):
    """The menu's item, by keys; then the dialog that it opens."""
    press(*ENHANCE, item)
    return drawn(dialog)


def story():
    """The steps, in their order: name -> what GIMP said then."""
    yield "start", gimp("state")
    yield from nothing_is_selected()
    gimp("select", *HOLE)
    yield "before", gimp("state")
    yield from a_daemon_that_has_to_be_started()
    press("ctrl+z")
    yield "undone", layers(1)
    yield from cancelled_dialog()
    yield from settings()
    yield from re_fill()
    yield from cancelled_fill()
    yield from result()
    yield from candidates()
    yield from cancelled_candidates()
    yield from another_candidate()
    yield from edits()


def nothing_is_selected():
    press(*ENHANCE, "f")
    drawn("GIMP Message")
    picture("nothing-selected")
    yield "message", ["GIMP Message"]
    press("Escape")
    gone("GIMP Message")
    yield "nothing selected", gimp("state")


def a_daemon_that_has_to_be_started():
    BROKEN.touch()
    dialog = choose("f", FILL)
    wait(starts, "a start")
    picture("dialog-broken", dialog)
    yield "starts when broken", starts()
    BROKEN.unlink()
    HELD.touch()
    press("alt+y")  # Try Again
    wait(lambda: starts() == 2, "another start")
    picture("dialog-starting", dialog)
    yield "starts when tried again", starts()
    press("alt+o")
    gone(FILL)
    screenshot("starting")
    HELD.unlink()
    yield "filled", layers(2)
    yield "record", gimp("record", 0)
    yield "starts when filled", starts()
    picture("filled")


def cancelled_dialog():
    dialog = choose("f", FILL)
    press("alt+g", "1", "2", "alt+w")
    picture("dialog", dialog)
    picture("dialog-desktop")
    press("Escape")
    gone(FILL)
    yield "escaped", gimp("state")


def settings():
    choose("f", FILL)
    press("alt+g", "1", "2", "alt+w", "alt+o")  # Grow, New every time, OK
    layers(2)
    yield "set", gimp("record", 0)
    choose("f", FILL)
    press("Return")
    layers(3)
    yield "set again", gimp("record", 0)
    press(*ENHANCE, "g")  # Fill Again
    layers(4)
    yield "again", gimp("record", 0)


def re_fill():
    before = gimp("state")
    yield "before re-fill", before
    dialog = choose("i", REFILL)
    picture("dialog-refill", dialog)
    press("alt+f", "2", "0", "alt+o")  # Feather, OK
    yield "re-filled", until(lambda state: state["layers"] != before["layers"], "another fill")
    yield "re-filled record", gimp("record", 0)
    picture("refilled")
    press("ctrl+z")
    yield "re-fill undone", until(lambda state: state["layers"] == before["layers"], "the fill from before")


def cancelled_fill():
    os.kill(status().worker_pid, signal.SIGSTOP)  # the work lasts until it is cancelled
    choose("f", FILL)
    press("Return")
    gone(FILL)
    wait(lambda: status().running, "work")
    screenshot("running")
    yield "running when cancelled", status().running
    for x in CANCEL:
        click(x, STATUS_BAR)
        if soon(lambda: not plug_ins()):
            break
    os.kill(status().worker_pid, signal.SIGCONT)
    wait(lambda: not status().running, "the work's end")
    picture("cancelled")
    yield "cancelled", gimp("state")


def result():
    """For people: the picture with one fill, and a dock that is wide enough for the layers' names."""
    press("ctrl+z", "ctrl+z")
    yield "one fill", layers(2)
    drag(*DOCK, 940)
    xdotool("mousemove", *AWAY)
    steady()
    screenshot("result")


def done(count):
    """Waits until the daemon has made so many fills, and all is drawn."""
    wait(lambda: status().done >= count, f"{count} fills")
    steady()


def candidates():
    before = status().done
    dialog = choose("f", FILL)
    press("alt+n", "End")  # Network: the last one, which has chance in it
    press("alt+d", "3", "Tab")  # Candidates
    picture("dialog-chance", dialog)
    press("alt+o")
    chooser = drawn(CANDIDATES)
    done(before + 1)
    picture("candidates-three", chooser)
    press("alt+a")  # Another
    done(before + 2)
    press("alt+m")  # More Like This
    done(before + 3)
    picture("candidates", chooser)
    picture("candidates-desktop")
    yield "rounds", status().done - before
    press("alt+i")  # Insert
    gone(CANDIDATES)
    yield "candidates", layers(3)
    yield "candidates' records", gimp("records", 0)
    picture("candidates-inserted")
    press("ctrl+z")
    yield "candidates undone", layers(2)


def cancelled_candidates():
    os.kill(status().worker_pid, signal.SIGSTOP)
    choose("f", FILL)
    press("Return")
    chooser = window(CANDIDATES)
    wait(lambda: xdotool("getactivewindow") == [chooser], "the keyboard's focus")
    wait(lambda: status().running, "work")
    screenshot("candidates-coming")
    press("Escape")
    gone(CANDIDATES)
    os.kill(status().worker_pid, signal.SIGCONT)
    wait(lambda: not status().running, "the work's end")
    wait(lambda: not plug_ins(), "the plug-in's end")
    steady()
    yield "candidates cancelled", gimp("state")


def another_candidate():
    """By the dialog of Re-fill, from a single fill."""
    choose("f", FILL)
    press("alt+d", "1", "alt+o")
    yield "one of chance", layers(3)
    dialog = choose("i", REFILL)
    press("alt+m", "Down", "Down")  # Mode: Another candidate
    picture("dialog-another", dialog)
    press("alt+o")
    yield "another", until(lambda state: "children" in state["layers"][0], "a group")
    picture("another")
    press("ctrl+z")
    yield "another undone", until(lambda state: "children" not in state["layers"][0], "the single fill")


def edits():
    """The dialogs of painting and transplanting, which change nothing by themselves."""
    dialog = choose("l", PAINT)
    picture("dialog-paint", dialog)
    press("Escape")
    gone(PAINT)
    dialog = choose("o", TRANSPLANT)
    picture("dialog-transplant", dialog)
    press("Escape")
    gone(TRANSPLANT)
    yield "edits escaped", gimp("state")


def main(photo):
    facts, result = {}, {}
    try:
        starter()
        remember_a_network_that_is_gone()
        with desktop(photo):
            settle()
            for name, said in story():
                facts[name] = said
            (ASK / "end").touch()
    except Exception:
        result = {"traceback": traceback.format_exc()}
    finally:
        HELD.unlink(missing_ok=True)
    (OUT / "desktop.json").write_text(json.dumps({"facts": facts, **result}))


main(sys.argv[1])
