"""What GIMP tells of Rigatino in the language it runs in: the procedure's words, and a refusal."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__import__("os").environ["RIGATINO_GIMP_SHARE"]) / "inside"))
from gi.repository import Gimp
from host import call, only_layer, photo, run


def words(case):
    image = photo()
    procedure = Gimp.get_pdb().lookup_procedure("rigatino-fill")
    grow = next(argument for argument in procedure.get_arguments() if argument.name == "grow")
    outcome, _ = call(image, [only_layer(image)])
    return {
        "menu": procedure.get_menu_label(),
        "blurb": procedure.get_blurb(),
        "help": procedure.get_help(),
        "grow": grow.get_nick(),
        "error": outcome["error"],
    }


run([words])
