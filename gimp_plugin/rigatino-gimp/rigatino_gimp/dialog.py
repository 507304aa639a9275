"""The dialog: the settings of a fill beside a preview of it."""

from __future__ import annotations

from random import randrange
from typing import Any

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi, Gtk  # noqa: E402

from rigatino_gimp import rows, texts  # noqa: E402
from rigatino_gimp.layers import Place  # noqa: E402
from rigatino_gimp.networks import Networks  # noqa: E402
from rigatino_gimp.preview import USUAL, Preview  # noqa: E402
from rigatino_gimp.request import RANGES  # noqa: E402
from rigatino_wire.messages import MAX_CANDIDATES, Description  # noqa: E402

REACH = {"grow": 64, "feather": 64, "candidates": MAX_CANDIDATES}  # what a slider reaches; more can be typed
SPACE = 12  # pixels between parts, as in GIMP's own dialogs


def ask(
    procedure: Gimp.Procedure,
    config: Gimp.ProcedureConfig,
    place: Place,
    description: Description | None = None,
) -> bool:
    """Lets the user set the fill; the config then holds what was chosen. False: cancelled.

    Without a description the daemon is asked, and started, while the dialog is open.
    """
    GimpUi.init("rigatino")
    window = GimpUi.ProcedureDialog.new(procedure, config, texts.PROCEDURES[procedure.get_name()].title)
    dialog = _Dialog(window, config, place)
    if description is None:
        dialog.networks.ask()
    else:
        dialog.networks.answer(description)
    try:
        accepted = bool(window.run())
    finally:
        window.destroy()
    if accepted:
        dialog.networks.finish()
    return accepted


class _Dialog:
    """What GIMP's dialog holds: a preview, and beside it a row for each setting that the procedure has."""

    def __init__(self, window: GimpUi.ProcedureDialog, config: Gimp.ProcedureConfig, place: Place) -> None:
        self._window, self._config = window, config
        self.preview = Preview(config, place)
        self.networks = Networks(config, self._described)
        self._grid = Gtk.Grid(row_spacing=6, column_spacing=6)
        self._count = 0
        parts = Gtk.Box(spacing=SPACE)
        parts.pack_start(self.preview.box, False, False, 0)
        parts.pack_start(self._grid, True, True, 0)
        window.get_content_area().pack_start(parts, True, True, 0)
        self._fill_grid()
        parts.show_all()
        config.connect("notify::network", self._show_candidates)
        self._show_candidates()

    def _fill_grid(self) -> None:
        self._row("network", self.networks.choice, self.networks.choice)
        self._wide(self.networks.words, column=1)
        for name in ("mode", "source", "result"):
            if self._config.find_property(name):
                combo = rows.choice(self._config, name, texts.CHOICES[name])
                self._row(name, combo, combo)
        for name in ("grow", "feather"):
            self._wide(self._slider(name))
        self._automatic("context", self._factor(), 0.0)
        self._wide(self._window.get_widget("detail", Gtk.CheckButton))
        self._automatic("seed", self._seed(), -1)
        self._candidates = self._slider("candidates")
        self._wide(self._candidates)

    def _row(self, name: str, row: Gtk.Widget, widget: Gtk.Widget) -> None:
        """A row with a label; `widget` is what its mnemonic leads to."""
        words = texts.ARGUMENTS[name]
        row.set_tooltip_text(words.help)
        self._grid.attach(rows.label(words.label, widget), 0, self._count, 1, 1)
        self._grid.attach(row, 1, self._count, 1, 1)
        self._count += 1

    def _wide(self, widget: Gtk.Widget, column: int = 0) -> None:
        """A row whose widget says itself what it is."""
        self._grid.attach(widget, column, self._count, 2 - column, 1)
        self._count += 1

    def _automatic(self, name: str, number: Gtk.SpinButton, automatic: float) -> None:
        or_automatic = rows.OrAutomatic(self._config, name, automatic, number, texts.AUTOMATIC[name])
        self._row(name, or_automatic.row, number)

    def _slider(self, name: str) -> GimpUi.SpinScale:
        """GIMP's compact slider; it reaches what is usual, more can be typed."""
        slider = self._window.get_spin_scale(name, 1.0)
        low, high = RANGES[name]
        slider.set_range(low, high)
        slider.set_scale_limits(low, REACH[name])
        slider.set_activates_default(True)
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
        self._show_candidates()

    def _show_candidates(self, *_: Any) -> None:
        """Several fills of one hole are for networks with chance: others make the same one again."""
        network = self.networks.chosen
        self._candidates.set_visible(network is not None and network.stochastic)
