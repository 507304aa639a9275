"""The daemon's log: one rotating file in the runtime folder. It holds no pixels and no keys."""

from __future__ import annotations

import logging
import os
import stat
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

NAME = "daemon.log"
SIZE = 1 << 20  # bytes of one file
KEPT = 3
FORMAT = "%(asctime)s %(levelname)s %(message)s"


def open_log(runtime: Path) -> Path:
    """Directs the program's log to a file in the runtime folder, which is returned, and to stderr.

    Raises OSError.
    """
    path = runtime / NAME
    handlers: list[logging.Handler] = [
        RotatingFileHandler(path, maxBytes=SIZE, backupCount=KEPT, encoding="utf-8")
    ]
    if _is_read():
        handlers.append(logging.StreamHandler())
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    for handler in handlers:
        handler.setFormatter(logging.Formatter(FORMAT))
        root.addHandler(handler)
    return path


def _is_read() -> bool:
    """Whether stderr leads to a terminal or a pipe: a plain file would grow without end."""
    try:
        return not stat.S_ISREG(os.fstat(sys.stderr.fileno()).st_mode)
    except (AttributeError, OSError, ValueError):  # there is no stderr
        return False
