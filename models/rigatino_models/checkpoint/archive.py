"""Zip archives that are sure to be what they say: no bombs, no overlaps, no names that lead elsewhere."""

from __future__ import annotations

import re
import zipfile
from typing import BinaryIO

from rigatino_models.checkpoint.trouble import Unreadable, Unsafe, shown

MOST_ENTRIES = 100_000
MOST_BYTES = 16 * 2**30
SMALL = 16 * 2**20  # bytes that an entry may unpack to without being asked for its ratio
HIGHEST_RATIO = 100  # weights hardly compress at all
LOCAL_HEADER = 30
ABSOLUTE = re.compile(r"([A-Za-z]:)?[/\\]")


def open_archive(file: BinaryIO) -> zipfile.ZipFile:
    """The archive, all its entries checked. Raises Unsafe, or BadZipFile and the like for a damaged one."""
    archive = zipfile.ZipFile(file)
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise Unsafe("it unpacks to more than weights need")
    for entry in entries:
        _check(entry)
    if len({entry.filename for entry in entries}) < len(entries):
        raise Unsafe("it holds two entries of the same name")
    _check_places(entries, archive.start_dir)
    return archive


def _check(entry: zipfile.ZipInfo) -> None:
    name = shown(entry.filename)
    if ABSOLUTE.match(entry.filename) or ".." in re.split(r"[/\\]", entry.filename):
        raise Unsafe(f"its entry “{name}” leads outside the archive")
    if entry.flag_bits & 1:
        raise Unreadable("it is encrypted")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unreadable(f"its entry “{name}” is compressed in a way that is not supported")
    if entry.file_size > SMALL and entry.file_size > HIGHEST_RATIO * entry.compress_size:
        raise Unsafe(f"its entry “{name}” unpacks to {entry.file_size} bytes from {entry.compress_size}")


def _check_places(entries: list[zipfile.ZipInfo], end: int) -> None:
    """No entry may reach into the next one: overlapping entries unpack the same bytes again and again."""
    ordered = sorted(entries, key=lambda entry: entry.header_offset)
    limits = [entry.header_offset for entry in ordered[1:]] + [end]
    for entry, limit in zip(ordered, limits, strict=True):
        if entry.header_offset + LOCAL_HEADER + len(entry.orig_filename) + entry.compress_size > limit:
            raise Unsafe(f"its entry “{shown(entry.filename)}” overlaps another")
