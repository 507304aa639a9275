"""A web server on this machine whose manners can be chosen, for downloads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ETAG = '"one"'
Manner = Callable[["Answer", bytes], None]


class Answer(BaseHTTPRequestHandler):
    """One request's answer; the site's manner gives it."""

    server: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, {key.lower(): text for key, text in self.headers.items()}))
        self.close_connection = True
        self.server.manner(self, self.server.content)

    def say(self, code: int, body: bytes = b"", length: int | None = None, **headers: str) -> None:
        """Status, headers (underscores become dashes) and body; `length` is what Content-Length claims."""
        self.send_response(code)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Connection", "close")
        for key, text in headers.items():
            self.send_header(key.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(body)

    def first(self) -> int:
        """The byte that the request asks to begin with."""
        return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Site(ThreadingHTTPServer):
    """The server: what it has, how it gives it, what it was asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, content: bytes, manner: Manner) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.content, self.manner = content, manner
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        """Where the file is."""
        return f"http://127.0.0.1:{self.server_port}/weights.pth"

    @property
    def ranges(self) -> list[str]:
        """What part each request asked for."""
        return [headers.get("range", "") for _, headers in self.seen]


@contextmanager
def serve(content: bytes, manner: Manner) -> Iterator[Site]:
    """A running site."""
    with Site(content, manner) as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield site
        finally:
            site.closing.set()
            site.shutdown()
            thread.join()


def plain(answer: Answer, content: bytes) -> None:
    """As most servers do: whole, or from where it is asked to, unless the file is another one since."""
    first, stale = answer.first(), answer.headers.get("If-Range", ETAG) != ETAG
    if first >= len(content) and not stale:
        answer.say(416, Content_Range=f"bytes */{len(content)}")
    elif first and not stale:
        span = f"bytes {first}-{len(content) - 1}/{len(content)}"
        answer.say(206, content[first:], ETag=ETAG, Content_Range=span)
    else:
        answer.say(200, content, ETag=ETAG)


def breaking(after: int) -> Manner:
    """Breaks off once so many bytes of each answer are sent."""

    def manner(answer: Answer, content: bytes) -> None:
        first = answer.first()
        end = min(first + after, len(content))
        span = f"bytes {first}-{len(content) - 1}/{len(content)}"
        whole = len(content) - first
        if first:
            answer.say(206, content[first:end], whole, ETag=ETAG, Content_Range=span)
        else:
            answer.say(200, content[:end], whole, ETag=ETAG)

    return manner


def deaf_to_ranges(broken: int) -> Manner:
    """Sends all of it each time; the first `broken` times it breaks off in the middle."""

    def manner(answer: Answer, content: bytes) -> None:
        cut = len(answer.server.seen) <= broken
        answer.say(200, content[: len(content) // 2] if cut else content, len(content), ETag=ETAG)

    return manner


def stalling(answer: Answer, content: bytes) -> None:
    """Half of it, then nothing, and the connection stays open."""
    answer.say(200, content[: len(content) // 2], len(content), ETag=ETAG)
    answer.wfile.flush()
    answer.server.closing.wait(20)


def saying(code: int, body: bytes = b"", length: int | None = None, **headers: str) -> Manner:
    """Always the same."""
    return lambda answer, content: answer.say(code, body, length, **headers)
