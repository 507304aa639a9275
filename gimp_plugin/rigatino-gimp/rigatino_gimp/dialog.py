"""The dialog: network, grow, feather and seed."""

from __future__ import annotations

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi, GObject, Gtk  # noqa: E402

from rigatino_gimp import daemon, texts  # noqa: E402
from rigatino_gimp.layers import Place  # noqa: E402
from rigatino_gimp.request import RANGES  # noqa: E402
from rigatino_wire.messages import Description  # noqa: E402

SLIDERS = {"grow": 64, "feather": 64}  # what the slider reaches; more can be typed


def ask(
    procedure: Gimp.Procedure,
    config: Gimp.ProcedureConfig,
    place: Place,
    description: Description | None,
) -> bool:
    """Lets the user set the fill; the config then holds what was chosen. False: cancelled."""
    description = description or daemon.describe()
    GimpUi.init("rigatino")
    window = GimpUi.ProcedureDialog.new(procedure, config, texts.TITLE)
    window.get_content_area().pack_start(_networks(config, description), False, False, 0)
    for name, reach in SLIDERS.items():
        slider = window.get_scale_entry(name, 1.0)
        slider.set_bounds(*RANGES[name], False)
        slider.set_bounds(RANGES[name][0], reach, True)
    window.get_widget("seed", GimpUi.LabelSpin).get_spin_button().set_range(*RANGES["seed"])
    window.fill([*SLIDERS, "seed"])
    try:
        return bool(window.run())
    finally:
        window.destroy()


def _networks(config: Gimp.ProcedureConfig, description: Description) -> Gtk.Box:
    """The row that chooses among the daemon's networks, each with what it is good for as its tooltip."""
    combo = Gtk.ComboBoxText()
    combo.append("", texts.DEFAULT_NETWORK)
    for info in description.networks:
        combo.append(info.name, info.title)
    if config.get_property("network") not in [info.name for info in description.networks]:
        config.set_property("network", "")
    both = GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE
    config.bind_property("network", combo, "active-id", both)
    label = Gtk.Label.new_with_mnemonic(texts.ARGUMENTS["network"].label)
    label.set_mnemonic_widget(combo)
    row = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=6)
    row.pack_start(label, False, False, 0)
    row.pack_start(combo, True, True, 0)
    row.show_all()
    return row
