"""The window that shows candidates as they come, and has the user choose among them or ask for more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GimpUi, Gtk  # noqa: E402

from rigatino_gimp import candidates, daemon, request, texts  # noqa: E402
from rigatino_gimp.candidates import Candidate  # noqa: E402
from rigatino_gimp.preview import caption  # noqa: E402
from rigatino_gimp.tiles import COLUMNS, SIDE, Tiles  # noqa: E402
from rigatino_wire.errors import Cancelled, Failure  # noqa: E402
from rigatino_wire.messages import Fill, Preview, Progress  # noqa: E402

HEIGHT = 560  # pixels; more candidates scroll
MOST, LARGEST = 36, 2 << 30  # candidates, and bytes of them: all are kept at their full size
SPACE = 12  # pixels between parts, as in GIMP's own dialogs
ANOTHER, LIKE = 1, 2
INSERT, CANCEL = Gtk.ResponseType.OK, Gtk.ResponseType.CANCEL


def choose(message: Fill) -> Sequence[Candidate]:
    """Has the daemon make the request's candidates, and those that the user asks for besides.

    Returns all of them, the chosen one first, the others by their scores. Raises Cancelled, and what
    `daemon.fill` raises where nothing came about at all.
    """
    window = _Window(message)
    try:
        return window.run()
    finally:
        window.close()


class _Window:
    """The window. While the daemon works, GTK is seen to whenever the client asks whether to go on."""

    def __init__(self, message: Fill) -> None:
        self._message = message
        self._working = self._over = False  # over: the user wants none of them
        self._tiles = Tiles(self._allow, self._take)
        self._said = caption()
        self._bar = Gtk.ProgressBar(show_text=True, valign=Gtk.Align.CENTER)
        self._more = {ANOTHER: _button("another"), LIKE: _button("like")}
        self._dialog = Gtk.Dialog(title=texts.CANDIDATES, role="rigatino-candidates", border_width=SPACE)
        self._dialog.connect("response", self._heed)
        self._dialog.connect("delete-event", lambda *_: True)  # GTK would destroy it while the daemon works
        self._build(min(message.candidates, COLUMNS))

    def _build(self, columns: int) -> None:
        GimpUi.window_set_transient(self._dialog)
        self._dialog.set_default_size(columns * (SIDE + 3 * SPACE) + 3 * SPACE, HEIGHT)
        row = Gtk.Box(spacing=6)
        for response, button in self._more.items():
            button.connect("clicked", lambda _, response=response: self._dialog.response(response))
            row.pack_start(button, False, False, 0)
        row.pack_start(self._bar, True, True, 0)
        content = self._dialog.get_content_area()
        content.set_spacing(SPACE)
        content.pack_start(self._tiles.widget, True, True, 0)
        for part in (self._said, row):
            content.pack_start(part, False, False, 0)
        for response, name in ((CANCEL, "cancel"), (INSERT, "insert")):
            button = self._dialog.add_button(texts.WINDOW[name].label, response)
            button.set_tooltip_text(texts.WINDOW[name].help)
        self._dialog.set_default_response(INSERT)
        self._dialog.show_all()

    def run(self) -> Sequence[Candidate]:
        """All candidates, once the user has chosen."""
        self._ask(self._message)
        while True:
            self._allow()
            answer = self._dialog.run()
            if answer == INSERT:
                return self._tiles.ordered()
            if answer not in self._more:
                raise Cancelled
            try:
                self._ask(self._wanted(answer))
            except Cancelled:
                raise
            except Failure as failure:  # what there is can still be inserted
                self._tiles.drop()
                self._said.set_text(texts.say(failure))

    def close(self) -> None:
        """Takes the window away at once."""
        self._dialog.destroy()
        _see_to_gtk()

    def _wanted(self, answer: int) -> Fill:
        chosen = self._tiles.chosen
        wanted = request.another(self._message, uuid4().hex)
        return request.like(wanted, chosen.answer.lineage) if answer == LIKE and chosen else wanted

    def _ask(self, message: Fill) -> None:
        """Has the daemon make candidates, while the window shows how they come about."""
        self._working = True
        self._allow()
        self._said.set_text(texts.CHOOSE)
        self._bar.show()
        daemon.start_progress()
        try:
            filled = daemon.fill(message, self._show_progress, self._show_candidate, self._is_over)
        finally:
            daemon.end_progress()
            self._bar.hide()
            self._working = False
        self._tiles.finish(candidates.of(filled))

    def _show_progress(self, progress: Progress) -> None:
        self._bar.set_fraction(progress.fraction)
        self._bar.set_text(texts.stage(progress))

    def _show_candidate(self, preview: Preview) -> None:
        self._tiles.show(preview)

    def _is_over(self) -> bool:
        _see_to_gtk()
        return self._over

    def _heed(self, _: Gtk.Dialog, response: int) -> None:
        """Whatever is no button of these closes the window."""
        self._over = response not in (INSERT, *self._more)

    def _take(self) -> None:
        if not self._working:
            self._dialog.response(INSERT)

    def _allow(self, *_: Any) -> None:
        """What can be done now: more candidates, or their insertion, as soon as the daemon is done with these."""
        ready = not self._working
        room = ready and len(self._tiles) < MOST and self._tiles.nbytes < LARGEST
        self._more[ANOTHER].set_sensitive(room)
        self._more[LIKE].set_sensitive(room and self._tiles.chosen is not None)
        self._dialog.set_response_sensitive(INSERT, ready and len(self._tiles) > 0)


def _button(name: str) -> Gtk.Button:
    words = texts.WINDOW[name]
    return Gtk.Button(label=words.label, use_underline=True, tooltip_text=words.help)


def _see_to_gtk() -> None:
    while Gtk.events_pending():
        Gtk.main_iteration_do(False)
