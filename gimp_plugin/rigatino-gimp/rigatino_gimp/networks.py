"""The dialog's choice among the daemon's networks; the daemon is asked, and started, while the dialog is open."""

from __future__ import annotations

import threading
from typing import Any, Callable, Union

from gi.repository import Gimp, GLib, GObject, Gtk

from rigatino_gimp import installed, texts
from rigatino_gimp.preview import caption
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Description, NetworkInfo

PAUSE = 0.05  # seconds between two signs of life while the user waits

Answer = Union[Description, Failure]


class Inquiry:
    """Asks what the daemon offers, and has it started where none runs, while GTK goes on.

    `done` is called from GTK's loop, if that still runs by then.
    """

    def __init__(self, done: Callable[[Answer], None]) -> None:
        self._done = done
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def finish(self, meanwhile: Callable[[], object]) -> None:
        """Waits for the end, so that nobody starts a second daemon."""
        while self._thread.is_alive():
            meanwhile()
            self._thread.join(PAUSE)

    def wait(self, seconds: float) -> None:
        """Gives a daemon that runs already the time to answer."""
        self._thread.join(seconds)

    def _ask(self) -> None:
        GLib.idle_add(self._done, self._answer(), priority=GLib.PRIORITY_DEFAULT)

    def _answer(self) -> Answer:
        try:
            with installed.connect() as client:
                return client.describe()
        except Failure as failure:
            return failure
        except Exception as error:
            return Failure("plug_in_error", detail=f"{type(error).__name__}: {error}")


class Networks:
    """The choice, with words on the network that is chosen; or how it stands with the daemon.

    `described` is called as soon as the daemon has answered.
    """

    def __init__(self, config: Gimp.ProcedureConfig, described: Callable[[Description], None]) -> None:
        self._config, self._described = config, described
        self._infos: dict[str, NetworkInfo] = {}
        self.choice = Gtk.ComboBoxText(hexpand=True)
        self._said = caption()
        self._again = Gtk.Button(label=texts.TRY_AGAIN, use_underline=True, halign=Gtk.Align.START)
        self._again.set_no_show_all(True)
        self._again.connect("clicked", lambda _: self.ask())
        self.words = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.words.pack_start(self._said, False, False, 0)
        self.words.pack_start(self._again, False, False, 0)
        config.connect("notify::network", self._explain)

    def ask(self) -> None:
        """Asks the daemon; the dialog can be used meanwhile."""
        self._wait(texts.STARTING)
        self._again.hide()
        self.inquiry = Inquiry(self.answer)

    def answer(self, answer: Answer) -> None:
        """Shows what the daemon offers, or why it does not answer."""
        if isinstance(answer, Failure):
            self._wait(texts.UNKNOWN)
            self._said.set_text(texts.say(answer))
            self._again.show()
        else:
            self._offer(answer)
            self._described(answer)

    def _wait(self, words: str) -> None:
        """Shows words in place of a choice."""
        self.choice.remove_all()
        self.choice.append_text(words)
        self.choice.set_active(0)
        self.choice.set_sensitive(False)
        self._said.set_text("")

    def _offer(self, description: Description) -> None:
        """Fills the list; the daemon's own choice stands for "", and for a network that is no longer there."""
        self.choice.remove_all()
        for info in description.networks:
            name = "" if info.name == description.default_network else info.name
            self._infos[name] = info
            self.choice.append(name, info.title)
        if self._config.get_property("network") not in self._infos:
            self._config.set_property("network", "")
        both = GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE
        self._config.bind_property("network", self.choice, "active-id", both)
        self.choice.set_sensitive(True)
        self._explain()

    def _explain(self, *_: Any) -> None:
        info = self.chosen
        if info is not None:
            self._said.set_text(texts.network(info))

    @property
    def chosen(self) -> NetworkInfo | None:
        """The network that will be used, as far as is known."""
        return self._infos.get(self._config.get_property("network") or "")
