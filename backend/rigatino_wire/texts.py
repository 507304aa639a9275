"""The catalogue of failures: code -> what happened, and what to do (English `str.format` templates).

A sentence starts upper case and ends with a full stop. Names in braces are the failure's parameters.
Codes are part of the protocol: they may be added (with a row in docs/protocol.md), never renamed or given
another meaning.
"""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    """One failure's two templates."""

    sentence: str
    hint: str


_RESTART = "Stop the daemon with “rigatino stop” and try again; if it comes back, please report it."
_MARK_THE_EYES = "Mark both eyes: in GIMP by a path of two points, on the command line by --eyes."
_NOTHING_CHANGED = "Nothing was changed."

_WIRE = {
    "bad_magic": Text("A message arrived that is not Rigatino's.", _RESTART),
    "wrong_version": Text(
        "The other side speaks version {found} of Rigatino's protocol, this side version {expected}.",
        "Stop the daemon with “rigatino stop”, and install plug-in and daemon from the same version.",
    ),
    "bad_mac": Text("A message arrived that was not signed with this daemon's key.", _RESTART),
    "truncated": Text("A message arrived that is cut short: its {what} is missing.", _RESTART),
    "bad_frames": Text(
        "A message arrived whose pieces do not have the sizes that its header announces.", _RESTART
    ),
    "too_large": Text(
        "A message is too large: its {what} has {size} bytes, {limit} are allowed.",
        "Select a smaller area, or scale the picture down.",
    ),
    "bad_header": Text("A message arrived whose header cannot be read: {why}.", _RESTART),
    "unknown_op": Text("A message asks for “{op}”, which this version does not know.", _RESTART),
    "unknown_field": Text(
        "A message “{op}” has a field “{field}”, which this version does not know.", _RESTART
    ),
    "missing_field": Text("A message “{op}” lacks its field “{field}”.", _RESTART),
    "bad_field": Text("The field “{field}” of a message “{op}” is wrong: it takes {expected}.", _RESTART),
    "bad_handshake": Text("What answers at {endpoint} is not Rigatino's daemon: {why}.", _RESTART),
    "bad_transport": Text("The connection to the daemon broke its rules: {why}.", _RESTART),
    "unexpected_reply": Text("The daemon answered “{op}” with “{reply}”.", _RESTART),
    "unknown_failure": Text(
        "The other side reports a failure that this version does not know: {code}.",
        "Install plug-in and daemon from the same version.",
    ),
}

_WAY_TO_THE_DAEMON = {
    "daemon_absent": Text("No Rigatino daemon is running.", "Start it with “rigatino serve”."),
    "daemon_silent": Text("The Rigatino daemon has stopped answering.", _RESTART),
    "daemon_lost": Text(
        "The connection to the Rigatino daemon was lost.",
        "Try again: the daemon is started anew when it is needed.",
    ),
    "daemon_stopping": Text("The Rigatino daemon is stopping.", "Try again in a few seconds."),
    "daemon_start_failed": Text(
        "The Rigatino daemon could not be started. Its log {log} ends with: “{tail}”.",
        "Put right what the log says and try again.",
    ),
    "command_failed": Text(
        "The command {command}, which starts the Rigatino daemon, cannot be run: {why}.",
        "Rigatino was moved or removed: install it again where it is gone, then run “rigatino install-plugin”.",
    ),
    "daemon_outside": Text(
        "No Rigatino daemon is running, and GIMP as a {sandbox} must not start one.",
        "Run “{command}” once in a terminal: from then on the daemon is there whenever you are logged in.",
    ),
    "version_differs": Text(
        "The daemon's program is version {found} of Rigatino, this side is version {expected}.",
        "Run “rigatino install-plugin” again, then start GIMP anew.",
    ),
    "plug_in_older": Text(
        "GIMP's plug-in is version {expected} of Rigatino, older than the program, which is version {found}.",
        "Run “rigatino install-plugin”, then start GIMP anew.",
    ),
    "program_older": Text(
        "The program is version {found} of Rigatino, older than GIMP's plug-in, which is version {expected}.",
        "Upgrade Rigatino (or go back to the older plug-in with its “rigatino install-plugin”), then start GIMP anew.",
    ),
    "daemon_start_slow": Text(
        "The Rigatino daemon was started but was not ready after {seconds} seconds.",
        "Look into its log {log}, or try again.",
    ),
    "daemon_stop_failed": Text(
        "The running Rigatino daemon (process {pid}) could not be stopped.", "End that process and try again."
    ),
    "already_running": Text(
        "A Rigatino daemon is running already (process {pid}).",
        "Use it, or stop it first with “rigatino stop”.",
    ),
    "runtime_foreign": Text(
        "The folder {folder} belongs to another user.",
        "Remove it, or set RIGATINO_RUNTIME_DIR to a folder of yours.",
    ),
    "runtime_open": Text(
        "Other users may write to the folder {folder}.", "Close it with “chmod 700 {folder}”."
    ),
    "runtime_unusable": Text(
        "The folder {folder} cannot be used: {why}.",
        "Set RIGATINO_RUNTIME_DIR to a folder that you can write to.",
    ),
    "connection_foreign": Text("The connection file {file} belongs to another user.", "Remove that file."),
    "connection_corrupt": Text(
        "The connection file {file} cannot be read: {why}.", "Remove that file, then start the daemon again."
    ),
    "bad_endpoint": Text("The address {endpoint} is not one that Rigatino can reach.", _RESTART),
}

_DAEMON = {
    "worker_lost": Text(
        "The process that fills pictures ended unexpectedly, twice.",
        "Try a smaller selection or precision fp32; the daemon's log says more.",
    ),
    "deadline": Text(
        "The fill took longer than its time limit.", "Try a smaller selection, or allow more time."
    ),
    "cancelled": Text("The fill was cancelled.", _NOTHING_CHANGED),
    "queue_full": Text(
        "The Rigatino daemon has too much to do already.", "Wait for the other fills and try again."
    ),
    "duplicate_id": Text("A fill with the same id is under way already.", _RESTART),
    "unknown_job": Text("The daemon has no fill with that id.", "It has probably ended already."),
    "internal": Text("Something unforeseen happened: {detail}.", "Please report it with the log {log}."),
}

_REQUEST = {
    "hole_empty": Text("There is nothing to fill: the hole is empty.", "Mark the area that is to be filled."),
    "hole_everything": Text(
        "There is nothing to fill from: the hole covers everything.",
        "Leave some of the picture outside the hole, or lower grow.",
    ),
    "size_mismatch": Text(
        "Picture ({picture}) and mask ({mask}) differ in size.", "Give a mask of exactly the picture's size."
    ),
    "unknown_network": Text("There is no network named “{name}”.", "Choose one of these: {known}."),
    "no_network": Text(
        "No network for this is installed.", "Import the weights of one with “rigatino weights import”."
    ),
    "bad_setting": Text("The setting {name} cannot be “{value}”.", "It takes {expected}."),
    "out_of_memory": Text(
        "There is not enough memory for this fill.", "Select a smaller area, or close other programs."
    ),
    "too_many_pixels": Text(
        "The area has {pixels} pixels, the daemon takes {limit}.",
        "Select a smaller area or lower the context.",
    ),
    "bad_pixels": Text(
        "The picture holds values that are not numbers.", "Repair or convert the layer and try again."
    ),
    "no_face": Text("No face was found around the hole.", _MARK_THE_EYES),
    "no_detector": Text(
        "Faces cannot be found here: the Python package {package} is not installed.", _MARK_THE_EYES
    ),
    "eyes_outside": Text("An eye lies outside the picture.", _MARK_THE_EYES),
    "eyes_close": Text(
        "The eyes lie {apart} pixels apart, {least} are needed.",
        "Check their places; a smaller face cannot be completed.",
    ),
    "hole_off_face": Text(
        "The hole reaches beyond the face.", "Select less; what lies beyond the face can be filled by itself."
    ),
}

_FILES = {
    "weights_unreadable": Text(
        "The weights {file} cannot be read: {why}.", "Fetch the file again and retry."
    ),
    "weights_key": Text(
        "The weights {file} do not fit at “{key}”: {why}.", "Choose the file that belongs to this network."
    ),
    "weights_hash": Text(
        "The weights {file} are not the ones on record: {expected} was expected, {found} found.",
        "Fetch the file again; it was not loaded.",
    ),
    "weights_unsafe": Text(
        "The weights {file} were refused: {why}.",
        "Do not use this file; fetch the weights from their authors.",
    ),
    "weights_name": Text(
        "Weights cannot be named “{name}”.",
        "Use lower-case letters, digits, dots, dashes and underscores, with a letter or digit first.",
    ),
    "weights_name_taken": Text(
        "There are weights named “{name}” already.",
        "Choose another name with --as, or remove the others with “rigatino weights remove”.",
    ),
    "weights_not_imported": Text(
        "There are no imported weights named “{name}”.", "Ask “rigatino weights list” which there are."
    ),
    "weights_damaged": Text(
        "These weights are missing, or not as they were recorded: {names}.",
        "Remove and import them again; where they ship with Rigatino, install it again.",
    ),
    "origin_unknown": Text(
        "Nothing says where weights named “{name}” come from.",
        "Choose one of these: {known}. Or add it to origins.toml in the data folder.",
    ),
    "origin_by_hand": Text(
        "{title}: these weights have no address of their own; {page} links to them.",
        "Fetch the file with a browser, then run “rigatino weights import FILE --as {name}”.",
    ),
    "download_failed": Text(
        "Nothing came, or not all, from {url}: {why}.",
        "Try again later, which goes on from there; or fetch the file with a browser, and import it.",
    ),
    "unknown_system": Text(
        "This version knows no kind of network named “{system}”.", "Use the version that made the file."
    ),
    "arrays_wrong": Text(
        "The arrays in {file} cannot be used: {name} {why}.",
        "Write them with numpy.savez as the network's documentation says.",
    ),
    "unknown_format": Text(
        "The file {file} is of no kind that Rigatino knows.", "Give a file of another kind."
    ),
    "file_exists": Text("The file {file} exists already.", "Choose another name, or allow it with --force."),
    "file_missing": Text("There is no file {file}.", "Check its name and folder."),
    "file_unreadable": Text("The file {file} cannot be read: {why}.", "Check the file and try again."),
    "file_unwritable": Text("The file {file} cannot be written: {why}.", "Choose another place."),
    "deep_picture": Text(
        "The picture {file} has more than 8 bits per channel, of a kind ({mode}) that Rigatino does not fill.",
        "Convert it to 8 or 16 bits, or to 32 bits floating point, per channel first.",
    ),
    "colour_mode": Text(
        "The picture {file} has colours of a kind ({mode}) that Rigatino does not fill.",
        "Convert it to RGB or grey first.",
    ),
    "many_pages": Text(
        "The picture {file} has several pages or frames.", "Save the one that is to be filled by itself."
    ),
    "no_alpha": Text(
        "The picture has transparency, which {file} cannot hold.", "Write a PNG, WebP or TIFF instead."
    ),
    "no_depth": Text(
        "The picture has {depth} per channel, which {file} cannot hold.", "End the name in one of {known}."
    ),
    "unknown_picture_format": Text(
        "The name {file} does not say a picture format that Rigatino writes.", "End it in one of {known}."
    ),
    "folder_missing": Text("There is no folder {folder}.", "Check its name, or make it."),
    "no_photos": Text("There are no photographs in {folders}.", "Name a folder with pictures."),
    "few_photos": Text(
        "{found} photographs of at least {side} pixels were found in {folder}, {wanted} are needed.",
        "Lower --count or --side, or choose another folder.",
    ),
    "evaluation_interrupted": Text(
        "The evaluation was interrupted after {done} of {wanted} photographs.",
        "The tables in {folder} hold those; start it again for all.",
    ),
    "batch_incomplete": Text(
        "{failed} of {total} pictures could not be filled.",
        "{manifest} says why. The same command again goes on with those.",
    ),
    "reports_differ": Text(
        "The report {file} cannot be compared: it was made with other {what}.",
        "Measure all of them anew, or with the settings that the report names.",
    ),
    "features_wrong": Text(
        "The features in {file} cannot be used: {why}.",
        "Write them with numpy.save as an array [N,D] of numbers, of the same shape in both files.",
    ),
    "package_missing": Text(
        "The Python package {package}, which this needs, is not installed.",
        "Install Rigatino with its extra “{extra}”.",
    ),
    "run_exists": Text(
        "The folder {folder} holds a training run already.", "Go on with --resume, or choose another folder."
    ),
    "training_diverged": Text(
        "The training in {folder} came apart: after step {step} it has no more finite gradients or weights.",
        "Begin anew in another folder with a smaller optimiser.rate. "
        "“--set start={weights}” begins with the last checkpoint's weights, where that file is.",
    ),
    "service_unsupported": Text(
        "There is neither systemd nor launchd here to start the daemon when you log in.",
        "Have your system run “rigatino serve” at login, or leave it to GIMP's plug-in to start the daemon.",
    ),
    "service_refused": Text(
        "The service {file} is written, but “{command}” failed: {said}.",
        "Log in to a desktop and run “rigatino service install” there.",
    ),
    "unwell": Text("Rigatino is not well; points that are wrong: {wrong}.", "Each of them says what to do."),
    "gimp_failed": Text(
        "GIMP ({command}) did not finish the demonstration. It said: “{said}”.",
        "Try the plug-in by hand, or name another GIMP with --gimp.",
    ),
}

_PLUG_IN = {
    "selection_empty": Text(
        "Nothing is selected, and the layer is nowhere transparent.", "Select the area that is to be filled."
    ),
    "selection_outside": Text(
        "What is to be filled lies too far from the layer.",
        "Select an area on the layer or at its edge, or raise the context.",
    ),
    "floating_selection": Text("There is a floating selection.", "Anchor it, or make it a layer of its own."),
    "no_layer": Text("No layer is active.", "Choose the layer that is to be filled."),
    "many_layers": Text("Several layers are active.", "Choose one layer."),
    "layer_unclear": Text(
        "A channel is active, and the image has several layers.",
        "Choose the layer that is to be filled; a Quick Mask goes on marking the area.",
    ),
    "not_a_fill": Text(
        "The active layer is no fill of Rigatino's, and none was made for it.",
        "Choose a fill layer or the layer that it was made for.",
    ),
    "another_task": Text(
        "This layer was not made by filling.", "Choose the menu item again that the layer was made with."
    ),
    "one_answer": Text(
        "The network {network} has one answer to a hole, so there are no other candidates.",
        "Choose another network, and fill anew.",
    ),
    "source_gone": Text(
        "The layer that this fill was made for is no longer in the image.",
        "Choose another layer, select the area, and fill it anew.",
    ),
    "source_changed": Text(
        "The layer that this fill was made for has been scaled or cropped since.",
        "Select the area and fill it anew.",
    ),
    "record_unreadable": Text(
        "What this layer remembers of its fill cannot be read.",
        "Select the area and fill it anew, or upgrade Rigatino: a newer version may have made it.",
    ),
    "image_gone": Text("The image was closed while it was being filled.", _NOTHING_CHANGED),
    "layer_gone": Text("The layer was removed while it was being filled.", _NOTHING_CHANGED),
    "layer_resized": Text("The layer was scaled or cropped while it was being filled.", "Fill again."),
    "indexed_image": Text(
        "The image has indexed colours, which a fill cannot use.", "Convert it first: Image > Mode > RGB."
    ),
    "image_converted": Text("The image's mode was changed while it was being filled.", "Fill again."),
    "plug_in_error": Text(
        "Something unforeseen happened in the plug-in: {detail}.", "The image is as it was. Please report it."
    ),
    "plug_in_unwritable": Text(
        "GIMP's plug-in folder {folder} cannot be written to: {why}.",
        "See to it that the folder is yours, then try again.",
    ),
    "gimp_missing": Text(
        "No GIMP 3 was found.", "Start GIMP 3 once, or name its profile folder with --gimp-dir."
    ),
    "command_missing": Text(
        "The plug-in does not know how to start the Rigatino daemon.", "Run “rigatino install-plugin”."
    ),
}

TEXTS: dict[str, Text] = {**_WIRE, **_WAY_TO_THE_DAEMON, **_DAEMON, **_REQUEST, **_FILES, **_PLUG_IN}

# What a reply notes of a fill that came about. The sentence itself travels, and is its own key in the catalogues.
NOTES = {
    "memory_smaller": "Memory was short, so the network saw the hole smaller.",
    "memory_rough": "Memory was short, so the network computed in lower precision.",
    "memory_cpu": "The graphics card's memory was short, so the processor computed.",
    "memory_seam": "Memory was short, so the fill's colours were matched near its rim alone.",
    "soft_face": "The face is larger than the network sees faces, so what fills it is soft.",
    "one_candidate": "This network has one answer for a hole, so there is one candidate.",
    "pixels_alone": "This network came without its discriminator, so the picture was matched by its pixels alone.",
}
