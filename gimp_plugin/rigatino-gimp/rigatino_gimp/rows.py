"""Rows of the dialog that GIMP's own ProcedureDialog has no widgets for."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp, GObject, Gtk

BOTH = GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE


def label(words: str, of: Gtk.Widget) -> Gtk.Label:
    """A label whose mnemonic leads to the widget."""
    found = Gtk.Label.new_with_mnemonic(words)
    found.set_xalign(0)
    found.set_mnemonic_widget(of)
    return found


def choice(config: Gimp.ProcedureConfig, name: str, words: dict[str, str]) -> Gtk.ComboBoxText:
    """A choice among the values of a string setting, each said in words."""
    combo = Gtk.ComboBoxText(hexpand=True)
    for value, said in words.items():
        combo.append(value, said)
    if config.get_property(name) not in words:
        config.set_property(name, next(iter(words)))
    config.bind_property(name, combo, "active-id", BOTH)
    return combo


class OrAutomatic:
    """A number, or a check mark in its place: the setting then holds `automatic`, which is no number to choose."""

    def __init__(
        self, config: Gimp.ProcedureConfig, name: str, automatic: float, number: Gtk.SpinButton, words: str
    ) -> None:
        self._config, self._name, self._automatic, self._number = config, name, automatic, number
        self._check = Gtk.CheckButton(label=words, use_underline=True)
        self.row = Gtk.Box(spacing=6)
        self.row.pack_start(number, True, True, 0)
        self.row.pack_start(self._check, False, False, 0)
        self._show()
        self._check.connect("toggled", self._choose)
        number.connect("value-changed", self._choose)
        config.connect(f"notify::{name}", self._show)

    def _show(self, *_: Any) -> None:
        value = self._config.get_property(self._name)
        self._showing = True  # what is shown is not chosen anew
        if value != self._automatic:
            self._number.set_value(value)
        self._check.set_active(value == self._automatic)
        self._number.set_sensitive(value != self._automatic)
        self._showing = False

    def _choose(self, *_: Any) -> None:
        if not self._showing:
            value = self._automatic if self._check.get_active() else self._number.get_value()
            self._config.set_property(self._name, type(self._automatic)(value))
