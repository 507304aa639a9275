"""The dialog: the settings of a fill beside a preview of it."""

from __future__ import annotations

from collections.abc import Sequence
from random import randrange
from typing import Any

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi, Gtk  # noqa: E402

from rigatino_gimp import fills, rows, texts  # noqa: E402
from rigatino_gimp.layers import Place  # noqa: E402
from rigatino_gimp.networks import Networks  # noqa: E402
from rigatino_gimp.preview import USUAL, Preview  # noqa: E402
from rigatino_gimp.request import JOINING, RANGES, Settings  # noqa: E402
from rigatino_wire.messages import MAX_CANDIDATES, Description  # noqa: E402

REACH = {
    "grow": 64,
    "feather": 64,
    "candidates": MAX_CANDIDATES,
    "variety": 2,
    "steps": 1000,
}  # what a slider reaches; more can be typed
FRACTIONS = ("variety", "strength", "coarse", "middle", "fine", "finest")  # settings with two digits
NEW = Settings().seed
CHANCE = ("candidates", "variety")  # settings of networks with chance alone
OPEN = ("mode", "seed", "candidates")  # what can be set of one more candidate
SPACE = 12  # pixels between parts, as in GIMP's own dialogs


def ask(
    procedure: Gimp.Procedure,
    config: Gimp.ProcedureConfig,
    place: Place,
    kind: type[Dialog],
) -> bool:
    """Lets the user set the fill; the config then holds what was chosen. False: cancelled.

    A re-fill begins with the settings of the fill, all but the seed. The daemon is asked, and started, while the
    dialog is open.
    """
    GimpUi.init("rigatino")
    window = GimpUi.ProcedureDialog.new(procedure, config, texts.PROCEDURES[procedure.get_name()].title)
    dialog = kind(window, config, place)
    dialog.networks.ask()
    try:
        accepted = bool(window.run())
    finally:
        window.destroy()
    if accepted:
        dialog.networks.finish()
    return accepted


class Dialog:
    """What GIMP's dialog holds: a preview, and beside it a row for each setting that the procedure has."""

    task = "fill"

    def __init__(self, window: GimpUi.ProcedureDialog, config: Gimp.ProcedureConfig, place: Place) -> None:
        self._window, self._config = window, config
        self._kept = fills.remembered(place.candidate) if place.candidate is not None else None
        self._preset()
        self.preview = Preview(config, place, apart=self.task == "fill")
        self.networks = Networks(config, self._described, self.task)
        self._grid = Gtk.Grid(row_spacing=6, column_spacing=6)
        self._count = 0
        self._rows: dict[str, list[Gtk.Widget]] = {}
        self._combos: dict[str, Gtk.ComboBoxText] = {}
        parts = Gtk.Box(spacing=SPACE)
        parts.pack_start(self.preview.box, False, False, 0)
        parts.pack_start(self._grid, True, True, 0)
        window.get_content_area().pack_start(parts, True, True, 0)
        self._fill_grid()
        parts.show_all()
        config.connect("notify::network", self._show_chance)
        self._show_chance()
        if "mode" in self._combos:
            config.connect("notify::mode", self._heed_mode)
            self._heed_mode()

    def _preset(self) -> None:
        if self._kept is not None:
            settings = self._kept.settings._replace(seed=NEW)
            for name, value in settings._asdict().items():
                self._config.set_property(name, value)

    def _fill_grid(self) -> None:
        self._row("network", self.networks.row, self.networks.choice)
        self._wide("network", self.networks.words, column=1)
        if self._kept is not None:
            self._choice("mode", but_not=JOINING)  # unless the fill's network is known to have chance in it
        for name in ("source", "result"):
            self._choice(name)
        for name in ("grow", "feather"):
            self._wide(name, self._slider(name))
        self._choice("seam")
        self._automatic("context", self._factor(), 0.0)
        self._choice("quality")
        self._wide("detail", self._window.get_widget("detail", Gtk.CheckButton))
        self._automatic("seed", self._seed(), -1)
        for name in ("candidates", "variety"):
            self._wide(name, self._slider(name))

    def _choice(self, name: str, but_not: Sequence[str] = ()) -> None:
        """A choice among a setting's words."""
        words = {word: said for word, said in texts.CHOICES[name].items() if word not in but_not}
        self._combos[name] = rows.choice(self._config, name, words)
        self._row(name, self._combos[name], self._combos[name])

    def _row(self, name: str, row: Gtk.Widget, widget: Gtk.Widget) -> None:
        """A row with a label; `widget` is what its mnemonic leads to."""
        words = texts.words(name)
        row.set_tooltip_text(words.help)
        label = rows.label(words.label, widget)
        self._grid.attach(label, 0, self._count, 1, 1)
        self._grid.attach(row, 1, self._count, 1, 1)
        self._rows.setdefault(name, []).extend((label, row))
        self._count += 1

    def _wide(self, name: str, widget: Gtk.Widget, column: int = 0) -> None:
        """A row whose widget says itself what it is."""
        self._grid.attach(widget, column, self._count, 2 - column, 1)
        self._rows.setdefault(name, []).append(widget)
        self._count += 1

    def _automatic(self, name: str, number: Gtk.SpinButton, automatic: float) -> None:
        or_automatic = rows.OrAutomatic(self._config, name, automatic, number, texts.AUTOMATIC[name])
        self._row(name, or_automatic.row, number)

    def _slider(self, name: str) -> GimpUi.SpinScale:
        """GIMP's compact slider; it reaches what is usual, more can be typed."""
        slider = self._window.get_spin_scale(name, 1.0)
        low, high = RANGES[name]
        slider.set_range(low, high)
        slider.set_scale_limits(low, REACH.get(name, high))
        slider.set_activates_default(True)
        if name in FRACTIONS:
            slider.set_digits(2)
            slider.set_increments(0.05, 0.25)
        return slider

    def _factor(self) -> Gtk.SpinButton:
        low, high = RANGES["context"]
        number = Gtk.SpinButton(digits=1, activates_default=True)
        number.set_range(low + 0.1, high)
        number.set_increments(0.5, 2)
        number.set_value(USUAL.factor)
        return number

    def _seed(self) -> Gtk.SpinButton:
        """A number that is another one each time the dialog is opened, until it is kept."""
        number = Gtk.SpinButton(activates_default=True, width_chars=11)
        number.set_range(0, RANGES["seed"][1])
        number.set_increments(1, 1000)
        number.set_value(randrange(1 << 31))
        return number

    def _described(self, description: Description) -> None:
        self.preview.describe(description)
        self._show_chance()
        if self._kept is None or "mode" not in self._combos:
            return
        network = self.networks.named(self._kept.settings.network)
        if network is not None and network.stochastic:
            for mode in JOINING:
                self._combos["mode"].append(mode, texts.CHOICES["mode"][mode])

    def _show_chance(self, *_: Any) -> None:
        """Several fills of one hole are for networks with chance: others make the same one again."""
        network = self.networks.chosen
        for name in CHANCE:
            for widget in self._rows.get(name, []):
                widget.set_visible(network is not None and network.stochastic)

    def _heed_mode(self, *_: Any) -> None:
        """What joins a fill's candidates is made as they were: of the settings only some can be chosen."""
        joins = self._config.get_property("mode") in JOINING
        if joins:
            self._preset()
            self._config.set_property("candidates", 1)
        for name, widgets in self._rows.items():
            for widget in widgets:
                widget.set_sensitive(name in OPEN or not joins)
