"""Every word that the plug-in says, in the user's language where a catalogue for it lies in locale/.

English is the text's own key, also of the daemon's failures. Catalogues are gettext's, beside the entry file:
locale/LANGUAGE/LC_MESSAGES/rigatino.mo. The environment says which; GIMP puts the language of its preferences there.
"""

from __future__ import annotations

import gettext
from pathlib import Path
from typing import NamedTuple

from rigatino_wire.errors import TEXTS, Failure
from rigatino_wire.messages import Answer, NetworkInfo, Progress

_catalogue = gettext.translation("rigatino", Path(__file__).parents[1] / "locale", fallback=True)
_ = _catalogue.gettext
_n = _catalogue.ngettext


class Words(NamedTuple):
    """One argument: its label in the dialog, with its mnemonic, and its tooltip."""

    label: str
    help: str


class About(NamedTuple):
    """One procedure: its label in the menu, the title of its dialog, and what GIMP's browsers say of it."""

    menu: str
    title: str
    blurb: str
    help: str


TITLE = _("Fill with Rigatino")
PROCEDURES = {
    "rigatino-fill": About(
        _("_Fill with Rigatino…"),
        TITLE,
        _("Fills the selection from its surroundings, as a layer of its own"),
        _(
            "An inpainting network on this computer invents what the selection hides. The result is a new layer"
            " above the active one, which stays as it is. Selection and active layer stay as they were. Where"
            " nothing is selected, the layer's transparent areas are filled, or the canvas around an image's only"
            " layer."
        ),
    ),
    "rigatino-fill-again": About(
        _("Fill A_gain"),
        _("Fill Again"),
        _("Fills the selection with the settings of the last fill, without a dialog"),
        _("The same as “Fill with Rigatino” with its last settings, or its defaults where there are none."),
    ),
    "rigatino-refill": About(
        _("Re-f_ill This Layer…"),
        _("Re-fill This Layer"),
        _("Fills the hole of a fill layer once more, with another seed, network or settings"),
        _(
            "For a fill layer, one of several candidates, or the layer that a fill was made for. The hole is the"
            " one that was selected then; the selection does not matter. The new fill replaces the old one, is"
            " added above it, or becomes one of its candidates."
        ),
    ),
    "rigatino-face": About(
        _("_Complete a Face…"),
        _("Complete a Face"),
        _("Invents the part of a face that the selection hides"),
        _(
            "A network that knows nothing but faces completes the one that the selection lies in. Its eyes are marked"
            " by a path of two points, or by guides that cross twice, or are looked for. The result is a new layer; on"
            " a layer that was made so, it is made anew."
        ),
    ),
    "rigatino-paint-class": About(
        _("Paint a C_lass…"),
        _("Paint a Class"),
        _("Shows another kind of animal in the selection, where the picture shows one"),
        _(
            "A network that makes pictures looks for what it could have made that is most like the picture, and makes"
            " it with other classes in the selection. What changes becomes a layer of its own. On a layer that was"
            " made so, the work goes on from there."
        ),
    ),
    "rigatino-transplant": About(
        _("Transplant Fr_om…"),
        _("Transplant"),
        _("Shows a part of another layer or image in the selection, fitted into the picture"),
        _(
            "A network that makes pictures looks for what is most like the picture and like the reference, and mixes"
            " their features in the selection. In the reference's own image the selection says which part is meant;"
            " without one all of it is. What changes becomes a layer of its own. On a layer that was made so, the work"
            " goes on from there."
        ),
    ),
}
FILL = Words(_("Fill"), _("The new layer; a group of layers where several candidates were asked for"))
HOLES = {  # what the hole is, where it is not the selection
    "transparency": _("Nothing is selected: the layer's transparent areas will be filled."),
    "canvas": _("Nothing is selected: the canvas around the layer will be filled."),
    "channel": _("The active channel will be filled."),
    "quick mask": _("The Quick Mask will be filled."),
    "fill": _("The hole of the layer “{name}” will be filled again."),
}

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
    "candidates": Words(_("Can_didates"), _("How many fills to make")),
    "result": Words(_("Resul_t"), _("“mask”: the fill has a layer mask; “alpha”: its edge is transparent")),
    "detail": Words(_("Deta_il from the surroundings"), _("Copy texture of the surroundings into the fill")),
    "variety": Words(
        _("_Variety"), _("How far candidates differ: 0 makes the most likely fill, 1 is usual, 4 is wild")
    ),
    "seam": Words(
        _("_Blending"),
        _(
            "How the fill passes into the picture: “feather” fades it out, “poisson” fits its colours to what is"
            " around, “auto” is the network's own way, else the first"
        ),
    ),
    "quality": Words(
        _("_Quality"),
        _("“fast”, “balanced” or “best”: how much work is spent on holes too large for the network"),
    ),
    "mode": Words(
        _("_Mode"),
        _(
            "“replace”: in place of the old fill; “add”: above the old fill; “another”: one more candidate, made as"
            " the old fill was; “like”: one that resembles the chosen candidate"
        ),
    ),
}

# What faces, painting and transplanting have besides.
EDITS = {
    "eyes": Words(
        _("Eyes"),
        _("“x, y, x, y”: where both eyes are, in pixels of the picture; empty: as marked, or found"),
    ),
    "classes": Words(
        _("Class to be painte_d"),
        _(
            "The name of a class, a part of it, or its number; several with their colours in the map:"
            " “ff0000=tabby; 0000ff=lion”"
        ),
    ),
    "map": Words(
        _("_Map of classes"), _("A layer that is painted in the colours of the classes; none for one class")
    ),
    "strength": Words(_("Strengt_h"), _("How much of the class is painted, from 0 to 1")),
    "base": Words(
        _("Class of the p_icture"), _("What the picture shows, by name or number; empty: to be guessed")
    ),
    "steps": Words(
        _("Ste_ps"),
        _("How long the network looks for the picture; more steps come closer to it, and take longer"),
    ),
    "reference": Words(
        _("Transplant fro_m"), _("The layer, of this or another image, of which a part is transplanted")
    ),
    "coarse": Words(
        _("_View and posture"), _("How much of the reference's coarsest features counts, from 0 to 1")
    ),
    "middle": Words(_("S_hape"), _("How much of the reference's coarse features counts, from 0 to 1")),
    "fine": Words(_("Mar_kings"), _("How much of the reference's fine features counts, from 0 to 1")),
    "finest": Words(_("Fine _details"), _("How much of the reference's finest features counts, from 0 to 1")),
}

# The dialogs. Their mnemonics are those of their arguments and these; C, L, O, R and S are those of GIMP's own buttons.
CHOICES = {
    "source": {"layer": _("The active layer"), "visible": _("All visible layers")},
    "result": {"mask": _("A layer with a layer mask"), "alpha": _("A layer with transparency")},
    "seam": {
        "auto": _("As the network likes"),
        "feather": _("Soft edge"),
        "poisson": _("Colours fitted to the picture"),
    },
    "quality": {"fast": _("Fast"), "balanced": _("Balanced"), "best": _("Best")},
    "mode": {
        "replace": _("In place of this fill"),
        "add": _("Above this fill"),
        "another": _("Another candidate"),
        "like": _("A candidate like this one"),
    },
}
EYES = {
    "marked": _("The eyes are where they are marked in the image."),
    "found": _("The eyes will be looked for. To mark them, draw a path of two points."),
}
AUTOMATIC = {"context": _("_Automatic"), "seed": _("Ne_w every time")}
TRY_AGAIN = _("Tr_y Again")
STARTING = _("Starting Rigatino…")
NO_NEED_TO_WAIT = _("The fill begins as soon as Rigatino is ready.")
UNKNOWN = _("Not known")
GOOD_FOR = _("Good for {purpose}")
LICENCES = _("Program: {licence}. Weights: {weights_licence}.")
SEEN = _("The network sees {width} × {height} pixels.")
PREVIEW_HELP = _("What the network sees. Red is what will be filled, and fades as the fill does.")

# The window of candidates; its mnemonics are these alone.
CANDIDATES = _("Candidates")
WINDOW = {
    "another": Words(_("_Another"), _("One more candidate, of another seed")),
    "like": Words(_("_More Like This"), _("One more candidate, which resembles the chosen one")),
    "insert": Words(_("_Insert"), _("Insert all candidates as a group of layers that shows the chosen one")),
    "cancel": Words(_("_Cancel"), _("Insert nothing")),
}
CHOOSE = _("Choose the candidate that is to be seen. All of them are inserted.")
SEED = _("Seed {seed}")
SCORE = _("Score {score}")

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


def words(name: str) -> Words:
    """Those of an argument."""
    return ARGUMENTS.get(name) or EDITS[name]


def candidate(answer: Answer) -> str:
    """A candidate's seeds and its score."""
    said = [SEED.format(seed=" + ".join(map(str, answer.lineage)))] if answer.lineage else []
    if answer.score is not None:
        said.append(SCORE.format(score=f"{answer.score:.2f}"))
    return "\n".join(said)


def hole(kind: str, name: str) -> str:
    """What will be filled, where that is not the selection; `name` is the fill layer's that is made anew."""
    return HOLES.get(kind, "").format(name=name)


def network(info: NetworkInfo) -> str:
    """What a network is good for, and whose terms hold for it."""
    licences = LICENCES.format(licence=info.licence, weights_licence=info.weights_licence)
    return f"{GOOD_FOR.format(purpose=_(info.good_for))}\n{licences}"


def note(sentence: str) -> str:
    """What a daemon notes of a fill; a sentence that only a newer one knows stays as it is."""
    return _(sentence)


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
