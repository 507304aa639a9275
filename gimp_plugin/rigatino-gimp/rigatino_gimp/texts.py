"""Every word that the plug-in says, in the user's language where a catalogue for it lies in locale/.

English is the text's own key, also of the daemon's failures. Catalogues are gettext's, beside the entry file:
locale/LANGUAGE/LC_MESSAGES/rigatino.mo. The environment says which; GIMP puts the language of its preferences there.
"""

from __future__ import annotations

import gettext
from pathlib import Path
from typing import NamedTuple

from rigatino_wire.errors import TEXTS, Failure
from rigatino_wire.messages import Progress

_catalogue = gettext.translation("rigatino", Path(__file__).parents[1] / "locale", fallback=True)
_ = _catalogue.gettext
_n = _catalogue.ngettext


class Words(NamedTuple):
    """One argument: its label in the dialog, with its mnemonic, and its tooltip."""

    label: str
    help: str


MENU_LABEL = _("_Fill with Rigatino…")
TITLE = _("Fill with Rigatino")
BLURB = _("Fills the selection from its surroundings, as a layer of its own")
HELP = _(
    "An inpainting network on this computer invents what the selection hides. The result is a new layer above"
    " the active one, which stays as it is. Selection and active layer stay as they were."
)
FILL = Words(_("Fill"), _("The new layer; a group of layers where several candidates were asked for"))
DEFAULT_NETWORK = _("The one that comes with Rigatino")

ARGUMENTS = {
    "network": Words(_("_Network"), _("The network's name; empty for the one that comes with Rigatino")),
    "source": Words(
        _("So_urce"), _("What the network sees: “layer” (the active one) or “visible” (all together)")
    ),
    "grow": Words(_("_Grow"), _("Pixels by which the hole is wider than the selection, on every side")),
    "feather": Words(
        _("_Feather"), _("Pixels over which the fill passes into the picture, outside the hole")
    ),
    "context": Words(
        _("Conte_xt"), _("Surroundings that the network sees, times the hole; 0: as the network likes")
    ),
    "seed": Words(_("S_eed"), _("The same number gives the same fill again; -1: a new one every time")),
    "candidates": Words(_("C_andidates"), _("How many fills to make")),
    "result": Words(_("_Result"), _("“mask”: the fill has a layer mask; “alpha”: its edge is transparent")),
}

STAGES = {
    "starting": _("Rigatino: starting"),
    "loading": _("Rigatino: loading the network"),
    "filling": _("Rigatino: filling"),
}


def stage(progress: Progress) -> str:
    """What the daemon is doing, for GIMP's status bar."""
    if progress.stage != "queued":
        return STAGES[progress.stage]
    waiting = _n(
        "Rigatino: waiting for {position} other fill",
        "Rigatino: waiting for {position} other fills",
        progress.position,
    )
    return waiting.format(position=progress.position)


def say(failure: Failure) -> str:
    """A failure in the user's language; one that only a newer daemon knows is said in that daemon's words."""
    text = TEXTS.get(failure.code)
    if text is None:
        return str(failure)
    try:
        sentence, hint = (_(template).format_map(failure.params) for template in text)
    except KeyError:  # a parameter is missing: the failure keeps its peer's words
        return str(failure)
    return _("{sentence} {hint}").format(sentence=sentence, hint=hint)
