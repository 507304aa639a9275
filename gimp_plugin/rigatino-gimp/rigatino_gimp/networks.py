"""The dialog's choice among the daemon's networks; the daemon is asked, and started, while the dialog is open."""

from __future__ import annotations

import threading
from typing import Any, Callable, Union

from gi.repository import Gimp, GimpUi, GLib, GObject, Gtk

from rigatino_gimp import installed, texts
from rigatino_gimp.preview import caption
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Description, NetworkInfo

PATIENCE = 0.3  # seconds for a daemon that runs already to answer before the dialog is seen
PAUSE = 0.05  # seconds between two signs of life while the user waits

Answer = Union[Description, Failure]


class Inquiry:
    """Asks what the daemon offers, and has it started where none runs, while GTK goes on.

    `done` is called from GTK's loop, if that still runs by then.
    """

    def __init__(self, done: Callable[[Answer], None], task: str) -> None:
        self._done, self._task = done, task
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def finish(self, meanwhile: Callable[[], object]) -> Answer:
        """Waits for the end, so that nobody starts a second daemon."""
        while self._thread.is_alive():
            meanwhile()
            self._thread.join(PAUSE)
        return self._answer

    def wait(self, seconds: float) -> None:
        """Gives a daemon that runs already the time to answer."""
        self._thread.join(seconds)

    def _ask(self) -> None:
        self._answer = self._asked()
        GLib.idle_add(self._done, self._answer, priority=GLib.PRIORITY_DEFAULT)

    def _asked(self) -> Answer:
        try:
            with installed.connect() as client:
                description = client.describe(self._task)
        except Failure as failure:
            return failure
        except Exception as error:
            return Failure("plug_in_error", detail=f"{type(error).__name__}: {error}")
        return description if description.networks else Failure("no_network")


class Networks:
    """The choice, with words on the network that is chosen; or how it stands with the daemon.

    `described` is called as soon as the daemon has answered.
    """

    def __init__(
        self, config: Gimp.ProcedureConfig, described: Callable[[Description], None], task: str
    ) -> None:
        self._config, self._described, self._task = config, described, task
        self._infos: dict[str, NetworkInfo] = {}
        self._inquiry: Inquiry | None = None
        self.choice = Gtk.ComboBoxText(hexpand=True)
        self.row = Gtk.Box()
        self.row.pack_start(self.choice, True, True, 0)
        self._said = caption()
        self._warning = Gtk.Image(
            icon_name=GimpUi.ICON_DIALOG_WARNING, valign=Gtk.Align.START, no_show_all=True
        )
        self._again = Gtk.Button(label=texts.TRY_AGAIN, use_underline=True, halign=Gtk.Align.START)
        self._again.set_no_show_all(True)  # shown where the daemon could not be asked
        self._again.connect("clicked", lambda _: self.ask())
        said = Gtk.Box(spacing=6)
        said.pack_start(self._warning, False, False, 0)
        said.pack_start(self._said, True, True, 0)
        self.words = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.words.pack_start(said, False, False, 0)
        self.words.pack_start(self._again, False, False, 0)
        config.connect("notify::network", self._explain)

    def ask(self) -> None:
        """Asks the daemon; the dialog can be used meanwhile."""
        self._wait(texts.STARTING, texts.NO_NEED_TO_WAIT)
        self._inquiry = Inquiry(self.answer, self._task)
        self._inquiry.wait(PATIENCE)

    def finish(self) -> None:
        """Waits, in GIMP's progress bar, for an answer that has not come yet, and heeds it."""
        if self._inquiry is not None:
            Gimp.progress_init(texts.STAGES["starting"])
            answer = self._inquiry.finish(Gimp.progress_pulse)
            if isinstance(answer, Description):
                self._heed(answer)

    def answer(self, answer: Answer) -> None:
        """Shows what the daemon offers, or why it does not answer."""
        self._inquiry = None
        if isinstance(answer, Failure):
            self._wait(texts.UNKNOWN, texts.say(answer))
            self._trouble(True)
        else:
            self._offer(answer)
            self._described(answer)

    def _wait(self, choice: str, words: str) -> None:
        """Shows words in place of a choice."""
        self._trouble(False)
        self.choice.remove_all()
        self.choice.append_text(choice)
        self.choice.set_active(0)
        self.choice.set_sensitive(False)
        self._said.set_text(words)

    def _trouble(self, there: bool) -> None:
        self._warning.set_visible(there)
        self._again.set_visible(there)

    def _heed(self, description: Description) -> None:
        """The daemon's own choice goes by ""; so does a network that was chosen once and is there no longer."""
        for info in description.networks:
            self._infos["" if info.name == description.default_network else info.name] = info
        if self._config.get_property("network") not in self._infos:
            self._config.set_property("network", "")

    def _offer(self, description: Description) -> None:
        self._heed(description)
        self.choice.remove_all()
        for name, info in self._infos.items():
            self.choice.append(name, info.title)
        both = GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE
        self._config.bind_property("network", self.choice, "active-id", both)
        self.choice.set_sensitive(True)
        self._explain()

    def _explain(self, *_: Any) -> None:
        info = self.chosen
        if info is not None:
            self._said.set_text(texts.network(info))

    def say(self, words: str) -> None:
        """Says something in the place of what is said of the network."""
        self._said.set_text(words)

    def named(self, name: str) -> NetworkInfo | None:
        """The network that a setting means, as far as is known."""
        return self._infos.get(name)

    @property
    def chosen(self) -> NetworkInfo | None:
        """The network that will be used, as far as is known."""
        return self.named(self._config.get_property("network") or "")
