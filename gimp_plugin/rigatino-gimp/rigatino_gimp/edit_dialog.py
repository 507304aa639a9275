"""The dialogs of painting and transplanting: the rows of a fill's dialog, and classes that are found by their names."""

from __future__ import annotations

from typing import Any

from gi.repository import GObject, Gtk

from rigatino_gimp import daemon, edits, rows, texts
from rigatino_gimp.dialog import Dialog
from rigatino_wire.errors import Failure
from rigatino_wire.messages import Description


class EditDialog(Dialog):
    """What both have: a network, what comes from where, how far it goes, how it looks."""

    own: tuple[str, ...] = ()  # sliders
    layer = ""

    def _fill_grid(self) -> None:
        self._names = Gtk.ListStore(str)
        self._row("network", self.networks.row, self.networks.choice)
        self._wide("network", self.networks.words, column=1)
        if self._config.find_property("classes"):
            self._class("classes")
        self._choose_layer()
        for name in self.own:
            self._wide(name, self._slider(name))
        self._class("base")
        for name in ("source", "result"):
            self._choice(name)
        for name in ("grow", "feather"):
            self._wide(name, self._slider(name))
        self._choice("seam")
        self._automatic("context", self._factor(), 0.0)
        self._wide("steps", self._slider("steps"))
        self._automatic("seed", self._seed(), -1)
        self._config.connect("notify::network", self._name_classes)

    def _choose_layer(self) -> None:
        chooser = self._window.get_widget(self.layer, GObject.TYPE_NONE)
        self._wide(self.layer, chooser)

    def _class(self, name: str) -> None:
        """A class by its name, of which a part will do; names are offered for the last of several."""
        entry = Gtk.Entry(activates_default=True, hexpand=True)
        completion = Gtk.EntryCompletion(model=self._names, text_column=0, minimum_key_length=1)
        completion.set_match_func(self._matches)
        completion.connect("match-selected", self._take)
        entry.set_completion(completion)
        self._config.bind_property(name, entry, "text", rows.BOTH)
        self._row(name, entry, entry)

    def _matches(self, completion: Gtk.EntryCompletion, typed: str, row: Gtk.TreeIter, *_: Any) -> bool:
        begun = edits.begun(typed)[1].casefold()
        return bool(begun) and begun in self._names[row][0].casefold()

    def _take(self, completion: Gtk.EntryCompletion, names: Gtk.TreeModel, row: Gtk.TreeIter) -> bool:
        """The chosen name takes the place of what was typed of it."""
        entry = completion.get_entry()
        before, _ = edits.begun(entry.get_text())
        entry.set_text(before + names[row][0])
        entry.set_position(-1)
        return True

    def _described(self, description: Description) -> None:
        super()._described(description)
        self._name_classes()

    def _name_classes(self, *_: Any) -> None:
        network = self.networks.chosen
        self._names.clear()
        if network is not None:
            try:
                for name in daemon.classes(network.name):
                    self._names.append([name])
            except Failure as failure:
                self.networks.say(texts.say(failure))


class PaintDialog(EditDialog):
    """Of rigatino-paint-class."""

    task, own, layer = "paint", ("strength",), "map"


class TransplantDialog(EditDialog):
    """Of rigatino-transplant."""

    task, own, layer = "transplant", ("coarse", "middle", "fine", "finest"), "reference"
