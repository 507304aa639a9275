"""From any file of weights to a network: the system is told from the keys, hyper-parameters from shapes or metadata.

One module per system (see rigatino_models.registry.SYSTEMS) knows the layouts that its originals use.
"""

from __future__ import annotations

from rigatino_models.convert.weights import Weights, load, read, save

__all__ = ["Weights", "load", "read", "save"]
