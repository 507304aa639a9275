"""What an original's training settings say that its weights do not show.

Widths, blocks and ratios are told from the shapes. A few settings change what the network computes and leave
no trace in the weights: those are looked up, in the config.yaml beside the checkpoint or in the checkpoint's
own copy, and anything but the published value is refused. The YAML that OmegaConf writes has one `key:
value` a line; a line of another kind is passed over, so no YAML parser is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rigatino_models.checkpoint.pickles import Inert
from rigatino_models.checkpoint.trouble import Misfit, shown

# Setting of the generator -> the values that mean what our networks do, as YAML writes them.
SUPPORTED = {
    "kind": ("ffc_resnet", "pix2pixhd_global"),
    "add_out_act": ("sigmoid",),
    "padding_type": ("reflect",),
    "padding_mode": ("reflect",),
    "norm_layer": ("bn",),
    "up_norm_layer": ("bn",),
    "conv_kind": ("default",),
    "deconv_kind": ("convtranspose",),
    "dilation": ("1",),
    "second_dilation": ("1", "null"),
    "groups": ("1",),
    "fft_norm": ("ortho",),
    "spatial_scale_factor": ("null",),
    "spatial_transform_layers": ("null",),
    "spatial_transform_kwargs": ("null", "{}"),
    "spectral_pos_encoding": ("false",),
    "use_se": ("false",),
    "ffc3d": ("false",),
    "gated": ("false",),
    "out_ffc": ("false",),
    "affine": ("null", "true"),
}
LINE = re.compile(r"( *)([\w.-]+):(?: +(.*))?")
DEEPEST = 8  # objects around one value
MOST_SETTINGS = 10_000
LONGEST_SETTING = 1_000  # characters of a setting's name with all above it


def check_settings(config_yaml: str, hyper_parameters: Any) -> None:
    """Raise Misfit for a generator that computes something else than ours."""
    stated = [*_from_yaml(config_yaml), *_from_object(hyper_parameters)]
    for name, value in stated:
        key = name.rsplit(".", 1)[-1]
        if key in SUPPORTED and value not in SUPPORTED[key]:
            raise Misfit(f"generator.{name}", f"“{shown(value)}” is not supported")


def _from_yaml(text: str) -> Iterator[tuple[str, str]]:
    """(name with dots, value) of the simple lines below `generator:`."""
    parents: list[tuple[int, str]] = []
    inside = False
    for line in text.splitlines():
        found = LINE.fullmatch(line.rstrip())
        if not found:
            continue
        indent, key, value = len(found[1]), found[2], _scalar(found[3] or "")
        if indent == 0:
            inside, parents = key == "generator", []
        elif inside:
            parents = [parent for parent in parents if parent[0] < indent]
            if value:
                yield ".".join([*(name for _, name in parents), key]), value
            else:
                parents.append((indent, key))


def _from_object(settings: Any) -> Iterator[tuple[str, str]]:
    """(name with dots, value) of the scalars below `generator` in a tree of dicts and OmegaConf objects."""
    inside = _inside(settings)
    pending: list[tuple[str, Any]] = [("", inside.get("generator") if isinstance(inside, dict) else None)]
    for _ in range(MOST_SETTINGS):
        if not pending:
            return
        name, value = pending.pop()
        value = _inside(value)
        if len(pending) > MOST_SETTINGS or len(name) > LONGEST_SETTING:
            break
        if isinstance(value, dict):
            pending.extend((f"{name}.{key}" if name else str(key), part) for key, part in value.items())
        elif value is None or isinstance(value, str | bool | int | float):
            yield name, _scalar("null" if value is None else str(value))
    raise Misfit("hyper_parameters", "there are too many of them")


def _inside(value: Any) -> Any:
    """What an OmegaConf object holds: a container its `_content`, a node its `_val`."""
    for _ in range(DEEPEST):
        if not isinstance(value, Inert):
            break
        state = value.state if isinstance(value.state, dict) else {}
        value = state.get("_content", state.get("_val", dict(_named(value.pairs))))
    return value


def _named(pairs: list[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in pairs if isinstance(key, str))


def _scalar(text: str) -> str:
    """A YAML scalar without comment and quotes, and without the case of true, false and null."""
    text = re.sub(r"(^|\s)#.*", "", text).strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    lower = text.lower()
    return {"none": "null", "~": "null"}.get(lower, lower)
