"""The dialog of rigatino-face: the rows of a fill's dialog, and where the eyes are taken from."""

from __future__ import annotations

from gi.repository import Gimp, GimpUi

from rigatino_gimp import eyes, texts
from rigatino_gimp.dialog import Dialog
from rigatino_gimp.layers import Place
from rigatino_gimp.preview import caption


class FaceDialog(Dialog):
    """What it has of its own: a line about the eyes."""

    task = "face"

    def __init__(self, window: GimpUi.ProcedureDialog, config: Gimp.ProcedureConfig, place: Place) -> None:
        self._marked = bool(eyes.marked(place.image))
        super().__init__(window, config, place)

    def _preset(self) -> None:
        super()._preset()
        self._config.set_property("eyes", "")  # those of another picture's face

    def _fill_grid(self) -> None:
        self._row("network", self.networks.row, self.networks.choice)
        self._wide("network", self.networks.words, column=1)
        said = caption()
        said.set_text(texts.EYES["marked" if self._marked else "found"])
        self._wide("eyes", said, column=1)
        for name in ("source", "result"):
            self._choice(name)
        for name in ("grow", "feather"):
            self._wide(name, self._slider(name))
        self._choice("seam")
        self._automatic("context", self._factor(), 0.0)
        self._choice("quality")
        self._automatic("seed", self._seed(), -1)
        for name in ("candidates", "variety"):
            self._wide(name, self._slider(name))
