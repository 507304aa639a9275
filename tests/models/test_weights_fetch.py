"""Weights fetched from a server that behaves, and from ones that do not."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import web
from filelock import FileLock
from lama_reference import Shape, State
from model_support import Run

from rigatino import origins, weights
from rigatino.download import LARGEST, Patience, download
from rigatino.origins import Origin
from rigatino_models.collage import spec as collage
from rigatino_models.convert import comodgan
from rigatino_models.convert.known import KNOWN
from rigatino_models.dfnet import spec as dfnet
from rigatino_models.gfc import spec as gfc
from rigatino_models.pic import spec as pic
from rigatino_wire.errors import Failure

QUICK = Patience(seconds=0.5, tries=3, pause=0.0)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def content(tmp_path: Path, tiny: tuple[Shape, State]) -> bytes:
    """A file of weights."""
    torch.save(tiny[1], tmp_path / "weights.pth")
    return (tmp_path / "weights.pth").read_bytes()


def origin(url: str | list[str], content: bytes = b"", **facts: object) -> Origin:
    """The row of a table for these addresses; with its hash where there is content."""
    known = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)} if content else {}
    urls = (url,) if isinstance(url, str) else tuple(url)
    return Origin("tiny", "A tiny network", "CC0", urls, **{**known, **facts})  # type: ignore[arg-type]


def fetch(row: Origin) -> weights.Entry:
    return origins.fetch(row, lambda there, total: None, patience=QUICK)


def left(folder: Path) -> list[str]:
    """What lies in the folder of downloads, locks aside."""
    return sorted(file.name for file in (folder / "downloads").glob("*") if file.suffix != ".lock")


def table(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "origins.toml").write_text(text, "utf-8")


def test_what_is_in_the_table_can_be_fetched_by_name(content: bytes, own_data_folder: Path, run: Run) -> None:
    with web.serve(content, web.plain) as site:
        facts = f'title = "Tiny"\nlicence = "CC BY 4.0"\nurls = ["{site.url}"]\n'
        table(own_data_folder, f"[tiny]\n{facts}")
        assert "tiny" in [row["name"] for row in json.loads(run("weights", "fetch", "--json").stdout)]
        done = run("weights", "fetch", "tiny")
    assert done.exit_code == 0, done.output
    assert "CC BY 4.0" in done.stderr  # before it is fetched
    assert "licence: CC BY 4.0" in done.stdout
    entry = weights.locate("tiny")
    assert entry.spec.weights_licence == "CC BY 4.0"
    assert entry.source["address"] == site.url
    assert entry.source["file"] == "weights.pth"
    assert entry.source["sha256"] == hashlib.sha256(content).hexdigest()
    assert left(own_data_folder) == []
    assert weights.inspect(entry.path)["licence"] == "CC BY 4.0"  # a copy of the file says so too
    again = run("weights", "fetch", "tiny")
    assert again.exit_code == 1
    assert "already" in again.stderr
    assert run("weights", "fetch", "tiny", "--as", "../x").exit_code == 1


def test_progress_is_told(content: bytes, own_data_folder: Path) -> None:
    told: list[tuple[int, int]] = []
    with web.serve(content, web.plain) as site:
        origins.fetch(origin(site.url), lambda there, total: told.append((there, total)), patience=QUICK)
    assert told[-1] == (len(content), len(content))
    assert told == sorted(told)


@pytest.mark.parametrize("hashed", [True, False])
def test_a_connection_that_breaks_off_is_gone_on_with(
    content: bytes, own_data_folder: Path, hashed: bool
) -> None:
    step = len(content) // 3 + 1
    with web.serve(content, web.breaking(step)) as site:
        fetch(origin(site.url, content if hashed else b""))
    assert site.ranges == ["", f"bytes={step}-", f"bytes={2 * step}-"]
    assert weights.locate("tiny").source["sha256"] == hashlib.sha256(content).hexdigest()


def test_another_day_goes_on_where_this_one_ended(content: bytes, own_data_folder: Path) -> None:
    with web.serve(content, web.breaking(1000)) as site:
        with pytest.raises(Failure, match="broke off") as caught:
            fetch(origin(site.url))
        assert caught.value.code == "download_failed"
        assert len(left(own_data_folder)) == 2  # the part, and the mark of its state
        site.manner, asked = web.plain, len(site.seen)
        fetch(origin(site.url))
    assert site.ranges[asked:] == ["bytes=3000-"]
    assert site.seen[asked][1]["if-range"] == web.ETAG
    assert left(own_data_folder) == []


def test_a_file_that_changed_meanwhile_begins_anew(
    content: bytes, own_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web.serve(b"x" * len(content), web.breaking(1000)) as site:
        with pytest.raises(Failure):
            fetch(origin(site.url))
        site.content, site.manner = content, web.plain
        monkeypatch.setattr(web, "ETAG", '"two"')
        fetch(origin(site.url))
    assert weights.locate("tiny").source["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_finished_download_is_not_fetched_twice(content: bytes, own_data_folder: Path) -> None:
    """All is there, but it was not imported: the server says that nothing is missing."""
    row_file = own_data_folder / "downloads"
    with web.serve(content, web.plain) as site:
        row_file.mkdir(parents=True)
        part = row_file / "part"
        download(site.url, part, lambda there, total: None)
        download(site.url, part, lambda there, total: None)
        assert part.read_bytes() == content
        assert site.ranges == ["", f"bytes={len(content)}-"]


def test_servers_that_know_no_ranges(content: bytes, own_data_folder: Path) -> None:
    with web.serve(content, web.deaf_to_ranges(1)) as site:
        fetch(origin(site.url))
    assert len(site.seen) == 2
    with web.serve(content, web.deaf_to_ranges(99)) as site, pytest.raises(Failure, match="broke off"):
        fetch(Origin("other", "Another", "CC0", (site.url,)))
    assert len(site.seen) == QUICK.tries


def test_another_part_than_asked_for_is_not_taken(content: bytes, own_data_folder: Path) -> None:
    def shifted(answer: web.Answer, data: bytes) -> None:
        if answer.first():
            answer.say(206, data[7:], ETag=web.ETAG, Content_Range=f"bytes 7-{len(data) - 1}/{len(data)}")
        else:
            web.breaking(1000)(answer, data)

    with web.serve(content, shifted) as site, pytest.raises(Failure) as caught:
        fetch(origin(site.url, content))
    assert caught.value.code == "download_failed"
    assert site.ranges == ["", "bytes=1000-", ""]


@pytest.mark.parametrize("hashed", [True, False])
def test_servers_that_send_parts_of_another_file(content: bytes, own_data_folder: Path, hashed: bool) -> None:
    """They do not heed If-Range; nothing is patched together."""

    def careless(answer: web.Answer, data: bytes) -> None:
        first = answer.first()
        if not answer.server.seen[1:]:
            web.breaking(1000)(answer, b"x" * len(data))
        elif first:
            span = f"bytes {first}-{len(data) - 1}/{len(data)}"
            answer.say(206, data[first:], ETag='"two"', Content_Range=span)
        else:
            web.plain(answer, data)

    with web.serve(content, careless) as site:
        fetch(origin(site.url, content if hashed else b""))
    assert site.ranges == ["", "bytes=1000-", ""]


def test_two_do_not_fetch_the_same_at_once(content: bytes, own_data_folder: Path) -> None:
    folder = own_data_folder / "downloads"
    folder.mkdir(parents=True)
    with web.serve(content, web.plain) as site:
        with FileLock(folder / "tiny.lock"), pytest.raises(Failure, match="another process"):
            fetch(origin(site.url))
        (folder / "tiny.lock").unlink(missing_ok=True)
        (folder / "tiny.lock").mkdir()
        with pytest.raises(Failure) as caught:
            fetch(origin(site.url))
        assert caught.value.code == "file_unwritable"
    assert site.seen == []


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (lambda size: size + 100, "broke off"),
        (lambda size: size // 2, "where"),
        (lambda size: 2**60, "where"),
    ],
)
def test_lies_about_the_length(
    content: bytes, own_data_folder: Path, claim: Callable[[int], int], words: str
) -> None:
    """Too long a claim never ends well, too short a one gives too little, an absurd one is not begun."""
    with (
        web.serve(content, web.saying(200, content, claim(len(content)))) as site,
        pytest.raises(Failure, match=words),
    ):
        fetch(origin(site.url, content if words == "where" else b""))
    assert not (own_data_folder / "weights").exists()


def test_an_absurd_length_is_refused_without_knowing_better(content: bytes, own_data_folder: Path) -> None:
    with (
        web.serve(content, web.saying(200, b"", LARGEST + 1)) as site,
        pytest.raises(Failure, match="are expected"),
    ):
        fetch(origin(site.url))
    assert left(own_data_folder) == []


def test_a_length_too_short_without_a_known_one(content: bytes, own_data_folder: Path) -> None:
    """Half of the file looks whole, until it is read."""
    with (
        web.serve(content, web.saying(200, content, len(content) // 2)) as site,
        pytest.raises(Failure) as caught,
    ):
        fetch(origin(site.url))
    assert caught.value.code == "weights_unreadable"
    assert left(own_data_folder) == []


def test_a_wrong_file_is_refused_and_not_kept(content: bytes, own_data_folder: Path) -> None:
    wrong = bytes(reversed(content))
    with web.serve(wrong, web.plain) as site:
        with pytest.raises(Failure) as caught:
            fetch(origin(site.url, content))
        assert caught.value.code == "weights_hash"
        with pytest.raises(Failure) as caught:
            fetch(origin(site.url))
        assert caught.value.code == "unknown_format"
    assert left(own_data_folder) == []
    assert not (own_data_folder / "weights").exists()


def test_the_next_address_is_tried(content: bytes, own_data_folder: Path) -> None:
    with web.serve(content, web.saying(404)) as gone, web.serve(b"wrong" * 9, web.plain) as other:
        with web.serve(content, web.plain) as site:
            fetch(origin([gone.url, other.url, site.url], content, bytes=0))
        assert len(gone.seen) == len(other.seen) == 1
    assert weights.locate("tiny").source["address"] == site.url


def test_the_next_address_is_tried_where_no_hash_tells_the_file(
    content: bytes, own_data_folder: Path
) -> None:
    with web.serve(b"no weights" * 9, web.plain) as other, web.serve(content, web.plain) as site:
        with pytest.raises(Failure) as caught:
            fetch(origin([other.url, other.url + "/again"]))
        assert caught.value.code == "unknown_format"
        fetch(origin([other.url, site.url]))
        assert weights.locate("tiny").source["address"] == site.url
    assert left(own_data_folder) == []


def test_silence_ends_in_a_sentence(content: bytes, own_data_folder: Path) -> None:
    with web.serve(content, web.stalling) as site, pytest.raises(Failure, match="nothing came for too long"):
        fetch(origin(site.url))


@pytest.mark.parametrize(
    ("manner", "words", "asked"),
    [
        (web.saying(404), "404", 1),
        (web.saying(403), "403", 1),
        (web.saying(503), "503", QUICK.tries),
        (web.saying(200, b"<html>", Content_Type="text/html; charset=utf-8"), "web page", 1),
        (web.saying(200, b"x", Content_Encoding="gzip"), "packed", 1),
        (web.saying(302, Location="file:///etc/passwd"), "not allowed", 1),
        (web.saying(302, Location="ftp://127.0.0.1/x"), "no secure address", 1),
        (web.saying(302, Location="/weights.pth"), "302", 5),
    ],
)
def test_answers_that_are_no_file(manner: web.Manner, words: str, asked: int, own_data_folder: Path) -> None:
    with web.serve(b"", manner) as site, pytest.raises(Failure, match=words) as caught:
        fetch(origin(site.url))
    assert caught.value.code == "download_failed"
    assert "\n" not in str(caught.value)
    assert len(site.seen) == asked
    assert left(own_data_folder) == []


def test_control_characters_of_a_server_reach_no_terminal(own_data_folder: Path) -> None:
    def loud(answer: web.Answer, data: bytes) -> None:
        answer.send_response(404, "\x1b[2Jgone")
        answer.end_headers()

    with web.serve(b"", loud) as site, pytest.raises(Failure, match="gone") as caught:
        fetch(origin(site.url))
    assert str(caught.value).isprintable()


def test_offline_is_a_sentence(own_data_folder: Path, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    table(own_data_folder, f'[tiny]\ntitle = "T"\nlicence = "L"\nurls = ["http://127.0.0.1:{port}/x"]\n')
    done = run("weights", "fetch", "tiny")
    assert done.exit_code == 1
    assert f"there is no way to 127.0.0.1:{port}" in done.stderr
    assert "browser" in done.stderr


def test_a_proxy_is_asked(content: bytes, own_data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with web.serve(content, web.plain) as site:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{site.server_port}")
        fetch(origin("http://weights.invalid/some/file.pth"))
    assert site.seen[0][0] == "http://weights.invalid/some/file.pth"


def test_cookies_on_the_way_are_kept(content: bytes, own_data_folder: Path) -> None:
    def guarded(answer: web.Answer, data: bytes) -> None:
        if "pass=1" in answer.headers.get("Cookie", ""):
            web.plain(answer, data)
        else:
            answer.say(302, Location="/weights.pth?again", Set_Cookie="pass=1; Path=/")

    with web.serve(content, guarded) as site:
        fetch(origin(site.url, content))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of this machine's own with its key."""
    file = tmp_path / "own.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    paths = [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(file),
        "-out",
        str(tmp_path / "cert.pem"),
    ]
    try:
        subprocess.run(["openssl", *words.split(), *paths], check=True, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("there is no openssl to make a certificate with")
    file.write_text(file.read_text() + (tmp_path / "cert.pem").read_text())
    return file


def test_https_is_not_left_for_http(
    content: bytes, own_data_folder: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with web.serve(content, web.plain) as bare, web.serve(content, web.plain) as site:
        site.socket = context.wrap_socket(site.socket, server_side=True)
        url = site.url.replace("http:", "https:")
        with pytest.raises(Failure, match="certificate"):
            fetch(origin(url))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        site.manner = web.saying(302, Location=bare.url)
        with pytest.raises(Failure, match="no secure address"):
            fetch(origin(url))
        assert bare.seen == []
        site.manner = lambda answer, _: os.write(answer.connection.fileno(), b"no TLS" * 9) and None
        with pytest.raises(Failure, match="broke off") as caught:
            fetch(origin(url))
        assert caught.value.code == "download_failed"
        site.manner = web.plain
        fetch(origin(url))


def test_weights_without_an_address_are_fetched_by_hand(own_data_folder: Path, run: Run) -> None:
    done = run("weights", "fetch", "pic")
    assert done.exit_code == 1
    assert "https://github.com/lyndonzheng/Pluralistic-Inpainting" in done.stderr
    assert "rigatino weights import" in done.stderr
    unknown = run("weights", "fetch", "nonesuch")
    assert unknown.exit_code == 1
    assert "big-lama" in unknown.stderr


def test_the_shipped_table_is_sound() -> None:
    rows = origins.known()
    assert all(url.startswith("https://") for row in rows.values() for url in (*row.urls, row.by_hand) if url)
    licences = {"pic": pic.LICENCE, "dfnet": dfnet.LICENCE, "gfc": gfc.LICENCE, "collage": collage.LICENCE}
    licences |= {name: comodgan.LICENCE for name in rows if name.startswith("comodgan")}
    licences |= {known.name: known.licence for known in KNOWN}
    assert {name: rows[name].licence for name in licences} == licences


def test_the_users_table_goes_first(own_data_folder: Path) -> None:
    table(own_data_folder, '[big-lama]\ntitle = "Mine"\nlicence = "CC0"\nurls = ["https://example.org/x"]\n')
    rows = origins.known()
    assert rows["big-lama"].title == "Mine"
    assert rows["anime-lama"].title.startswith("Big-LaMa")


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        "[x",
        '["../x"]\ntitle = "T"\nlicence = "L"\nurls = ["https://e.org"]',
        '[x]\ntitle = "T"\nlicence = "L"',
        '[x]\ntitle = "T"\nurls = ["https://e.org"]',
        '[x]\ntitle = "T"\nlicence = "L"\nurls = [1]',
        '[x]\ntitle = "T"\nlicence = "L"\nurls = "https://e.org"',
        '[x]\ntitle = "T"\nlicence = "L"\nurls = ["https://e.org"]\nsha256 = "1"',
        '[x]\ntitle = "T"\nlicence = "L"\nurls = ["https://e.org"]\nbytes = -1',
        '[x]\ntitle = "T"\nlicence = "L"\nurls = ["https://e.org"]\nname = "y"',
    ],
)
def test_a_table_that_is_none_is_named(text: str, own_data_folder: Path, run: Run) -> None:
    table(own_data_folder, text)
    done = run("weights", "fetch", "x")
    assert done.exit_code == 1
    assert "origins.toml" in done.stderr
    assert "\n" not in done.stderr.strip()


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://e.org/x", "nonsense", "http://[::1", "https://"]
)
def test_addresses_that_are_none(url: str, own_data_folder: Path) -> None:
    with pytest.raises(Failure) as caught:
        fetch(origin(url))
    assert caught.value.code == "download_failed"
