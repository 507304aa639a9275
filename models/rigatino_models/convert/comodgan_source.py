"""What a TensorFlow pickle says of its network besides the weights: settings, and a source that is only read.

The public pickles carry the source that they were trained with, and it is not the published one. Whether the encoder's
4x4 features are added to the first map leaves no trace in the weights, so the source is looked at: parsed into a syntax
tree, never compiled and never run.
"""

from __future__ import annotations

import ast
import re
import reprlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from rigatino_models.checkpoint.trouble import Misfit, shown

# Settings that leave no trace in the weights -> the values that mean what our network does.
SUPPORTED: dict[str, tuple[Any, ...]] = {
    "architecture": ("skip",),
    "nonlinearity": ("lrelu",),
    "mapping_nonlinearity": ("lrelu",),
    "mapping_lrmul": (0.01,),
    "normalize_latents": (True,),
    "resample_kernel": ([1, 3, 3, 1], (1, 3, 3, 1)),
    "style_mod": (True,),
    "cond_mod": (True,),
    "noise_injection": (True,),
    "label_size": (0,),
}
FIRST = (2, 4, "4x4", "4")  # how a source may number the 4x4 features
FEATURES = re.compile(r"feat|skip", re.IGNORECASE)
COMMENT = re.compile(r"#.*")
# Names are bounded, or a line of a million letters would be gone through a million times.
TEXTUAL = re.compile(r"\+=?\s*\w{0,40}(feat|skip)\w{0,40}\s*\[\s*['\"]?(2|4|4x4)['\"]?\s*\]", re.IGNORECASE)


def check_settings(settings: Mapping[Any, Any]) -> None:
    """Raise Misfit for a generator that computes something else than ours."""
    for name, values in SUPPORTED.items():
        if name in settings and settings[name] not in values:
            raise Misfit(name, f"“{_short(settings[name])}” is not supported")


def _short(value: Any) -> str:
    """A setting as a sentence may show it; nested ones may be endless."""
    return shown(value if isinstance(value, str) else reprlib.repr(value))


def decide_skip4(source: str) -> tuple[bool, str]:
    """Whether the 4x4 features are added, and the sentence that says how that was found."""
    if not source.strip():
        return True, "added, as in the published code: the file carries no source"
    if _adds_first(source):
        return True, "added: the source in the file adds them"
    return False, "not added: the source in the file does not add them"


def _adds_first(source: str) -> bool:
    """Whether the 4x4 features are a term of a sum somewhere in a source."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of a source that is not ours
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return any(TEXTUAL.search(COMMENT.sub("", line)) for line in source.splitlines())
    return any(map(_is_first, _terms(tree)))


def _terms(tree: ast.AST) -> Iterator[ast.expr]:
    """All that a source adds to something: x + term, x += term, tf.add(x, term)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            yield from (node.left, node.right)
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
            yield node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add":
            yield from node.args


def _is_first(term: ast.expr) -> bool:
    """Whether a term is the features' entry of the 4x4 stage."""
    if not isinstance(term, ast.Subscript) or not isinstance(term.slice, ast.Constant):
        return False
    named = isinstance(term.value, ast.Name) and FEATURES.search(term.value.id) is not None
    return named and term.slice.value in FIRST
