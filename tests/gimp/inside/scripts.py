"""The procedures as scripts see them. tests/gimp/test_scripts.py judges."""

from actions import AGAIN, LAST, QUICK, first, told
from gi.repository import Gimp, GObject
from host import SHARE, call, layer_facts, only_layer, photo, record, rectangle

NAMES = (
    "rigatino-fill",
    AGAIN,
    "rigatino-refill",
    "rigatino-face",
    "rigatino-paint-class",
    "rigatino-transplant",
)


def script_browser(case):
    """What GIMP's procedure browser shows of them."""
    return {name: _shown(Gimp.get_pdb().lookup_procedure(name)) for name in NAMES}


def _shown(procedure):
    return {
        "arguments": [[one.name, one.value_type.name, one.blurb] for one in procedure.get_arguments()],
        "returns": [[one.name, one.value_type.name] for one in procedure.get_return_values()],
        "label": procedure.get_menu_label(),
        "menus": list(procedure.get_menu_paths()),
        "types": procedure.get_image_types(),
        "sensitive": int(procedure.get_sensitivity_mask()),
        "blurb": procedure.get_blurb(),
        "help": procedure.get_help(),
    }


def script_fu(case):
    """Script-Fu 3 calls by names; what it gets is the layer, as a list of one."""
    image, source, fill = first()
    rectangle(image, 30, 30, 40, 30)
    facts = {}
    for name, named in {
        "fill": f"(rigatino-fill {_common(image, source)} #:grow 2 #:seed 7 #:feather 1.5 #:detail FALSE)",
        "again": f"(rigatino-fill-again {_common(image, source)})",
        "refill": f'(rigatino-refill {_common(image, fill)} #:mode "add" #:seed 8 #:detail FALSE)',
    }.items():
        before = {layer.get_id() for layer in image.get_layers()}
        _run(f"{case}-{name}", f"(car {named})")
        new = [layer for layer in image.get_layers() if layer.get_id() not in before]
        facts[name] = {
            "said": _said(f"{case}-{name}"),
            "ids": [layer.get_id() for layer in new],
            "records": [record(layer) for layer in new],
        }
    _run(f"{case}-wrong", f"(rigatino-fill {_common(image, source)} #:grow -3)")
    return {**facts, "wrong": _said(f"{case}-wrong")}


def _common(image, layer):
    return f"#:run-mode RUN-NONINTERACTIVE #:image {image.get_id()} #:drawables (vector {layer.get_id()})"


def _run(name, code):
    """Has Script-Fu write what the code gives into a file; nothing is written where the code fails."""
    file = SHARE / "out" / f"{name}.said"
    script = f'(let ((port (open-output-file "{file}"))) (write {code} port) (close-port port))'
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-script-fu-eval")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    (text,) = [one.name for one in procedure.get_arguments() if one.value_type == GObject.TYPE_STRING]
    config.set_property(text, script)
    procedure.run(config)


def _said(name):
    file = SHARE / "out" / f"{name}.said"
    return file.read_text() if file.exists() else None


def script_last_settings(case):
    """What an earlier session's dialog left is what Fill Again and Repeat fill with; a script's call is not kept."""
    folder = SHARE / "profile" / "plug-in-settings"
    folder.mkdir(exist_ok=True)
    file = folder / "GimpProcedureConfigRun-rigatino-fill.last"
    file.write_text('(grow 9)\n(feather 2.5)\n(seed 11)\n(result "alpha")\n(detail no)\n')
    image = photo()
    rectangle(image, 150, 100, 50, 40)
    source = only_layer(image)
    try:
        settings = {}
        for name, how in {"again": {"name": AGAIN}, "repeat": {"run_mode": LAST}}.items():
            outcome, new = call(image, [source], **how)
            settings[name] = told(image, outcome, new)["record"]["settings"]
        call(image, [source], **QUICK, grow=1)
        outcome, new = call(image, [source], AGAIN)
        settings["after a script"] = record(new)["settings"]
    finally:
        file.unlink()
    return settings


def script_notes(case):
    """What the daemon has to say is shown once while GIMP runs."""
    from rigatino_gimp import notes

    said, message = [], Gimp.message
    Gimp.message = said.append
    try:
        notes.show([])
        notes.show(["One candidate. Ä"])
        notes.show(["One candidate. Ä", "Less memory."])
        notes.show(["Less memory."])
    finally:
        Gimp.message = message
    return said


def script_candidates(case):
    """A network without chance makes one, and the layer keeps the note that says so."""
    _image, _source, fill = first(candidates=3)
    return {"fill": layer_facts(fill), "record": record(fill)}


CASES = [value for name, value in list(globals().items()) if name.startswith("script_")]
