"""The procedures as GIMP knows them: names, menus, arguments, and the way from a failure to a message."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Any

from gi.repository import Gimp, GLib, GObject

from rigatino_gimp import edit, face, layers, notes, texts
from rigatino_gimp.edits import PaintSettings, TransplantSettings
from rigatino_gimp.faces import FaceSettings
from rigatino_gimp.fill import Choose, Done, fill, refill
from rigatino_gimp.record import AnySettings
from rigatino_gimp.request import MODES, Settings
from rigatino_wire import __version__
from rigatino_wire.errors import Cancelled, Failure

FILL, AGAIN, REFILL, FACE, PAINT, TRANSPLANT = NAMES = (
    "rigatino-fill", "rigatino-fill-again", "rigatino-refill", "rigatino-face",
    "rigatino-paint-class", "rigatino-transplant",
)  # fmt: skip
SETTINGS: dict[str, type[AnySettings]] = {
    FILL: Settings,
    REFILL: Settings,
    FACE: FaceSettings,
    PAINT: PaintSettings,
    TRANSPLANT: TransplantSettings,
}
LAYERS = {PAINT: "map", TRANSPLANT: "reference"}  # a layer that is looked at besides the one that is meant
WRONG_CALLS = frozenset({"bad_setting", "unknown_network", "no_layer", "many_layers", "layer_unclear"})
READWRITE = GObject.ParamFlags.READWRITE
# Wide: a value outside its argument's range GIMP would replace by the default, without a word.
INT = (GLib.MININT, GLib.MAXINT)
DOUBLE = (-GLib.MAXDOUBLE, GLib.MAXDOUBLE)


def create(plug_in: Gimp.PlugIn, name: str) -> Gimp.Procedure:
    """The procedure of that name, registered for every image: what it lacks is said when it is called."""
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, _run, None)
    sensitive = Gimp.ProcedureSensitivityMask
    procedure.set_image_types("*")
    procedure.set_sensitivity_mask(sensitive.DRAWABLE | sensitive.DRAWABLES | sensitive.NO_DRAWABLES)
    about = texts.PROCEDURES[name]
    procedure.set_menu_label(about.menu)
    procedure.add_menu_path("<Image>/Filters/Enhance")
    procedure.set_documentation(about.blurb, about.help, None)  # no page of GIMP's help, and so no button
    procedure.set_attribution("Rigatino", "Rigatino", __version__)
    if name in SETTINGS:
        _add_settings(procedure, SETTINGS[name]())
    if name in LAYERS:
        procedure.add_layer_argument(LAYERS[name], *texts.words(LAYERS[name]), True, READWRITE)
    if name == REFILL:
        procedure.add_string_argument("mode", *texts.ARGUMENTS["mode"], MODES[0], READWRITE)
    procedure.add_layer_return_value("layer", *texts.FILL, False, READWRITE)
    return procedure


def _add_settings(procedure: Gimp.Procedure, settings: AnySettings) -> None:
    for name, default in settings._asdict().items():
        words = texts.words(name)
        if isinstance(default, str):
            procedure.add_string_argument(name, *words, default, READWRITE)
        elif isinstance(default, bool):
            procedure.add_boolean_argument(name, *words, default, READWRITE)
        elif isinstance(default, int):
            procedure.add_int_argument(name, *words, *INT, default, READWRITE)
        else:
            procedure.add_double_argument(name, *words, *DOUBLE, default, READWRITE)


def _run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: Sequence[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    data: Any,
) -> Gimp.ValueArray:
    """What GIMP calls. Whatever goes wrong becomes a sentence: GIMP itself tells nothing of exceptions."""
    try:
        if procedure.get_name() == AGAIN:
            return _again(procedure, image, drawables)
        choose = _asked(procedure, image, drawables, config) if run_mode == Gimp.RunMode.INTERACTIVE else None
        done = _work(procedure.get_name(), image, drawables, config, choose)
        if run_mode != Gimp.RunMode.NONINTERACTIVE:
            notes.show(done.notes)
        return _success(procedure, done.layer)
    except Cancelled:
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
    except Failure as failure:
        return _refused(procedure, failure)
    except Exception as error:
        traceback.print_exc()
        return _refused(procedure, Failure("plug_in_error", detail=f"{type(error).__name__}: {error}"))


def _again(
    procedure: Gimp.Procedure, image: Gimp.Image, drawables: Sequence[Gimp.Drawable]
) -> Gimp.ValueArray:
    """rigatino-fill with its last settings, which GIMP keeps for that procedure and gives to no other."""
    procedure.get_plug_in().set_pdb_error_handler(Gimp.PDBErrorHandler.PLUGIN)  # or GIMP shows errors twice
    original = Gimp.get_pdb().lookup_procedure(FILL)
    config = original.create_config()
    config.set_property("run-mode", Gimp.RunMode.WITH_LAST_VALS)
    config.set_property("image", image)
    config.set_core_object_array("drawables", drawables)
    values = original.run(config)
    status = values.index(0)
    if status == Gimp.PDBStatusType.SUCCESS:
        return _success(procedure, values.index(1))
    return _failed(procedure, status, Gimp.get_pdb().get_last_error())


def _asked(
    procedure: Gimp.Procedure,
    image: Gimp.Image,
    drawables: Sequence[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
) -> Choose:
    """Lets the user set the fill; returns what has candidates chosen. What rules a fill out is said before.

    Raises Cancelled where the user wants none.
    """
    from rigatino_gimp import (  # they need a display: a batch has none
        chooser,
        dialog,
        edit_dialog,
        face_dialog,
    )

    name = procedure.get_name()
    kinds = {
        FACE: face_dialog.FaceDialog,
        PAINT: edit_dialog.PaintDialog,
        TRANSPLANT: edit_dialog.TransplantDialog,
    }
    kind = kinds.get(name, dialog.Dialog)
    if kind.task != "fill":
        place = layers.find_edit(image, drawables, kind.task)
    else:
        place = layers.find_again(image, drawables) if name == REFILL else layers.find(image, drawables)
    if not dialog.ask(procedure, config, place, kind):
        raise Cancelled
    return chooser.choose


def _work(
    name: str,
    image: Gimp.Image,
    drawables: Sequence[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    choose: Choose,
) -> Done:
    settings: Any = _settings(config, SETTINGS[name])
    if name == FACE:
        return face.face(image, drawables, settings, choose)
    if name == PAINT:
        return edit.paint(image, drawables, settings, config.get_property("map"))
    if name == TRANSPLANT:
        return edit.transplant(image, drawables, settings, config.get_property("reference"))
    if name == REFILL:
        return refill(image, drawables, settings, config.get_property("mode") or "", choose)
    return fill(image, drawables, settings, choose)


def _settings(config: Gimp.ProcedureConfig, kind: type[AnySettings]) -> AnySettings:
    values: dict[str, Any] = {name: config.get_property(name) for name in kind._fields}
    empty = {name: "" for name, value in values.items() if value is None}
    return kind(**{**values, **empty})


def _success(procedure: Gimp.Procedure, layer: Gimp.Layer) -> Gimp.ValueArray:
    Gimp.displays_flush()
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
    values.remove(1)
    values.insert(1, GObject.Value(Gimp.Layer, layer))
    return values


def _refused(procedure: Gimp.Procedure, failure: Failure) -> Gimp.ValueArray:
    wrong_call = failure.code in WRONG_CALLS
    status = Gimp.PDBStatusType.CALLING_ERROR if wrong_call else Gimp.PDBStatusType.EXECUTION_ERROR
    return _failed(procedure, status, texts.say(failure))


def _failed(procedure: Gimp.Procedure, status: Gimp.PDBStatusType, words: str) -> Gimp.ValueArray:
    return procedure.new_return_values(status, GLib.Error(words, "rigatino", 1))
