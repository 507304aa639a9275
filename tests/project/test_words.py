"""README, CI and sources say the same thing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
SOURCES = ("backend", "models", "gimp_plugin", "tests", "benchmarks")


def test_ci_runs_the_readme_s_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    (extract,) = re.findall(r"command=\$\((sed .*)\)", script)
    command = subprocess.run(
        ["sh", "-c", extract], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert command.strip().endswith("-m pytest")
    assert command.strip() in README
    assert len(command.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "page", ["README.md", *(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]
)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    missing = [link for link in links if "://" not in link and not ((ROOT / page).parent / link).exists()]
    assert not missing


def test_every_setting_stands_in_the_readme() -> None:
    code = (ROOT / "backend" / name for name in ("rigatino/settings.py", "rigatino_wire/endpoint.py"))
    settings = {name for file in code for name in re.findall(r"RIGATINO_[A-Z_]+", file.read_text("utf-8"))}
    assert settings >= {"RIGATINO_DEVICE", "RIGATINO_RUNTIME_DIR"}
    assert settings == set(re.findall(r"^\| `(RIGATINO_[A-Z_]+)` \|", README, re.MULTILINE))


def test_the_changelog_has_the_next_version_s_section() -> None:
    assert "\n## Unreleased\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.parametrize(
    "check",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["mypy", "gimp_plugin/rigatino-gimp/rigatino_gimp"],
    ],
    ids=" ".join,
)
def test_static_checks(check: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *check], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_has_a_room_too_many() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for source in SOURCES
        for file in (ROOT / source).rglob("*.py")
        if (lines := len(file.read_text("utf-8").splitlines())) > 450
    }
    assert not long
