"""A file fetched over HTTP: in pieces where the connection breaks off, and never more than was announced."""

from __future__ import annotations

import http.client
import re
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from rigatino.atomic import why
from rigatino_wire import __version__
from rigatino_wire.errors import Failure

LARGEST = 16 * 2**30  # bytes; no weights have more
PIECE = 2**18
SCHEMES = ("http", "https")
PAGE = ("text/html", "application/xhtml+xml")
AGAIN = {408, 425, 429, 500, 502, 503, 504}

Progress = Callable[[int, int], None]  # (bytes there, bytes in all; 0 = not told)


@dataclass(frozen=True)
class Patience:
    """When to give up: `seconds` without a byte are a dead connection; `tries` in a row brought nothing.

    pause: seconds between two tries, more after each in a row.
    """

    seconds: float = 30.0
    tries: int = 4
    pause: float = 1.0


class Broken(Exception):
    """This try came to nothing, the next may not; the text says why."""


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections, but never from https to anything less."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """The request for the new address; Failure download_failed for one that is not safe."""
        scheme = urlsplit(newurl).scheme
        if scheme not in SCHEMES or (req.type == "https" and scheme != "https"):
            fp.close()
            raise _failed(req.full_url, f"it leads to {newurl}, which is no secure address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(
    url: str,
    target: Path,
    progress: Progress,
    size: int = 0,
    trusted: bool = False,
    patience: Patience | None = None,
) -> None:
    """Fetch a file, going on with what an earlier call left at `target`. A proxy is taken from the environment.

    size: bytes that it must have, 0 = not known. trusted: its hash is checked afterwards, so that a part may be gone on
    with even where the server does not say whether the file has changed since.
    Raises Failure download_failed, file_unwritable; what has come so far stays.
    """
    patience = patience or Patience()
    part = Part(url, target, size, trusted)
    failures = 0
    while True:
        before = part.size()
        try:
            part.go_on(progress, patience.seconds)
            return
        except Broken as trouble:
            failures = 0 if part.size() >= before + PIECE else failures + 1
            if failures >= patience.tries:
                raise _failed(url, str(trouble)) from trouble
        except OSError as error:
            raise Failure("file_unwritable", file=str(target), why=why(error)) from error
        time.sleep(patience.pause * failures)


def discard(target: Path) -> None:
    """Take away what `download` left at `target`."""
    Part("", target, 0, False).start_over()


class Part:
    """What there is of a file so far, and the server's mark of which state of the file it belongs to."""

    def __init__(self, url: str, path: Path, wanted: int, trusted: bool) -> None:
        self.url, self.path, self.wanted, self.trusted = url, path, wanted, trusted
        self.mark = path.with_name(f"{path.name}.mark")

    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def go_on(self, progress: Progress, seconds: float) -> None:
        """Ask for what is missing. Raises Broken, Failure, and OSError where the disk is at fault."""
        mark = self._mark()
        if not (mark or self.trusted):
            self.start_over()
        have = self.size()
        headers = {"Range": f"bytes={have}-"} if have else {}
        if have and mark:
            headers["If-Range"] = mark
        try:
            response = _opened(self.url, headers, seconds)
        except HTTPError as error:
            with error:
                self._refused(error, have)
            return
        except URLError as error:
            reason = f"there is no way to {urlsplit(self.url).netloc} ({_reason(error)})"
            raise Broken(reason) if have else _failed(self.url, reason) from None
        with response:
            self._take(response, have, progress)

    def start_over(self) -> None:
        """Nothing is there."""
        self.path.unlink(missing_ok=True)
        self.mark.unlink(missing_ok=True)

    def _refused(self, error: HTTPError, have: int) -> None:
        """An answer without the file: all is there already, or the next try may do better, or neither."""
        if error.code == 416 and have and _span(error.headers) == (None, have):
            self._check_size(have, self.wanted or have, exact=True)
            return
        said = f"the server answers {error.code} {' '.join(str(error.reason).split())}"
        if error.code == 416 and have:
            self.start_over()
        elif error.code not in AGAIN:
            raise _failed(self.url, said) from None
        raise Broken(said) from None

    def _take(self, response: http.client.HTTPResponse, have: int, progress: Progress) -> None:
        """Append what the server sends to the `have` bytes there, or begin anew where it sends all."""
        first, total = _span(response.headers) if response.status == 206 else (0, 0)
        if response.status == 206 and (first != have or self._changed(response)):
            self.start_over()
            raise Broken("it sends another part than the one asked for")
        if response.status != 206:
            self._check_kind(response)
            self.start_over()
            have = 0
        length = _number(response.headers.get("Content-Length"))
        total = total or (have + length if length else 0)
        self._check_size(total, self.wanted or LARGEST)
        self.mark.write_text(_mark(response.headers), "ascii")
        with self.path.open("ab") as file:
            while piece := _piece(response):
                have += len(piece)
                self._check_size(have, self.wanted or total or LARGEST)
                file.write(piece)
                progress(have, total)
        if have < total:
            raise Broken("the connection broke off")
        self._check_size(have, self.wanted or have, exact=True)

    def _changed(self, response: http.client.HTTPResponse) -> bool:
        """Whether a part is of another state of the file than what is there: not all servers heed If-Range."""
        return self._mark() not in ("", _mark(response.headers))

    def _mark(self) -> str:
        return self.mark.read_text("ascii") if self.mark.exists() else ""

    def _check_kind(self, response: http.client.HTTPResponse) -> None:
        if response.headers.get_content_type() in PAGE:
            raise _failed(self.url, "a web page comes instead of the file")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise _failed(self.url, "it comes packed in a way that was not asked for")

    def _check_size(self, size: int, expected: int, exact: bool = False) -> None:
        """Raise Failure, and keep nothing, where there are more bytes than expected, or another number of them."""
        if size > expected or (exact and size < expected):
            self.start_over()
            raise _failed(self.url, f"it has {size} bytes where {expected} are expected")


def _opened(url: str, headers: Mapping[str, str], seconds: float) -> http.client.HTTPResponse:
    """The server's answer. Raises Broken, Failure, URLError (HTTPError is one).

    Cookies live as long as the request, for addresses that set one and lead on.
    """
    own = {"User-Agent": f"rigatino/{__version__}", "Accept-Encoding": "identity"}
    try:
        if urlsplit(url).scheme not in SCHEMES:
            raise ValueError
        request = urllib.request.Request(url, headers={**own, **headers})
        opener = urllib.request.build_opener(Redirects, urllib.request.HTTPCookieProcessor)
        response: http.client.HTTPResponse = opener.open(request, timeout=seconds)
    except (ValueError, http.client.InvalidURL):
        raise _failed(url, "it is no address of http or https") from None
    except URLError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise Broken(_broke(error)) from error
    return response


def _piece(response: http.client.HTTPResponse) -> bytes:
    """What has come, b"" at the end. Raises Broken."""
    try:
        return response.read1(PIECE)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Broken(_broke(error)) from error


def _broke(error: Exception) -> str:
    return "nothing came for too long" if isinstance(error, TimeoutError) else "the connection broke off"


def _reason(error: URLError) -> str:
    reason = error.reason
    return (reason.strerror or str(reason)) if isinstance(reason, OSError) else str(reason)


def _mark(headers: Message) -> str:
    """What tells two states of a file apart: a strong ETag, else the time of its last change, else ""."""
    tag = str(headers.get("ETag", ""))
    mark = tag if tag.startswith('"') else str(headers.get("Last-Modified", ""))
    return mark if mark.isascii() and mark.isprintable() else ""


def _span(headers: Message) -> tuple[int | None, int]:
    """Of Content-Range, the first byte (None in an answer without bytes) and the size of all (0 = not told)."""
    stated = str(headers.get("Content-Range", ""))
    found = re.fullmatch(r"bytes (?:(\d{1,30})-\d{1,30}|\*)/(\d{1,30}|\*)", stated)
    return (_number(found[1]), _number(found[2]) or 0) if found else (None, 0)


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"\d{1,30}", text, re.ASCII) else None


def _failed(url: str, reason: str) -> Failure:
    """The failure; servers may say what they like, so control characters are taken out."""
    return Failure("download_failed", url=url, why="".join(filter(str.isprintable, reason)))
