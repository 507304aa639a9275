"""From any file of weights to a network: its system is told from the keys, its size from shapes or metadata.

One module per system (see rigatino_models.registry.SYSTEMS) knows the layouts that its originals use.
"""

from __future__ import annotations

from rigatino_models.convert.weights import Weights, digest, load, read, save

__all__ = ["Weights", "digest", "load", "read", "save"]
