"""Changing what a picture shows with a network that makes pictures: paint classes, transplant parts."""

from __future__ import annotations

from rigatino.editing.editor import Editor

__all__ = ["Editor"]
