"""The tests read English, whatever language their desktop has; it must be said before anything of ours is imported."""

from __future__ import annotations

import os

os.environ["LANGUAGE"] = "en"
